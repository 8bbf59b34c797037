"""`python -m tests.interop`: fetch what others' clients need; then no test asks the network."""

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from tests.interop.gateways.kept import SOFTWARE
from tests.interop.programs import BUILT, fetch_libraries
from tests.support.processes import StartError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__: list[str] = []


def _main() -> None:
    making: dict[str, Callable[[], Path]] = {
        **{name: partial(fetch_libraries, name) for name in BUILT},
        **SOFTWARE,
    }
    for name, make in making.items():
        started = time.monotonic()
        try:
            folder = make()
        except StartError as error:
            sys.exit(f"Error: {error}")
        sys.stdout.write(f"{name}: {folder} ({time.monotonic() - started:.1f} s)\n")


if __name__ == "__main__":
    _main()
