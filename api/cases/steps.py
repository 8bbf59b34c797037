"""Steps of cases, as a person in the console or with a session takes them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import psycopg
from fastapi import Depends

from api.access.caller import Caller, CurrentCaller
from api.cases.answers import Answer, NewCase, TakenCaseStep
from api.web.database import Database, RequestDatabase
from api.web.documents import CurrentStore, keep_files
from api.web.policy import CurrentPolicy
from api.web.problems import Kind, Problem
from api.web.services import service
from jieru.documents.store import DocumentStore, NewDocument
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.counting.decisions import find_case
from verifier.policy import Policy
from verifier.procedure.holidays import Holidays
from verifier.procedure.names import checked_name
from verifier.trust.cases.records import open_case
from verifier.trust.cases.states import CaseStep
from verifier.trust.cases.taking import NewStep, take_step

__all__ = ["CaseWorker", "CurrentAnswerer", "CurrentCaseWorker", "CurrentHolidays", "person_name"]

CurrentHolidays = Annotated[Holidays, Depends(service(Holidays))]


def require_person(caller: Caller) -> None:
    """Refuse a program with a key: people answer for what they say of others.

    Raises:
        Problem: it is one.
    """
    if caller.form_token is None:
        raise Problem(
            Kind.FORBIDDEN,
            _("Only a person who signed in may do this, not a program with a key."),
        )


def person_name(caller: Caller) -> str:
    """The name by which cases know a caller: a person's, or a key's number."""
    return checked_name(caller.actor.name)


@dataclass(frozen=True, slots=True)
class CaseWorker:
    """Somebody who works on cases, or answers in one."""

    caller: Caller
    database: RequestDatabase
    policy: Policy
    holidays: Holidays
    store: DocumentStore | None

    @property
    def name(self) -> str:
        """By which steps name the caller."""
        return person_name(self.caller)

    def open(self, new: NewCase) -> int:
        """Open a case without signals; its first step says why."""
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            found = find_case(connection, new.platform, new.uscc)
            case_id = open_case(connection, *found, cause="verifier", by=self.name)
            self._take(
                connection, case_id, NewStep(step=CaseStep.NOTED, by=self.name, text=new.text)
            )
        return case_id

    def take(self, case_id: int, taken: TakenCaseStep, files: Sequence[NewDocument]) -> None:
        """Take a step of a case."""
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            documents = keep_files(self.store, connection, files, by=self.name)
            self._take(
                connection,
                case_id,
                NewStep(
                    step=CaseStep(taken.step),
                    by=self.name,
                    text=taken.text,
                    working_days=taken.working_days,
                    visited_on=taken.visited_on,
                    leads_to=taken.leads_to,
                    documents=documents,
                ),
            )

    def answer(self, case_id: int, answer: Answer, files: Sequence[NewDocument]) -> None:
        """Answer what an operator was asked in a case of the own platform."""
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            documents = keep_files(self.store, connection, files, by=self.name)
            self._take(
                connection,
                case_id,
                NewStep(
                    step=CaseStep.OPERATOR_ANSWERED,
                    by=self.name,
                    text=answer.text,
                    documents=documents,
                ),
            )

    def _take(self, connection: psycopg.Connection, case_id: int, new: NewStep) -> None:
        take_step(connection, case_id, new, policy=self.policy, holidays=self.holidays)


def _answerer(
    caller: CurrentCaller,
    database: Database,
    policy: CurrentPolicy,
    holidays: CurrentHolidays,
    store: CurrentStore,
) -> CaseWorker:
    return CaseWorker(caller, database, policy, holidays, store)


CurrentAnswerer = Annotated[CaseWorker, Depends(_answerer)]
"""An operator, or one of its programs."""


def _case_worker(worker: CurrentAnswerer) -> CaseWorker:
    require_person(worker.caller)
    return worker


CurrentCaseWorker = Annotated[CaseWorker, Depends(_case_worker)]
"""A person; a program is refused before its body is read."""


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer what cases refuse as a conflict, in their own words.

    Raises:
        Problem: it was refused.
    """
    try:
        yield
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None
