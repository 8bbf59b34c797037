"""`python -m tests.support.confined_reading FILE`: read a file as an import does, within limits.

For a process of its own: it may grow by so much and no more while it reads, and says in JSON what
became of the file, what the reading took, and whether the next files are read as ever.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any, Final

from jieru.errors import UserError
from registry.files import parse_sheet
from tests.support.hostile_files import GOOD_CSV, GOOD_WORKBOOK

GROWTH_BYTES: Final = 400 << 20
"""Of the address space; the file itself, up to 16 MiB here, is among it."""
_NAMES: Final = {"code", "name"}


def _read(content: bytes) -> dict[str, Any]:
    try:
        rows = parse_sheet(content, "file", _NAMES)
    except UserError as refusal:
        return {"said": str(refusal)}
    return {"rows": [[str(cell) for cell in row.cells] for row in rows]}


def _mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> None:
    """Read, then read what is good."""
    content = Path(sys.argv[1]).read_bytes()
    _read(GOOD_WORKBOOK)
    most = _mapped_bytes() + GROWTH_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    found = _read(content)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found |= {
        "child_cpu_s": used.ru_utime + used.ru_stime,
        "child_rss_bytes": used.ru_maxrss * 1024,
        "open": len(list(Path("/proc/self/fd").iterdir())),
        "next": [_read(GOOD_WORKBOOK), _read(GOOD_CSV)],
    }
    print(json.dumps(found))  # noqa: T201 - what its test reads


if __name__ == "__main__":
    main()
