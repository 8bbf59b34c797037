"""`python -m jieru` is `jieru`."""

from jieru.command import main

main()
