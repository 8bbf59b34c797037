"""Comparing the registry and the audit with the books. Pure but for `read_stored`."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from jieru.audit_chain import verify_audit
from jieru.documents.store import DocumentStore
from jieru.errors import UserError, WorldError
from tests.stall.books import IMPORTED_DEVICES, Asked, believed

__all__ = ["Entry", "Stored", "findings", "read_stored", "shortened"]

_ENTERPRISES: Final = """
    SELECT uscc, name FROM enterprises WHERE name LIKE '众人第%' ORDER BY uscc
"""
_DEVICES: Final = """
    SELECT serial, (SELECT count(*) FROM assignments WHERE device_id = devices.id)
    FROM devices WHERE serial ~ '^(c[0-9]|big|held)'
"""
_AUDITED: Final = """
    SELECT number, action, record_kind, record_id, before, after FROM audit_entries
    WHERE record_kind IN ('enterprises', 'devices', 'assignments') ORDER BY number
"""
_VISITS: Final = (
    "SELECT notes, count(*), min(documents[1]) FROM visits WHERE notes ~ '^c[0-9]' GROUP BY 1"
)
_DOCUMENTS: Final = "SELECT sha256 FROM documents"
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One of the audit."""

    action: str
    kind: str
    record_id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database has of the crowd and of whoever abuses it."""

    names: Mapping[str, str]
    """Of enterprises, by uscc."""
    assignments: Mapping[str, int]
    """How many each device has, by serial."""
    visits: Mapping[str, tuple[int, str]]
    """How many have these notes, and the SHA-256 of one's document."""
    documents: frozenset[str]
    """Those that can be read from the folder and are what they were."""
    entries: Sequence[Entry]
    breaks: Sequence[str]
    """Where the audit's chain is not whole."""


def read_stored(url: str, folder: Path) -> Stored:
    """Read it, and the documents in their folder; the audit's chain is verified."""
    breaks: list[str] = []

    def report(error: UserError) -> None:
        breaks.append(str(error))

    with psycopg.connect(url) as connection:
        names: dict[str, str] = dict(connection.execute(_ENTERPRISES).fetchall())
        assignments: dict[str, int] = dict(connection.execute(_DEVICES).fetchall())
        entries = [Entry(*row[1:]) for row in connection.execute(_AUDITED).fetchall()]
        visits = {notes: (n, sha256) for notes, n, sha256 in connection.execute(_VISITS)}
        kept = {sha256 for (sha256,) in connection.execute(_DOCUMENTS)}
        connection.rollback()
        verify_audit(connection, {}, report)
    store, documents = DocumentStore(folder, 1), set()
    for sha256 in kept:
        with suppress(WorldError):
            store.read(sha256)
            documents.add(sha256)
    return Stored(names, assignments, visits, frozenset(documents), entries, breaks)


def findings(books: Iterable[Asked], stored: Stored) -> list[str]:
    """Every way in which what is stored is not what was answered."""
    changes = [asked for asked in books if asked.what != "page"]
    found = [f"the audit's chain is not whole: {each}" for each in stored.breaks]
    found += _of_enterprises(changes, stored)
    found += _of_devices(changes, stored)
    found += _of_visits(changes, stored)
    found += _of_names(changes, stored)
    found += _of_doubled_entries(stored)
    return found


def _of_enterprises(changes: Sequence[Asked], stored: Stored) -> Iterator[str]:
    asked = {each.subject: each for each in changes if each.what == "enterprise"}
    made = _created(stored, "enterprises", "uscc")
    for uscc, each in asked.items():
        yield from _compared(each, int(uscc in stored.names), made[uscc], 1)
    for uscc in stored.names.keys() - asked.keys():
        yield f"enterprise {uscc} is registered, and nobody asked for it"


