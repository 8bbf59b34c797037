"""One enterprise in a stored count: what was found then, and what is found today."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import psycopg

from api.access.caller import Caller
from api.access.roles import Permission
from api.web.problems import Kind, Problem
from jieru.errors import UserError
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
from verifier.counting.explain import explain
from verifier.counting.explanation import Explanation
from verifier.counting.measures import CriterionRow
from verifier.policy import Policy, policy_from_source
from verifier.procedure.closings import list_closings
from verifier.procedure.grounds import Closing
from verifier.procedure.overview import determination_entry
from verifier.procedure.records import CountRecord
from verifier.procedure.states import State

__all__ = ["KeptCase", "PastOutcome", "kept_case", "open_closing", "past_outcomes", "policy_of"]

_SELECT_POLICY: Final = "SELECT policy_source FROM count_documents WHERE count_id = %s"
_SELECT_PAST: Final = """
    SELECT counts.year, counts.revision, counts.state, found.platform, found.outcome,
           found.connected_on
    FROM count_determinations found JOIN counts ON counts.id = found.count_id
    WHERE found.uscc = %(uscc)s AND (%(platform)s::text IS NULL OR found.platform = %(platform)s)
      AND (%(bureau)s OR counts.state IN ('published', 'payable', 'paid'))
    ORDER BY counts.year DESC, counts.revision DESC, found.platform COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class KeptCase:
    """What a stored count says of an enterprise, with the calendar behind it."""

    record: CountRecord
    outcome: Outcome
    reasons: tuple[CriterionName, ...]
    explanation: Explanation
    """With the criteria as they were kept; calendar and devices are today's, up to `as_of`."""
    outcome_today: Outcome
    """Of the same days under the same rules: another one where records changed since."""


class PastOutcome(NamedTuple):
    """What one count said of an enterprise."""

    year: int
    revision: int
    state: State
    platform: str
    outcome: Outcome
    connected_on: str | None

    @property
    def count_id(self) -> str:
        """Of the count."""
        return f"{self.year}-{self.revision}"


def kept_case(
    connection: psycopg.Connection, record: CountRecord, platform: str, uscc: str
) -> KeptCase:
    """One enterprise of a stored count.

    Args:
        connection: outside a transaction.
        record: the count, which the caller may see.
        platform: its code, which the caller may see.
        uscc: of the enterprise.

    Raises:
        Problem: the count does not list it.
    """
    with connection.transaction():
        entry = determination_entry(connection, record, platform, uscc)
        if entry is None or record.as_of is None:
            raise Problem(Kind.NOT_FOUND)
        policy = policy_of(connection, record)
    try:
        found = explain(connection, record.year, platform, uscc, as_of=record.as_of, policy=policy)
    except UserError as error:  # its connections were corrected away since
        raise Problem(Kind.NOT_FOUND, error.message, **error.values) from None
    return KeptCase(
        record=record,
        outcome=Outcome(entry["outcome"]),
        reasons=tuple(CriterionName(each) for each in entry["reasons"]),
        explanation=replace(found, criteria=tuple(map(_criterion, entry["criteria"]))),
        outcome_today=found.determination.outcome,
    )


def policy_of(connection: psycopg.Connection, record: CountRecord) -> Policy:
    """The rules of a count that was drafted."""
    row = connection.execute(_SELECT_POLICY, (record.id,)).fetchone()
    assert row is not None  # noqa: S101 - kept together with the determinations
    return policy_from_source(record.policy_name or "", row[0])


def past_outcomes(
    connection: psycopg.Connection, caller: Caller, platform: str, uscc: str
) -> list[PastOutcome]:
    """What every count said of an enterprise; to an operator those published, of its platform."""
    is_bureau = caller.may(Permission.READ_PROCEDURE)
    values = {"uscc": uscc, "platform": None if is_bureau else platform, "bureau": is_bureau}
    return [
        PastOutcome(year, revision, State(state), code, Outcome(outcome), connected_on)
        for year, revision, state, code, outcome, connected_on in connection.execute(
            _SELECT_PAST, values
        )
    ]


def open_closing(
    connection: psycopg.Connection, year: int, platform: str, uscc: str
) -> Closing | None:
    """The closing of a pending enterprise that holds, if there is one."""
    for each in list_closings(connection, year):
        if each.is_open and (each.platform_code, each.uscc) == (platform, uscc):
            return each
    return None


def _criterion(kept: Mapping[str, Any]) -> CriterionRow:
    return CriterionRow(
        name=kept["name"],
        is_met=kept["is_met"],
        measured=kept["measured"],
        required=kept["required"],
        clause=kept["clause"],
        basis=kept["basis"],
        waiver_id=kept["waiver_id"],
    )
