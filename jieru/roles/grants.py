"""What each role may do, as `grants.txt` beside this module has it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["AUDIT_WRITER", "PROCESSES", "Grant", "listed_names", "wanted_grants"]

PROCESSES: Final = (
    "jieru_api",
    "jieru_ingest",
    "jieru_verifier",
    "jieru_broker",
    "jieru_archive",
)
"""The roles that processes log in as, in the order of the columns."""
AUDIT_WRITER: Final = "jieru_audit_writer"
"""Nobody's role: it owns the audit and the functions that write it."""

_FILE: Final = Path(__file__).parent / "grants.txt"
_NOTHING: Final = "-"
_PRIVILEGES: Final = {
    "r": "SELECT",
    "a": "INSERT",
    "w": "UPDATE",
    "d": "DELETE",
    "X": "EXECUTE",
}
_WORD: Final = re.compile(r"([rawd])\(([a-z0-9_,]+)\)|([rawdX])")


class Grant(NamedTuple):
    """One thing that one role may do."""

    name: str
    """Of a table or a view; of a function with its arguments' types."""
    role: str
    privilege: str
    """In PostgreSQL's word."""
    column: str
    """Empty: all of it."""


def wanted_grants(text: str | None = None) -> frozenset[Grant]:
    """Everything that the file grants.

    Raises:
        ValueError: a line has another form.
    """
    return frozenset(grant for name, words in _lines(text) for grant in _grants(name, words))


def listed_names(text: str | None = None) -> tuple[str, ...]:
    """What has a line, in the file's order."""
    return tuple(name for name, _words in _lines(text))


def _lines(text: str | None) -> Iterator[tuple[str, list[str]]]:
    for line in (_FILE.read_text(encoding="utf-8") if text is None else text).splitlines():
        if not line or line.startswith("#"):
            continue
        name, *words = line.split()
        if len(words) != len(PROCESSES):
            raise ValueError(f"grants.txt: {name} needs a word for each of {', '.join(PROCESSES)}")
        yield name, words


def _grants(name: str, words: list[str]) -> Iterator[Grant]:
    for role, word in zip(PROCESSES, words, strict=True):
        if word == _NOTHING:
            continue
        if _WORD.sub("", word):
            raise ValueError(f"grants.txt: {name} has {word}, which says nothing")
        for letter, columns, whole in _WORD.findall(word):
            if whole:
                yield Grant(name, role, _PRIVILEGES[whole], "")
            for column in filter(None, columns.split(",")):
                yield Grant(name, role, _PRIVILEGES[letter], column)
