"""`python -m verifier.reports.child WANTED`: make a report of the signed file on standard input.

Started by `verifier.reports.apart`. It writes one line of JSON that says what it made or why it
did not, and behind it the report.
"""

import json
import os
import resource
import sys
from typing import Final

from jieru.errors import UserError
from verifier.reports.document import read_signed_count
from verifier.reports.making import make_report

__all__: list[str] = []

_NICER: Final = 5
"""Pages are answered before reports are made."""


def main() -> None:
    """Make what the only argument asks for."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the count
    os.nice(_NICER)
    wanted = json.loads(sys.argv[1])
    try:
        report = make_report(read_signed_count(sys.stdin.buffer.read()), **wanted)
    except UserError as refusal:
        _say({"refused": refusal.message, "values": refusal.values})
    else:
        _say({"media_type": report.media_type, "file_name": report.file_name})
        sys.stdout.buffer.write(report.content)
    sys.stdout.buffer.flush()


def _say(answer: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(answer, default=str).encode() + b"\n")


if __name__ == "__main__":
    main()
