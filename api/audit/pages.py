"""The audit for people: who changed what, and how it was before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from api.access.gate import GatedRoute
from api.audit.answers import AuditEntry, RecordKind
from api.audit.queries import OF_OPERATORS, AuditFilter, list_entries
from api.console.choices import platform_choices, word_choices
from api.console.listed import Filtered, list_address, render_list
from api.console.visit import CurrentVisit, Visit
from api.console.words import AUDITED_FIELD_WORDS, RECORD_KIND_WORDS
from api.web.instants import instant
from api.web.paging import RequestedPage

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/audit"
_NAMING: Final = ("display_name", "serial", "username", "name", "contract_no")
_NOT_SAID: Final = frozenset({"id", "revision"})
"""Fields of every record, which say nothing of it."""
_NOT_SAID_OF_NEW: Final = _NOT_SAID | {
    "created_at",
    "decided_at",
    "registered_at",
    "password_hash",
    "salt",
    "secret_hash",
}
"""Of a new record, those that say no more than that it is new."""

OptionalKind = Annotated[RecordKind | None, BeforeValidator(lambda value: value or None)]
"""A kind of record, or nothing: a form sends an empty text for all of them."""


class Difference(NamedTuple):
    """What a change did to one field, in words; empty: nothing stands there."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    record_kind: OptionalKind = None
    platform: Filtered = ""
    actor: Filtered = ""


@router.get(_LIST)
def show_entries(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """The entries, newest first."""
    accepted = AuditFilter(
        actor=wanted.actor or None,
        record_kind=wanted.record_kind,
        platform=wanted.platform or None,
    )
    with visit.database.snapshot() as connection:
        entries = list_entries(connection, visit.caller, accepted, page)
        platforms = platform_choices(connection, visit.caller)
    query: dict[str, object] = {
        "record_kind": wanted.record_kind,
        "platform": wanted.platform,
        "actor": wanted.actor,
    }
    values = {
        "entries": [
            (each, _kind_in_words(visit, each), _name(each), _differences(visit, each))
            for each in entries.items
        ],
        "platforms": platforms,
        "kinds": word_choices(
            [each for each in RecordKind if visit.caller.platform is None or each in OF_OPERATORS],
            RECORD_KIND_WORDS,
            visit.translate,
        ),
        "wanted": wanted,
        "export_address": list_address("/api/v1/audit-entries.csv", query),
    }
    return render_list(visit, "audit", _LIST, query, page, entries.next_cursor, values)


def _kind_in_words(visit: Visit, entry: AuditEntry) -> str:
    # A table that is newer than these words is shown by its name.
    return visit.translate(RECORD_KIND_WORDS.get(entry.record_kind, entry.record_kind))


def _name(entry: AuditEntry) -> str:
    """What people call the record, as far as it says."""
    names = (entry.after.get(field) for field in _NAMING)
    return next((str(name) for name in names if name), f"#{entry.record_id}")


def _differences(visit: Visit, entry: AuditEntry) -> list[Difference]:
    """The fields that changed; of a new record, those that say something."""
    before = entry.before or {}
    if entry.before is None:
        said = [name for name, value in entry.after.items() if value is not None]
        names = sorted(set(said) - _NOT_SAID_OF_NEW)
    else:
        names = [name for name in entry.changed_fields if name not in _NOT_SAID]
    return [
        Difference(
            visit.translate(AUDITED_FIELD_WORDS.get(name, name)),
            _text(name, before.get(name)),
            _text(name, entry.after.get(name)),
        )
        for name in names
    ]


def _text(name: str, value: object) -> str:
    if isinstance(value, str) and name.endswith("_at"):
        return instant(datetime.fromisoformat(value))
    return "" if value is None else str(value)
