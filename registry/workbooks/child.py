"""`python -m registry.workbooks.child LIMITS`: read the workbook on standard input, write its rows.

Started by `registry.workbooks.reader` and held to limits that it sets for itself before it looks
at a byte: what goes wrong in here goes wrong for one file. It opens nothing, reaches no network
and knows no database; once it reads, it has no file handle left to do so.
"""

import codecs
import json
import resource
import sys
from collections.abc import Iterator
from typing import Final

from jieru.errors import UserError
from registry.sheet_rows import SheetRow
from registry.workbooks.limits import WorkbookLimits
from registry.workbooks.lines import END, line_of_refusal, line_of_row
from registry.workbooks.reading import read_workbook
from registry.workbooks.refusals import TooMuchError, UnreadableError

codecs.lookup("cp437")  # of names in archives, while there is a file handle to load it with

_LOG_BYTES: Final = 1 << 16
_MIB: Final = 1 << 20


def main() -> None:
    """Write one line for each row that holds anything, then one that says how it ended."""
    limits = WorkbookLimits(**json.loads(sys.argv[1]))
    _limit_this_process(limits)
    try:
        content = sys.stdin.buffer.read(limits.content_bytes + 1)
        for line in _lines(content, limits):
            sys.stdout.buffer.write(line)
        ending = END
    except UserError as refusal:
        ending = line_of_refusal(refusal)
    except MemoryError:
        ending = line_of_refusal(TooMuchError())
    except Exception:
        raise
    except BaseException:  # noqa: BLE001 - what a fault in the parser's Rust comes as
        sys.excepthook(*sys.exc_info())
        ending = line_of_refusal(UnreadableError())
    sys.stdout.buffer.write(ending)
    sys.stdout.buffer.flush()


def _lines(content: bytes, limits: WorkbookLimits) -> Iterator[bytes]:
    if len(content) > limits.content_bytes:
        raise TooMuchError
    written = 0
    for row in read_workbook(content, limits):
        if not _holds_anything(row):
            continue
        line = line_of_row(row)
        written += len(line)
        if written > limits.text_bytes:
            raise UserError(
                "The text in {name} is larger than {limit} MB: split it.",
                limit=limits.text_bytes // _MIB,
            )
        yield line


def _holds_anything(row: SheetRow) -> bool:
    return any(not isinstance(cell, str) or cell.strip() for cell in row.cells)


def _limit_this_process(limits: WorkbookLimits) -> None:
    """Set every limit, hard, so that nothing in here lifts it again."""
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, _LOG_BYTES),  # its standard error is a file
        (resource.RLIMIT_CORE, 0),  # a dump would hold the registry
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open
    ):
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    main()
