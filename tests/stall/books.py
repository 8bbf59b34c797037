"""What the crowd asked and what it was answered: what the registry must agree with. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

__all__ = [
    "IMPORTED_DEVICES",
    "REFUSALS",
    "Asked",
    "Believed",
    "Person",
    "What",
    "believed",
    "line_of",
    "read_books",
]

IMPORTED_DEVICES: Final = 5
"""In each file of the crowd: all of them are stored, or none."""

REFUSALS: Final = frozenset({429, 503, 507})
"""With these a console that is busy, ending or full says so."""

What = Literal["page", "enterprise", "rename", "device", "import", "visit"]
"""A page that was read, or a change."""
Believed = Literal["stored", "refused", "unknown"]

_NOTHING_STORED: Final = ("too_many_requests", "busy", "no_room")
_LEAST_ERROR: Final = 400
_LEAST_FAULT: Final = 500


@dataclass(frozen=True, slots=True)
class Person:
    """One of the crowd, or whoever abuses the console."""

    name: str
    role: str
    platform: str | None
    session: str
    """The cookie."""
    key: str
    """A program's key of the same role; empty: this person changes nothing."""
    address: str
    """From where, as a proxy would say."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the crowd and its answer."""

    who: str
    what: What
    subject: str
    """The page's path; of a change the uscc, the serial, what the serials begin with, the notes."""
    value: str
    """The name that was given, or a document's SHA-256; empty: none."""
    serve: int
    """Which one was asked, from 1."""
    began_s: float
    """By the machine's monotonic clock."""
    ended_s: float
    status: int
    """0: there was no answer."""
    said: str
    """The type and detail of a problem, or how there was no answer."""

    def __str__(self) -> str:
        return f"{self.what} {self.subject} by {self.who}: {self.status} {self.said}".rstrip()


def believed(asked: Asked) -> Believed:
    """What its caller must believe of a change.

    A console that says that nothing was stored is held to it; one that says less is not.
    """
    if asked.status == 0:
        return "unknown"
    if asked.status < _LEAST_ERROR:
        return "stored"
    if asked.status < _LEAST_FAULT:
        return "refused"
    if "nothing of this request was stored" in asked.said:
        return "refused"
    if any(f"#problem-{kind} " in asked.said for kind in _NOTHING_STORED):
        return "refused"
    return "unknown"


def read_books(lines: Iterable[str]) -> Iterator[Asked]:
    """What was written as JSON, one line each."""
    for line in lines:
        fields: Mapping[str, Any] = json.loads(line)
        yield Asked(**fields)


def line_of(asked: Asked) -> str:
    """One line of the books."""
    return json.dumps(asdict(asked), ensure_ascii=False) + "\n"
