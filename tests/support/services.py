"""`python -m tests.support.services`: what the suite needs of the outside, fetched beforehand.

Afterwards no test asks the network for anything.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.support.browser import ensure_chromium
from tests.support.debian_packages import PACKAGES, ensure_debian_packages
from tests.support.debian_root import ensure_debian_root
from tests.support.processes import StartError
from tests.support.verapdf import fetch_verapdf
from tests.support.wheelhouse import ensure_wheelhouse

__all__: list[str] = []


def _main() -> None:
    started = time.monotonic()
    try:
        # All in one go, so that an ordinary user is asked once.
        ensure_debian_packages(*PACKAGES)
        ensure_chromium()
        with tempfile.TemporaryDirectory(prefix="jieru-verapdf-") as folder:
            fetch_verapdf(Path(folder))
        ensure_wheelhouse()
        root = ensure_debian_root()
    except StartError as error:
        sys.exit(f"Error: {error}")
    sys.stdout.write(f"Test services: {root.path} ({time.monotonic() - started:.1f} s)\n")


if __name__ == "__main__":
    _main()
