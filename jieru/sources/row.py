"""One heartbeat as a source has it, and where in its message it stands. Pure."""

from functools import lru_cache
from typing import Final

import msgspec

from jieru.refusals.said import excerpt
from jieru.sources.formats import Format
from jieru.wire import DeviceStatus

__all__ = ["At", "Row", "path_of"]


class At(msgspec.Struct, frozen=True, gc=False):
    """Where a row stands: enough to name its path, should it be refused later."""

    line: int
    """Of a message of lines, from 1; 0: there are none."""
    rule: int
    """Which of the source's rules found it, from 0."""
    keys: tuple[str | int, ...]
    """What its stars stand for: names and places."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One heartbeat as a source has it: whose device it is, the registry says."""

    at: At
    serial: str
    ts_ms: int | None
    """None: the time of receipt."""
    seq: int | None
    status: DeviceStatus | None
    metrics: bytes | None
    """A JSON object, its values byte for byte as they came."""


def path_of(at: At, declared: Format) -> str:
    """Where a row stands, for people: `$.CNC-00059[3]`, and `#7$` in line 7."""
    keys = tuple([_shown(each) if isinstance(each, str) else each for each in at.keys])
    path = declared.rules[at.rule].path % keys
    return f"#{at.line}{path}" if at.line else path


_shown: Final = lru_cache(maxsize=4_096)(excerpt)
