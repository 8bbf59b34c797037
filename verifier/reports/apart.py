"""Makes a report in a process of its own: what its libraries keep of memory ends with it.

A report of 10,000 enterprises takes hundreds of megabytes while it is made, and the process that
made it would never give all of them back.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import IO, Final

from jieru.errors import UserError, WorldError
from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.reports.making import Report, ReportKind
from verifier.reports.sheets import SheetName

__all__ = ["WantedReport", "make_report_apart"]

_CHILD: Final = "verifier.reports.child"
_LONGEST_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class WantedReport:
    """Which report is to be made, as `make_report` takes it."""

    kind: ReportKind
    language: Language
    font_folder: str = ""
    platform: str | None = None
    uscc: str | None = None
    table: SheetName = "determinations"


def make_report_apart(content: bytes, wanted: WantedReport) -> Report:
    """Make one report of a signed file; its bytes are those that `make_report` makes.

    Args:
        content: of the signed file, its signature checked.
        wanted: which report.

    Raises:
        UserError: the enterprise is not named or not listed, or there is no font for Chinese.
        WorldError: no process can be started, or it came to no end.
    """
    # Both lie in memory, so that a full disk stops no report.
    with _memory_file("signed") as source, _memory_file("report") as target:
        _write(source, content)
        del content
        exit_code = _run(source, target, wanted)
        target.seek(0)
        said, made = target.readline(), target.read()
    if exit_code != 0 or not said:
        raise WorldError(_("The report could not be made: try again."))
    answer = json.loads(said)
    if "refused" in answer:
        raise UserError(answer["refused"], **answer["values"])
    return Report(made, answer["media_type"], answer["file_name"])


def _run(source: IO[bytes], target: IO[bytes], wanted: WantedReport) -> int:
    try:
        return subprocess.run(  # noqa: S603 - this program itself
            [sys.executable, "-P", "-m", _CHILD, json.dumps(asdict(wanted))],
            stdin=source,
            stdout=target,
            env=_environment(),
            cwd="/",
            timeout=_LONGEST_S,
            check=False,
        ).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorldError(_("The report could not be made: try again.")) from error


def _write(file: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
    file.seek(0)


def _memory_file(name: str) -> IO[bytes]:
    return os.fdopen(os.memfd_create(name), "w+b", buffering=0)


def _environment() -> dict[str, str]:
    """Where the program lies, and nothing else: no address of a database, no secret."""
    return {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "LC_ALL": "C.UTF-8"}