def _of_devices(changes: Sequence[Asked], stored: Stored) -> Iterator[str]:
    made = _created(stored, "devices", "serial")
    left = set(stored.assignments)
    for each in changes:
        if each.what == "device":
            them = {each.subject} & left
            whole = 1
        elif each.what == "import":
            them = {serial for serial in left if serial.startswith(each.subject)}
            whole = int(each.value or IMPORTED_DEVICES)
        else:
            continue
        left -= them
        audited = sum(made[serial] for serial in them)
        yield from _compared(each, len(them), audited, whole)
        for serial in sorted(them):
            if stored.assignments[serial] != 1:
                yield (
                    f"device {serial} has {stored.assignments[serial]} assignments in place of "
                    f"one: {each}"
                )
    for serial in sorted(left):
        yield f"device {serial} is registered, and nobody asked for it"


def _of_visits(changes: Sequence[Asked], stored: Stored) -> Iterator[str]:
    for each in changes:
        if each.what == "visit":
            number, sha256 = stored.visits.get(each.subject, (0, ""))
            # No audit's kind of record: the count has an order of its own.
            yield from _compared(each, number, number, 1)
            if number and sha256 not in stored.documents:
                yield f"stored without its document {sha256}: {each}"


def _compared(asked: Asked, stored: int, audited: int, whole: int) -> Iterator[str]:
    """What one change left behind, which shall be all of it or nothing."""
    belief = believed(asked)
    if stored not in {0, whole}:
        yield f"{stored} of {whole} stored, neither all nor nothing: {asked}"
    elif belief == "stored" and not stored:
        yield f"lost: {asked}"
    elif belief == "refused" and stored:
        yield f"refused, and stored: {asked}"
    if audited != stored:
        yield f"{stored} stored, {audited} entered in the audit: {asked}"


def _of_names(changes: Sequence[Asked], stored: Stored) -> Iterator[str]:
    """Each renaming once, in the order in which one person asked for them."""
    renamed: defaultdict[str, list[Asked]] = defaultdict(list)
    for each in changes:
        if each.what == "rename":
            renamed[each.subject].append(each)
    entered = _names_entered(stored)
    for uscc in sorted(renamed.keys() | (entered.keys() & stored.names.keys())):
        names = entered[uscc]
        for each in renamed[uscc]:
            yield from _of_renaming(each, names.count(each.value))
        wanted = [each.value for each in renamed[uscc]]
        for name in sorted(set(names) - set(wanted)):
            yield f"enterprise {uscc} was called {name}, and nobody asked for it"
        kept = [name for name in wanted if name in names]
        if list(dict.fromkeys(names)) != kept and set(names) == set(kept):
            yield f"enterprise {uscc} was renamed in another order: {names} in place of {kept}"
        is_called = stored.names.get(uscc)
        if names and is_called != names[-1]:
            yield f"enterprise {uscc} is called {is_called}, its audit says {names[-1]}"


def _names_entered(stored: Stored) -> defaultdict[str, list[str]]:
    """What each enterprise was called by a change, in the audit's order."""
    entered: defaultdict[str, list[str]] = defaultdict(list)
    for entry in stored.entries:
        if entry.kind != "enterprises" or entry.before is None:
            continue
        if entry.before["name"] != entry.after["name"]:
            entered[entry.after["uscc"]].append(entry.after["name"])
    return entered


def _of_renaming(asked: Asked, times: int) -> Iterator[str]:
    belief = believed(asked)
    if times > 1:
        yield f"applied {times} times: {asked}"
    elif belief == "stored" and not times:
        yield f"lost: {asked}"
    elif belief == "refused" and times:
        yield f"refused, and stored: {asked}"


def _of_doubled_entries(stored: Stored) -> Iterator[str]:
    created = Counter(
        (entry.kind, entry.record_id) for entry in stored.entries if entry.action == "create"
    )
    for (kind, record_id), times in created.items():
        if times > 1:
            yield f"{kind} {record_id} was entered in the audit {times} times as made"


def _created(stored: Stored, kind: str, column: str) -> Counter[str]:
    return Counter(
        entry.after[column]
        for entry in stored.entries
        if entry.kind == kind and entry.action == "create"
    )


def shortened(found: Sequence[str]) -> list[str]:
    """The first few of each kind, and how many more."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for each in found:
        kinds[re.sub(r"\d+", "", each.split(":")[0])].append(each)
    short = []
    for kind, them in kinds.items():
        more = len(them) - _SHOWN
        short += [*them[:_SHOWN], *([f"{kind}: and {more} more"] if more > 0 else [])]
    return short
