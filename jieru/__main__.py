"""`python -m jieru` is the command `jieru`, which stands above everything and so not here."""

import runpy

if __name__ == "__main__":
    # By its name and not by an import, for nothing in this package knows of what is built on it.
    runpy.run_module("command", run_name="__main__", alter_sys=True)
