"""`python -m tests.interop`: fetch what the clients' languages need; tests then ask no network."""

import sys
import time

from tests.interop.programs import BUILT, fetch_libraries
from tests.support.processes import StartError

__all__: list[str] = []


def _main() -> None:
    for name in BUILT:
        started = time.monotonic()
        try:
            folder = fetch_libraries(name)
        except StartError as error:
            sys.exit(f"Error: {error}")
        sys.stdout.write(f"{name}: {folder} ({time.monotonic() - started:.1f} s)\n")


if __name__ == "__main__":
    _main()
