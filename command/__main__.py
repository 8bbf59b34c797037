"""`python -m command` is `jieru`."""

from command import main

main()
