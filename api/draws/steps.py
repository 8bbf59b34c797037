"""Publishing, drawing and recording visits, as a person with a session does it."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import psycopg
from fastapi import Depends

from api.access.caller import Caller, CurrentCaller
from api.access.people_only import StepInstant, require_person
from api.draws.answers import Drawing, NewVisit, Publication
from api.web.database import Database, RequestDatabase
from api.web.documents import CurrentStore, keep_files
from api.web.problems import Kind, Problem
from api.web.records import is_record_id
from jieru.documents.store import DocumentStore, NewDocument
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.procedure.names import checked_name
from verifier.trust.draws.records import (
    Announcement,
    Draw,
    draw_by_id,
    publish_list,
    record_draw,
)
from verifier.trust.draws.visits import Visit, VisitReport, list_visits, record_visit

__all__ = ["CurrentDrawer", "Drawer", "find_draw", "find_visit"]

_BETWEEN: Final = re.compile(r"[\s,;，；]+")
_LINE_ENDS: Final = ("", "\n", "\r\n")


def find_visit(connection: psycopg.Connection, visit_id: int) -> Visit:
    """One visit.

    Raises:
        Problem: there is none.
    """
    for each in list_visits(connection) if is_record_id(visit_id) else ():
        if each.id == visit_id:
            return each
    raise Problem(Kind.NOT_FOUND, _("There is no visit {id}."), id=visit_id)


def find_draw(connection: psycopg.Connection, draw_id: int) -> Draw:
    """One draw.

    Raises:
        Problem: there is none.
    """
    if is_record_id(draw_id):
        with suppress(UserError):
            return draw_by_id(connection, draw_id)
    raise Problem(Kind.NOT_FOUND, _("There is no draw {id}."), id=draw_id)


@dataclass(frozen=True, slots=True)
class Drawer:
    """Somebody who takes a step of a draw, at one moment."""

    caller: Caller
    database: RequestDatabase
    now: datetime
    """By the database's clock, as all steps."""
    store: DocumentStore | None
    """Of photographs and papers; None: this installation takes no files."""

    @property
    def name(self) -> str:
        """Under which it is recorded."""
        return checked_name(self.caller.actor.name)

    def publish(self, publication: Publication) -> Draw:
        """Publish the list of a submitted count."""
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            return publish_list(
                connection,
                publication.year,
                size=publication.size,
                announcement=Announcement(
                    publication.announced_source,
                    publication.announced_on,
                    publication.value_form,
                    publication.commitment,
                ),
                by=self.name,
                at=self.now,
            )

    def draw(self, draw_id: int, drawing: Drawing) -> Draw:
        """Draw a published list."""
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            draw = find_draw(connection, draw_id)
            return record_draw(
                connection,
                draw,
                public_value=drawing.public_value,
                revealed=_sealed_bytes(drawing.revealed, draw.commitment),
                by=self.name,
                at=self.now,
            )

    def record_visit(self, new: NewVisit, files: Sequence[NewDocument]) -> Visit:
        """Put a visit on record, and keep what was handed in with it."""
        named = _BETWEEN.split(new.documents) if new.documents else []
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            kept = keep_files(self.store, connection, files, by=self.name)
            report = _report(new, [*named, *(each["sha256"] for each in kept)])
            return record_visit(connection, report, by=self.name, at=self.now)


def _drawer(
    caller: CurrentCaller, database: Database, now: StepInstant, store: CurrentStore
) -> Drawer:
    require_person(caller)
    return Drawer(caller, database, now, store)


CurrentDrawer = Annotated[Drawer, Depends(_drawer)]


def _report(new: NewVisit, documents: Sequence[str]) -> VisitReport:
    return VisitReport(
        year=new.year,
        platform=new.platform,
        uscc=new.uscc,
        visited_on=new.visited_on,
        first_visitor=new.first_visitor,
        second_visitor=new.second_visitor,
        found=new.found,
        notes=new.notes,
        documents=tuple(documents),
        case_id=new.case_id,
    )


def _sealed_bytes(text: str | None, commitment: str | None) -> bytes | None:
    """What was sealed, where a text was: a form loses the end of a file's only line."""
    if not text:
        return None
    found = (f"{text}{end}".encode() for end in _LINE_ENDS)
    return next(
        (each for each in found if hashlib.sha256(each).hexdigest() == commitment), text.encode()
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer what is refused as a conflict, in its own words.

    Raises:
        Problem: it was refused.
    """
    try:
        yield
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None
