"""`python -m tests.coverage FILE`: branch coverage by package, and functions that no test reaches.

FILE is what `coverage json` wrote.
"""

import json
import sys
from pathlib import Path

from rich.console import Console

from tests.coverage.packages import by_package, table, unreached

__all__: list[str] = []

if __name__ == "__main__":
    files = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["files"]
    said = Console(soft_wrap=True)
    said.print(table(by_package(files)), markup=False)
    said.print("\nFunctions that no test reached:", markup=False)
    for name in unreached(files):
        said.print(f"- `{name}`", markup=False)
