"""A count in which everybody did one thing, for tests of who may still do what in it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg

from jieru.audit import Actor, changing
from tests.support.heard import vouch_for_evidence
from tests.support.procedure import AS_OF, HOLIDAYS, KEY, POLICY, TRUSTED
from tests.support.registry_builder import RegistryBuilder, days_between
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.procedure.closings import close_pending, withdraw_closing
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import freeze_count
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord
from verifier.procedure.states import State
from verifier.procedure.steps import publish_count
from verifier.procedure.submitting import submit_count

__all__ = [
    "COUNTED",
    "PEOPLE",
    "WAITING",
    "act_of",
    "count_of_many",
]

PEOPLE: Final = (
    "drafter",
    "submitter",
    "decider",
    "withdrawer",
    "waiver",
    "confirmer",
    "closer",
    "reopener",
    "freezer",
    "approver",
    "payer",
    "stranger",
)
"""Each is called after the one thing that this person did; the stranger did nothing."""
COUNTED: Final = ("alpha", "beta")
"""Platforms that are paid; the payer has paid the first of them."""
WAITING: Final = 4
"""Id of a waiver on an enterprise that no count of 2026 lists: nobody has confirmed it."""
_TIMES: Final[Mapping[State, datetime]] = {
    State.DRAFT: datetime(2027, 5, 6, 1, tzinfo=UTC),
    State.IN_REVIEW: datetime(2027, 5, 6, 2, tzinfo=UTC),
    State.FROZEN: datetime(2027, 5, 6, 3, tzinfo=UTC),
    State.PUBLISHED: datetime(2027, 5, 6, 4, tzinfo=UTC),
    State.PAYABLE: datetime(2027, 6, 1, 1, tzinfo=UTC),
}
_DAYS: Final = days_between(date(2026, 3, 2), date(2026, 6, 30))


def act_of(name: str, at: datetime) -> Act:
    """Somebody at a moment."""
    return Act(Actor(f"user:{name}", "127.0.0.1"), name, at)


def count_of_many(
    connection: psycopg.Connection, state: State, *, is_simulation: bool
) -> CountRecord:
    """The count of 2026 on an empty registry, led to a state by people of whom each did one thing.

    Args:
        connection: to a migrated database.
        state: from a draft to payable.
        is_simulation: then nobody is asked to confirm the waiver.
    """
    _decide(connection, is_simulation=is_simulation)
    drafting, *_others = _TIMES.values()
    record = draft_count(connection, act_of("drafter", drafting), 2026, as_of=AS_OF, policy=POLICY)
    vouch_for_evidence(connection)
    for step in (_submit, _freeze, _publish, _approve_and_pay):
        if record.state is state:
            break
        record = step(connection, record)
    connection.commit()
    return record


def _decide(connection: psycopg.Connection, *, is_simulation: bool) -> None:
    registry = RegistryBuilder(connection)
    for code in COUNTED:
        registry.platform(code)
    waived, excluded, doubted, late = (
        registry.served_enterprise(number, "alpha", _DAYS) for number in (1, 2, 3, 4)
    )
    registry.served_enterprise(5, "beta", _DAYS)
    # Connected after the year, so that no count of it lists it.
    elsewhere = registry.enterprise(6)
    registry.connection("beta", elsewhere, date(2027, 2, 1))

    def decide(kind: str, uscc: str, by: str, platform: str = "alpha") -> int:
        return record_decision(
            connection,
            kind,  # type: ignore[arg-type]
            platform,
            uscc,
            reason="现场核查",
            decided_by=by,
            waiver=("active_devices_min", 1) if kind == "waive" else None,
            policy=POLICY,
        )

    with changing(connection, Actor("command:tests", "command line")):
        granted = decide("waive", waived, "waiver")
        if not is_simulation:
            confirm_decision(connection, granted, confirmed_by="confirmer")
        decide("exclude", excluded, "decider")
        held = decide("hold", doubted, "decider")
        withdraw_decision(connection, held, reason="核查无误", withdrawn_by="withdrawer")
        assert decide("waive", elsewhere, "waiver", "beta") == WAITING
        closing = close_pending(connection, 2026, "alpha", late, reason="停产", by="closer")
        withdraw_closing(connection, closing, reason="复产", by="reopener")
    connection.commit()


def _submit(connection: psycopg.Connection, record: CountRecord) -> CountRecord:
    act = act_of("submitter", _TIMES[State.IN_REVIEW])
    return submit_count(connection, record, act)


def _freeze(connection: psycopg.Connection, record: CountRecord) -> CountRecord:
    return freeze_count(
        connection, record, act_of("freezer", _TIMES[State.FROZEN]), KEY, trusted=TRUSTED
    )


def _publish(connection: psycopg.Connection, record: CountRecord) -> CountRecord:
    act = act_of("stranger", _TIMES[State.PUBLISHED])
    with changing(connection, act.actor):
        return publish_count(
            connection,
            record,
            act,
            trusted=TRUSTED,
            key=KEY,
            notice_days=5,
            holidays=HOLIDAYS,
            notice_ends_on=act.at.date() + timedelta(days=14),
        )


def _approve_and_pay(connection: psycopg.Connection, record: CountRecord) -> CountRecord:
    act = act_of("approver", _TIMES[State.PAYABLE])
    with changing(connection, act.actor):
        record = approve_payment(connection, record, act, trusted=TRUSTED, key=KEY)
    paying = replace(act_of("payer", act.at), at=act.at + timedelta(hours=1))
    with changing(connection, paying.actor):
        return record_payment(
            connection,
            record,
            COUNTED[0],
            paying,
            trusted=TRUSTED,
            key=KEY,
            reference="国库-1",
            paid_on=paying.at.date(),
        )
