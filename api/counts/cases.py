"""One enterprise in a stored count: what was found then, and whether that is so today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg

from api.access.caller import Caller
from api.access.roles import Permission
from api.web.problems import Kind, Problem
from verifier.counting.determination import Outcome
from verifier.counting.explanation import Explanation
from verifier.counting.registry import Platform
from verifier.policy import Policy, policy_from_source
from verifier.procedure.closings import list_closings
from verifier.procedure.computing import compute_entry
from verifier.procedure.decided_since import DecidedSince, decided_since
from verifier.procedure.entries import explanation_of_entry
from verifier.procedure.grounds import Closing
from verifier.procedure.overview import count_summary, determination_entry
from verifier.procedure.records import CountRecord
from verifier.procedure.states import State

__all__ = ["KeptCase", "PastOutcome", "kept_case", "open_closing", "past_outcomes", "policy_of"]

_DIGESTS: Final = ("registry_sha256", "presence_sha256")
_SELECT_POLICY: Final = "SELECT policy_source FROM count_documents WHERE count_id = %s"
_SELECT_PAST: Final = """
    SELECT counts.year, counts.revision, counts.state, found.platform, found.outcome,
           found.connected_on
    FROM count_determinations found JOIN counts ON counts.id = found.count_id
    WHERE found.uscc = %(uscc)s AND (%(platform)s::text IS NULL OR found.platform = %(platform)s)
      AND counts.state <> 'discarded'
      AND (%(bureau)s OR counts.state IN ('published', 'payable', 'paid'))
    ORDER BY counts.year DESC, counts.revision DESC, found.platform COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class KeptCase:
    """What a stored count says of an enterprise, and what became of its grounds since."""

    record: CountRecord
    explanation: Explanation
    """As the count has it."""
    outcome_today: Outcome | None
    """Of the same days under the same rules; None where the count would not list it today."""
    is_changed: bool
    """Whether registry or presence are no longer those that the count has the digests of."""
    holds_evidence: bool
    """Whether the count itself holds devices, calendar and connections; else the explanation
    has those of today, which are the same unless something changed."""
    since: Sequence[DecidedSince] = ()
    """What was decided since the draft of a count that is not frozen."""


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
        connection: inside a snapshot.
        record: the count, which the caller may see.
        platform: its code, which the caller may see.
        uscc: of the enterprise.

    Raises:
        Problem: the count does not list it.
    """
    entry = determination_entry(connection, record, platform, uscc)
    summary = count_summary(connection, record)
    if entry is None or summary is None or record.as_of is None:
        raise Problem(Kind.NOT_FOUND)
    policy = policy_of(connection, record)
    today = compute_entry(
        connection, record.year, platform, uscc, as_of=record.as_of, policy=policy
    )
    name = next(each.name for each in summary.platforms if each.platform == platform)
    return KeptCase(
        record=record,
        explanation=explanation_of_entry(
            Platform(platform, name),
            _with_grounds(entry, today, record),
            year=record.year,
            policy=policy,
            as_of=record.as_of,
            is_simulation=summary.is_simulation,
        ),
        outcome_today=Outcome(today["outcome"]) if today else None,
        is_changed=today is None or any(today[key] != entry[key] for key in _DIGESTS),
        holds_evidence="calendar" in entry,
        since=decided_since(connection, record, platform=platform, uscc=uscc),
    )


def _with_grounds(
    entry: Mapping[str, Any], today: Mapping[str, Any] | None, record: CountRecord
) -> Mapping[str, Any]:
    """An entry with what version 1 of the document left out, from today's records."""
    if "calendar" in entry:
        return entry
    year = {
        "kind": "year",
        "first_day": f"{record.year}-01-01",
        "last_day": f"{record.year}-12-31",
    }
    nothing = {"period": year, "connections": [], "calendar": {}, "devices": []}
    found = today or nothing
    return {
        **entry,
        **{key: found[key] for key in ("period", "connections", "calendar")},
        "devices": entry["devices"] or found["devices"],
    }


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
