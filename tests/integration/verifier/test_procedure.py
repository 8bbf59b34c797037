"""The procedure of a count on a real database: what each step needs, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.audit import Actor, changing
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.heard import vouch_for_evidence
from tests.support.procedure import (
    AS_OF,
    CHECKER,
    HOLIDAYS,
    HOLIDAYS_OF_2027,
    KEY,
    MAKER,
    PAYER,
    POLICY,
    TRUSTED,
    drafted,
    frozen,
    payable,
    published,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder, days_between
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.counting.explain import explain
from verifier.counting.progress import Phase
from verifier.counting.registry import Platform
from verifier.procedure.closings import close_pending, list_closings, withdraw_closing
from verifier.procedure.comparison import entries_of
from verifier.procedure.document import content_sha256
from verifier.procedure.drafting import draft_count
from verifier.procedure.entries import explanation_of_entry
from verifier.procedure.freezing import export_count, freeze_count
from verifier.procedure.hindrances import hindrances
from verifier.procedure.holidays import Holidays, load_holidays
from verifier.procedure.objections import list_objections, record_objection, resolve_objection
from verifier.procedure.overview import (
    count_summary,
    determination_entry,
    list_determinations,
    offered_steps,
    review_queue,
    years_of_counts,
)
from verifier.procedure.payments import amounts_due, approve_payment, list_payments, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import (
    CountRecord,
    find_count,
    list_steps,
    read_document,
    running_count,
    standing_count,
)
from verifier.procedure.signing import Finding, check_signed_file
from verifier.procedure.states import State, Step
from verifier.procedure.steps import publish_count, return_count
from verifier.procedure.submitting import submit_count
from verifier.reports.document import read_signed_count


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated TimescaleDB."""
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def uscc(database: psycopg.Connection, registry: RegistryBuilder) -> str:
    """An enterprise that counts on alpha."""
    counted = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    return counted


def _refusal(database: psycopg.Connection, *, as_of: date = AS_OF, act: Act = CHECKER) -> str:
    """Why the count of 2026, drafted and submitted now, cannot be frozen."""
    record = submitted(database, as_of=as_of)
    with pytest.raises(UserError) as refused:
        freeze_count(database, record, act, KEY, trusted=TRUSTED)
    return str(refused.value)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


# --- From draft to paid ---------------------------------------------------------------------------


@pytest.mark.usefixtures("uscc")
def test_a_count_goes_from_draft_to_paid(database: psycopg.Connection) -> None:
    """Each step under the name of who took it; what is paid is what was frozen."""
    record = payable(database, frozen(database), "alpha")
    assert record.state is State.PAID
    assert [(each.step, each.state, each.taken_by) for each in list_steps(database, record)] == [
        (Step.OPEN, State.DRAFT, "lin"),
        (Step.DRAFT, State.DRAFT, "lin"),
        (Step.SUBMIT, State.IN_REVIEW, "lin"),
        (Step.FREEZE, State.FROZEN, "chen"),
        (Step.PUBLISH, State.PUBLISHED, "lin"),
        (Step.APPROVE_PAYMENT, State.PAYABLE, "chen"),
        (Step.PAY, State.PAYABLE, "zhao"),
        (Step.FINISH_PAYMENT, State.PAID, "zhao"),
    ]
    (payment,) = list_payments(database, record)
    assert (payment.platform, payment.clause, payment.amount_yuan) == ("alpha", "1.2", 10_000)
    assert amounts_due(database, record) == []
    actors = database.execute(
        "SELECT DISTINCT actor FROM audit_entries WHERE record_kind = 'count_steps' ORDER BY 1"
    ).fetchall()
    assert actors == [("user:chen",), ("user:lin",), ("user:zhao",)]


@pytest.mark.usefixtures("uscc")
def test_a_returned_count_is_drafted_and_submitted_again(database: psycopg.Connection) -> None:
    """In review nobody changes it."""
    record = submitted(database)
    with pytest.raises(UserError, match="drafted anew"):
        drafted(database)
    with changing(database, CHECKER.actor):
        record = return_count(database, record, CHECKER, reason="合同缺页")
    assert record.state is State.RETURNED
    again = submitted(database)
    assert (again.id, again.state) == (record.id, State.IN_REVIEW)
    assert list_steps(database, again)[3].note == "合同缺页"


@pytest.mark.usefixtures("uscc")
def test_a_year_has_one_running_and_one_standing_count(database: psycopg.Connection) -> None:
    """The database itself sees to it."""
    record = frozen(database)
    assert standing_count(database, 2026) == record
    assert running_count(database, 2026) is None
    again = (
        "INSERT INTO counts (year, revision, supersedes_id, opened_by) VALUES (2026, %s, %s, 'x')"
    )
    database.execute(again, (2, record.id))
    with pytest.raises(psycopg.errors.UniqueViolation), database.transaction():
        database.execute(again, (3, record.id))
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute("UPDATE counts SET state = 'paid' WHERE revision = 1")


def test_a_count_that_nobody_drafted_is_not_found(database: psycopg.Connection) -> None:
    """Each question says what there is not."""
    with pytest.raises(UserError, match="The count of 2026 is not frozen yet"):
        find_count(database, 2026)
    with pytest.raises(UserError, match="No count of 2026 is being made"):
        find_count(database, 2026, is_running=True)
    with pytest.raises(UserError, match="There is no count 2026-3"):
        find_count(database, 2026, 3)


# --- Maker and checker ----------------------------------------------------------------------------


@pytest.mark.usefixtures("uscc")
@pytest.mark.parametrize("name", ["lin", "LIN", " lin ", "user:lin"])
def test_the_maker_does_not_freeze(database: psycopg.Connection, name: str) -> None:
    """However the name is written."""
    said = _refusal(database, act=Act(MAKER.actor, name, MAKER.at))
    assert said.endswith("submitted the count 2026-1: another person must check it.")


@pytest.mark.usefixtures("uscc")
def test_the_maker_does_not_approve_payment(database: psycopg.Connection) -> None:
    """Nor past the programs: the database compares the names."""
    record = published(database, frozen(database))
    later = Act(MAKER.actor, "lin", MAKER.at + timedelta(days=30))
    with pytest.raises(UserError, match="another person must check it"):
        approve_payment(database, record, later, trusted=TRUSTED, key=KEY)
    database.rollback()
    with pytest.raises(psycopg.errors.CheckViolation, match="counts_maker_does_not_approve"):
        database.execute(
            "UPDATE counts SET state = 'payable', payable_by = 'Lin', payable_at = now()"
        )


@pytest.mark.usefixtures("uscc")
def test_the_database_itself_lets_no_maker_freeze(database: psycopg.Connection) -> None:
    """Whoever writes past the programs is stopped too."""
    submitted(database)
    with pytest.raises(psycopg.errors.CheckViolation, match="counts_maker_is_not_checker"):
        database.execute(
            "UPDATE counts SET state = 'frozen', frozen_by = 'LIN', frozen_at = now(),"
            " code_version = 'x', digest = repeat('0', 64), signature = %s, public_key = %s",
            (bytes(64), bytes(32)),
        )


# --- What freezing needs --------------------------------------------------------------------------


def test_an_open_hold_keeps_a_count_from_being_frozen(
    database: psycopg.Connection, uscc: str
) -> None:
    """Until it is withdrawn, and the count drafted and reviewed with that."""
    hold = record_decision(
        database, "hold", "alpha", uscc, reason="x", decided_by="lin", policy=POLICY
    )
    said = (
        f"第1鞋厂 ({uscc}) on alpha is held by decision {hold}: settle the doubt and withdraw it."
    )
    assert _refusal(database) == said
    withdraw_decision(database, hold, reason="y", withdrawn_by="lin")
    database.commit()
    with changing(database, MAKER.actor):
        return_count(database, find_count(database, 2026, 1), MAKER, reason="y")
    assert frozen(database).state is State.FROZEN


def test_nobody_is_paid_for_in_two_years(
    database: psycopg.Connection, registry: RegistryBuilder, uscc: str
) -> None:
    """What another year's standing count pays stands in the way, whatever the rules say today."""
    registry.recognition("alpha", "national", date(2026, 3, 1))
    frozen(database)
    # As if all had begun a year later.
    database.execute("UPDATE presence SET month = (month + interval '1 year')::date")
    vouch_for_evidence(database)
    database.execute(
        "UPDATE recognitions SET recognised_on = '2027-03-01' WHERE level = 'national'"
    )
    database.commit()
    later = datetime(2028, 5, 6, 1, tzinfo=UTC)
    lin, chen = (Act(each.actor, each.name, later) for each in (MAKER, CHECKER))
    record = draft_count(database, lin, 2027, as_of=date(2028, 4, 5), policy=POLICY)
    record = submit_count(database, record, lin)
    found = [
        str(each) for each in hindrances(database, record, Step.FREEZE, later, trusted=TRUSTED)
    ]
    enterprise, title = found
    assert enterprise.startswith(f"第1鞋厂 ({uscc}) on alpha is counted in 2026-1 already: exclude")
    assert title.startswith("2026-1 pays alpha for its national title already (clause 1.1)")
    with pytest.raises(UserError, match="counted in 2026-1 already"):
        freeze_count(database, record, chen, KEY, trusted=TRUSTED)


def test_a_pending_enterprise_is_waited_for_or_closed(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Its closing is part of what is frozen; one that is withdrawn closes nothing."""
    late = registry.served_enterprise(
        1, registry.platform(), days_between(date(2026, 12, 20), date(2027, 4, 1))
    )
    database.commit()
    as_of = date(2027, 1, 31)
    assert _refusal(database, as_of=as_of) == (
        f"第1鞋厂 ({late}) on alpha is pending until 2027-03-19 at least: draft the count as of "
        "that day or later, or close the enterprise with a reason."
    )
    with changing(database, MAKER.actor):
        first = close_pending(database, 2026, "alpha", late, reason="停产", by="lin")
        withdraw_closing(database, first, reason="误记", by="lin")
        return_count(database, find_count(database, 2026, 1), MAKER, reason="x")
    assert "is pending until" in _refusal(database, as_of=as_of)
    with changing(database, MAKER.actor):
        close_pending(database, 2026, "alpha", late, reason="停产", by="lin")
        return_count(database, find_count(database, 2026, 1), MAKER, reason="x")
    record = freeze_count(database, submitted(database, as_of=as_of), CHECKER, KEY, trusted=TRUSTED)
    entry = entries_of(read_document(database, record))["alpha", late]
    assert (entry["outcome"], entry["closing"]["reason"]) == ("pending", "停产")
    assert [each.is_open for each in list_closings(database, 2026)] == [False, True]


def test_an_enterprise_is_closed_once_at_a_time(database: psycopg.Connection, uscc: str) -> None:
    """And a closing is withdrawn once."""
    closing = close_pending(database, 2026, "alpha", uscc, reason="x", by="lin")
    with pytest.raises(UserError, match="is closed for 2026 already"):
        close_pending(database, 2026, "alpha", uscc, reason="x", by="lin")
    withdraw_closing(database, closing, reason="x", by="lin")
    with pytest.raises(UserError, match="withdrawn already"):
        withdraw_closing(database, closing, reason="x", by="lin")
    with pytest.raises(UserError, match="There is no closing 99"):
        withdraw_closing(database, 99, reason="x", by="lin")


@pytest.mark.usefixtures("uscc")
def test_a_year_that_is_not_over_is_not_frozen(database: psycopg.Connection) -> None:
    """Though no enterprise were pending."""
    assert "The evidence ends on 2026-12-30, before 2026 is over" in _refusal(
        database, as_of=date(2026, 12, 30)
    )


@pytest.mark.usefixtures("uscc")
def test_evidence_is_final_once_no_heartbeat_can_arrive_in_time(
    database: psycopg.Connection,
) -> None:
    """72 hours after the end of `as_of` in Asia/Shanghai, to the second."""
    record = submitted(database, maker=replace(MAKER, at=datetime(2027, 4, 6, tzinfo=UTC)))
    final_at = datetime(2027, 4, 8, 16, tzinfo=UTC)  # 2027-04-09 00:00 in Asia/Shanghai
    just_before = Act(CHECKER.actor, "chen", final_at - timedelta(seconds=1))
    with pytest.raises(UserError) as refused:
        freeze_count(database, record, just_before, KEY, trusted=TRUSTED)
    assert str(refused.value) == (
        "Heartbeats of 2027-04-05 still count when they arrive by 2027-04-09 00:00 "
        "(Asia/Shanghai): freeze the count after that."
    )
    record = freeze_count(
        database, record, Act(CHECKER.actor, "chen", final_at), KEY, trusted=TRUSTED
    )
    assert record.state is State.FROZEN


@pytest.mark.usefixtures("uscc")
def test_an_ingester_that_waits_longer_than_the_policy_is_waited_for(
    database: psycopg.Connection,
) -> None:
    """By its own rules its heartbeats are in time."""
    database.execute(
        "INSERT INTO evidence_rules (policy, max_delay_hours, max_clock_ahead_minutes, clock)"
        " VALUES ('x', 96, 10, 'receipt')"
    )
    record = submitted(database)
    at = datetime(2027, 4, 9, 15, tzinfo=UTC)
    (found,) = hindrances(database, record, Step.FREEZE, at, trusted=TRUSTED)
    assert found.values["until"] == "2027-04-10 00:00"


def test_a_simulation_is_frozen_at_any_time(simulation_database_url: str) -> None:
    """Its evidence does not come by this clock; the year must be over all the same."""
    with connect(simulation_database_url) as database:
        registry = RegistryBuilder(database)
        registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
        day = datetime(2026, 7, 1, tzinfo=UTC)
        record = submitted(database, maker=replace(MAKER, at=day))
        record = freeze_count(database, record, replace(CHECKER, at=day), KEY, trusted=TRUSTED)
        assert read_document(database, record)["simulation"]


def test_what_is_frozen_is_what_was_reviewed(database: psycopg.Connection, uscc: str) -> None:
    """A record that changed meanwhile needs another review."""
    record = submitted(database)
    database.execute("UPDATE enterprises SET district = 'other'")
    database.commit()
    with pytest.raises(UserError) as refused:
        freeze_count(database, record, CHECKER, KEY, trusted=TRUSTED)
    assert str(refused.value) == (
        "Since 2026-1 was submitted, what it says of 1 enterprises changed, first of "
        f"第1鞋厂 ({uscc}) on alpha: return it, draft it anew and submit that."
    )


@pytest.mark.usefixtures("uscc")
def test_a_count_drafted_anew_since_it_was_read_is_not_frozen(
    database: psycopg.Connection, database_url: str
) -> None:
    """Its maker returned it, drafted it otherwise and submitted that, before or while it froze."""
    read = submitted(database)
    redrafted: list[CountRecord] = []

    def redraft(_phase: object, _fraction: float) -> None:
        if not redrafted:
            with psycopg.connect(database_url) as other:
                with changing(other, MAKER.actor):
                    return_count(other, read, MAKER, reason="补录")
                with changing(other, MAKER.actor):
                    other.execute("UPDATE enterprises SET district = 'other'")
                redrafted.append(submitted(other))

    with pytest.raises(UserError, match="drafted anew meanwhile: look at it, then freeze it"):
        freeze_count(database, read, CHECKER, KEY, trusted=TRUSTED, progress=redraft)
    with pytest.raises(UserError, match="drafted anew meanwhile"):
        freeze_count(database, read, CHECKER, KEY, trusted=TRUSTED)
    assert freeze_count(database, redrafted[0], CHECKER, KEY, trusted=TRUSTED).frozen_by == "chen"


@pytest.mark.usefixtures("uscc")
def test_a_draft_changed_behind_the_system_is_not_frozen(database: psycopg.Connection) -> None:
    """The stored draft must be the one that was submitted."""
    record = submitted(database)
    database.execute(
        """UPDATE count_determinations SET entry = jsonb_set(entry, '{name}', '"别厂"')"""
    )
    database.commit()
    with pytest.raises(UserError, match="is not what was submitted"):
        freeze_count(database, record, CHECKER, KEY, trusted=TRUSTED)


# --- What freezing leaves -------------------------------------------------------------------------


def test_the_frozen_document_holds_rules_grounds_and_digests(
    database: psycopg.Connection, uscc: str
) -> None:
    """And the file that is exported of it is genuine."""
    record = frozen(database)
    document = read_document(database, record)
    assert (document["count_id"], document["revision"], document["supersedes"]) == (
        "2026-1",
        1,
        None,
    )
    assert (document["policy_source"], document["policy_sha256"]) == (POLICY.source, POLICY.sha256)
    assert (document["frozen_by"], document["budget_yuan"]) == ("chen", 10_000_000)
    entry = entries_of(document)["alpha", uscc]
    assert entry["contract_nos"] == [f"alpha-{uscc[-4:]}"]
    assert (entry["window_first_day"], entry["window_last_day"]) == ("2026-03-02", "2026-05-30")
    assert [each["serial"] for each in entry["devices"]] == ["m1-0", "m1-1", "m1-2"]
    assert {each["active_days"] for each in entry["devices"]} == {78}
    # What the enterprise itself says is reported, and nothing follows of it.
    assert {each["name"]: each["is_met"] for each in entry["criteria"] if not each["is_met"]} == {
        "confirmed": None
    }
    checked = check_signed_file(export_count(database, record), KEY.public_key)
    assert (checked.finding, checked.document) == (Finding.VALID, document)
    assert checked.digest == record.digest
    read = read_signed_count(export_count(database, record)).document
    assert (read.count_id, read.platforms[0].enterprises[0].uscc) == ("2026-1", uscc)
    assert content_sha256(document) == record.content_sha256


def test_the_grounds_are_those_that_an_explanation_gives(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """The same criteria and device days, whether asked for one enterprise or for all."""
    registry.platform()
    registry.platform("beta", level=None)
    registry.served_enterprise(1, "alpha", WORKED_EXAMPLE)
    registry.served_enterprise(2, "alpha", WORKED_EXAMPLE[:40], devices=4)
    registry.served_enterprise(3, "alpha", days_between(date(2027, 2, 1), date(2027, 3, 31)))
    moved = registry.served_enterprise(4, "beta", WORKED_EXAMPLE, devices=2)
    registry.device("beta", "moved", moved, date(2026, 3, 20), date(2026, 4, 20))
    registry.assignment("beta", "moved", moved, date(2026, 5, 1))
    registry.presence(registry._devices["beta", "moved"], WORKED_EXAMPLE, range(6, 20))
    waived = registry.served_enterprise(5, "beta", WORKED_EXAMPLE, devices=1)
    waiver = ("active_devices_min", 1)
    granted = record_decision(
        database, "waive", "beta", waived, reason="x", decided_by="l", waiver=waiver, policy=POLICY
    )
    confirm_decision(database, granted, confirmed_by="chen")
    document = read_document(database, drafted(database))
    database.commit()
    for (platform, uscc), entry in entries_of(document).items():
        explained = explain(database, 2026, platform, uscc, as_of=AS_OF, policy=POLICY)
        said = explained.to_json_object()
        keys = {"criterion": "name", "met": "is_met"}
        criteria = [{keys.get(k, k): v for k, v in each.items()} for each in said["criteria"]]  # type: ignore[attr-defined]
        plain = [
            {k: list(v) if isinstance(v, tuple) else v for k, v in each.items()}
            for each in criteria
        ]
        assert entry["criteria"] == plain, uscc
        if entry["devices"]:
            days: dict[str, int] = {}
            for device in entry["devices"]:
                days[device["serial"]] = days.get(device["serial"], 0) + device["active_days"]
            assert days == {each.serial: each.active_days for each in explained.devices}


@pytest.mark.usefixtures("uscc")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE count_determinations SET platform = 'x'",
        "DELETE FROM count_determinations",
        "TRUNCATE count_determinations",
        "UPDATE count_documents SET head = '{}'",
        "DELETE FROM count_documents",
        "UPDATE counts SET digest = repeat('0', 64)",
        "UPDATE counts SET as_of = as_of + 1",
        "UPDATE counts SET state = 'draft'",
        "DELETE FROM counts",
        "UPDATE count_steps SET taken_by = 'x'",
        "DELETE FROM count_steps",
    ],
)
def test_what_is_frozen_stays(database: psycopg.Connection, statement: str) -> None:
    """The database refuses what no program asks for."""
    frozen(database)
    with pytest.raises(psycopg.errors.RestrictViolation):
        database.execute(statement.encode())


# --- Two at once, and death in the middle ---------------------------------------------------------


@pytest.mark.usefixtures("uscc")
def test_of_two_who_freeze_at_once_one_wins(
    database: psycopg.Connection, database_url: str
) -> None:
    """The other is told who was first."""
    record = submitted(database)
    barrier = threading.Barrier(2)
    ends: dict[str, object] = {}

    def freeze(name: str) -> None:
        def meet(phase: Phase, fraction: float) -> None:
            if (phase, fraction) == (Phase.STORING, 0.0):
                barrier.wait(timeout=60)

        act = Act(Actor(f"user:{name}", "127.0.0.1"), name, CHECKER.at)
        with connect(database_url) as connection:
            try:
                ends[name] = freeze_count(
                    connection, record, act, KEY, progress=meet, trusted=TRUSTED
                ).frozen_by
            except UserError as error:
                ends[name] = str(error)

    threads = [threading.Thread(target=freeze, args=(name,)) for name in ("chen", "wu")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = {"chen", "wu"} & set(ends.values())
    (loser,) = {"chen", "wu"} - {winner}
    assert ends == {winner: winner, loser: f"{winner} froze the count 2026-1 first."}
    steps = [each.step for each in list_steps(database, record)]
    assert steps.count(Step.FREEZE) == 1


def test_a_record_changed_during_the_computation_is_noticed(
    database: psycopg.Connection, database_url: str, uscc: str
) -> None:
    """The computation begins again, and finds what was not reviewed."""
    record = submitted(database)

    def hold_it(phase: Phase, fraction: float) -> None:
        if (phase, fraction) == (Phase.STORING, 0.0):
            with connect(database_url) as other:
                record_decision(
                    other, "hold", "alpha", uscc, reason="x", decided_by="wu", policy=POLICY
                )

    with pytest.raises(UserError, match="is held by decision 1"):
        freeze_count(database, record, CHECKER, KEY, progress=hold_it, trusted=TRUSTED)
    assert find_count(database, 2026, 1).state is State.IN_REVIEW


_KILLED: Final = """
import os, signal, sys
from jieru.database import connect
from tests.support.procedure import CHECKER, KEY, TRUSTED
from verifier.procedure.entries import explanation_of_entry
from verifier.procedure.freezing import freeze_count
from verifier.procedure.records import find_count
url, phase, fraction = sys.argv[1:]
def die(at, done):
    if (at.value, done) == (phase, float(fraction)):
        os.kill(os.getpid(), signal.SIGKILL)
with connect(url) as connection:
    with connection.transaction():
        record = find_count(connection, 2026, is_running=True)
    freeze_count(connection, record, CHECKER, KEY, TRUSTED, die)
"""


@pytest.mark.usefixtures("uscc")
@pytest.mark.parametrize(
    ("phase", "fraction"),
    [
        ("criteria", 0.0),
        pytest.param("storing", 0.0, marks=pytest.mark.nightly),
        ("storing", 0.5),
        pytest.param("storing", 0.75, marks=pytest.mark.nightly),
        ("storing", 1.0),
    ],
)
def test_a_process_killed_while_freezing_leaves_nothing_half_frozen(
    database: psycopg.Connection, database_url: str, phase: str, fraction: float
) -> None:
    """Wherever it dies before the commit, the count is in review as before and can be frozen."""
    record = submitted(database)
    before = read_document(database, record)
    database.commit()
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, database_url, phase, str(fraction)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    after = find_count(database, 2026, is_running=True)
    assert (after, read_document(database, after)) == (record, before)
    assert [each.step for each in list_steps(database, after)][-1] is Step.SUBMIT
    database.commit()
    assert freeze_count(database, after, CHECKER, KEY, trusted=TRUSTED).state is State.FROZEN


# --- Notice, objections, payment ------------------------------------------------------------------


@pytest.mark.usefixtures("uscc")
def test_payment_waits_for_the_end_of_the_notice(database: psycopg.Connection) -> None:
    """The day on which it ends belongs to it."""
    record = published(database, frozen(database))
    last_second = Act(CHECKER.actor, "chen", datetime(2027, 5, 20, 15, 59, 59, tzinfo=UTC))
    with pytest.raises(UserError, match="runs until the end of 2027-05-20"):
        approve_payment(database, record, last_second, trusted=TRUSTED, key=KEY)
    database.rollback()
    midnight = Act(CHECKER.actor, "chen", datetime(2027, 5, 20, 16, tzinfo=UTC))
    assert (
        approve_payment(database, record, midnight, trusted=TRUSTED, key=KEY).state is State.PAYABLE
    )


@pytest.mark.usefixtures("uscc")
def test_payment_waits_for_the_outcome_of_every_objection(database: psycopg.Connection) -> None:
    """An objection is resolved once."""
    record = published(database, frozen(database))
    later = Act(CHECKER.actor, "chen", datetime(2027, 5, 21, tzinfo=UTC))
    number = record_objection(
        database, record, MAKER, name="某厂", statement="漏计", trusted=TRUSTED, key=KEY
    )
    with pytest.raises(UserError, match=f"Objection {number} by 某厂 has no outcome yet"):
        approve_payment(database, record, later, trusted=TRUSTED, key=KEY)
    database.commit()
    resolve_objection(
        database,
        record,
        number,
        MAKER,
        outcome="dismissed",
        resolution="已核实",
        trusted=TRUSTED,
        key=KEY,
    )
    with pytest.raises(UserError, match="There is no open objection"):
        resolve_objection(
            database,
            record,
            number,
            MAKER,
            outcome="upheld",
            resolution="x",
            trusted=TRUSTED,
            key=KEY,
        )
    (objection,) = list_objections(database, record)
    assert (objection.outcome, objection.resolved_by) == ("dismissed", "lin")
    assert approve_payment(database, record, later, trusted=TRUSTED, key=KEY).state is State.PAYABLE


def _published_by_calendar(
    database: psycopg.Connection, record: CountRecord, *, holidays: Holidays = HOLIDAYS
) -> tuple[date | None, str | None]:
    """The last day of a notice of five working days after 2027-05-06, and what is said of it."""
    with changing(database, MAKER.actor):
        record = publish_count(
            database, record, MAKER, notice_days=5, holidays=holidays, trusted=TRUSTED, key=KEY
        )
    return record.notice_ends_on, list_steps(database, record)[-1].note


@pytest.mark.usefixtures("uscc")
def test_a_count_is_published_though_the_holidays_are_not_known(
    database: psycopg.Connection,
) -> None:
    """Weekends alone are days off; the step says for good what was not known."""
    assert _published_by_calendar(database, frozen(database)) == (
        date(2027, 5, 13),
        "The holidays of 2027 were not known.",
    )


@pytest.mark.usefixtures("uscc")
def test_the_holidays_of_an_installation_s_own_file_count(
    database: psycopg.Connection, tmp_path: Path
) -> None:
    """Nothing is left to say of the last day."""
    file = tmp_path / "holidays.yaml"
    file.write_text(HOLIDAYS_OF_2027, encoding="utf-8")
    known = load_holidays(str(file))
    assert _published_by_calendar(database, frozen(database), holidays=known) == (
        date(2027, 5, 12),
        None,
    )


@pytest.mark.usefixtures("uscc")
def test_a_last_day_that_a_person_names_is_recorded_as_such(database: psycopg.Connection) -> None:
    """Beside the day that the calendar gives."""
    record = published(database, frozen(database))
    assert list_steps(database, record)[-1].note == (
        "The last day, 2027-05-20, was named by a person; by the calendar it is 2027-05-13. "
        "The holidays of 2027 were not known."
    )


@pytest.mark.usefixtures("uscc")
@pytest.mark.parametrize("day", [date(2027, 5, 10), date(2027, 5, 6), date(2026, 5, 20)])
def test_a_notice_is_no_shorter_than_it_must_be(database: psycopg.Connection, day: date) -> None:
    """Also where a person names its last day, because the holidays of 2027 are not known."""
    record = frozen(database)
    with pytest.raises(UserError, match=f"cannot end on {day} already"):
        publish_count(
            database,
            record,
            MAKER,
            notice_days=5,
            holidays=HOLIDAYS,
            notice_ends_on=day,
            trusted=TRUSTED,
            key=KEY,
        )


@pytest.mark.usefixtures("uscc")
def test_a_named_last_day_is_no_earlier_than_the_calendar_s_once_that_is_known(
    database: psycopg.Connection, tmp_path: Path
) -> None:
    """While it is not, a weekend may yet turn out to be worked."""
    record = frozen(database)
    file = tmp_path / "holidays.yaml"
    file.write_text(HOLIDAYS_OF_2027, encoding="utf-8")
    day, known = date(2027, 5, 11), load_holidays(str(file))
    with pytest.raises(UserError, match="cannot end on 2027-05-11 already"):
        publish_count(
            database,
            record,
            MAKER,
            notice_days=5,
            holidays=known,
            notice_ends_on=day,
            trusted=TRUSTED,
            key=KEY,
        )
    database.rollback()
    with changing(database, MAKER.actor):
        record = publish_count(
            database,
            record,
            MAKER,
            notice_days=5,
            holidays=HOLIDAYS,
            notice_ends_on=day,
            trusted=TRUSTED,
            key=KEY,
        )
    assert record.notice_ends_on == day


@pytest.mark.usefixtures("uscc")
def test_a_platform_is_paid_once_and_only_what_is_due(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """With a reference; the count is paid when the last one is."""
    registry.platform("beta")
    registry.served_enterprise(2, "beta", WORKED_EXAMPLE)
    registry.platform("gamma")
    record = payable(database, frozen(database), "alpha")
    assert record.state is State.PAYABLE
    for platform in ("alpha", "gamma", "delta"):
        with pytest.raises(UserError, match=f"Nothing is due to the platform {platform}"):
            record_payment(
                database,
                record,
                platform,
                PAYER,
                reference="x",
                paid_on=date(2027, 5, 21),
                trusted=TRUSTED,
                key=KEY,
            )
        database.rollback()
    record = record_payment(
        database,
        record,
        "beta",
        PAYER,
        reference="x",
        paid_on=date(2027, 5, 21),
        trusted=TRUSTED,
        key=KEY,
    )
    assert record.state is State.PAID


def test_a_count_that_awards_nothing_is_paid_at_once(database: psycopg.Connection) -> None:
    """There is nothing to wait for."""
    RegistryBuilder(database).platform()
    assert payable(database, frozen(database)).state is State.PAID


@pytest.mark.usefixtures("uscc")
def test_nothing_is_paid_before_it_is_payable(database: psycopg.Connection) -> None:
    """Not even past the programs."""
    record = published(database, frozen(database))
    with pytest.raises(UserError, match="Payments are made under a payable count"):
        record_payment(
            database,
            record,
            "alpha",
            CHECKER,
            reference="x",
            paid_on=AS_OF,
            trusted=TRUSTED,
            key=KEY,
        )
    database.rollback()
    with pytest.raises(psycopg.errors.RestrictViolation, match="not payable"):
        database.execute(
            "INSERT INTO count_payments (count_id, platform_id, clause, amount_yuan, paid_on,"
            " reference, recorded_by, recorded_at) VALUES (1, 1, '1.2', 1, now(), 'x', 'x', now())"
        )


# --- What pages show ------------------------------------------------------------------------------


@pytest.mark.usefixtures("uscc")
def test_a_person_sees_which_steps_are_open(database: psycopg.Connection) -> None:
    """The maker may return what only another may freeze."""
    record = submitted(database)
    offers = {
        each.step: each
        for each in offered_steps(database, record, "lin", MAKER.at, trusted=TRUSTED)
    }
    assert set(offers) == {Step.RETURN, Step.FREEZE, Step.DISCARD}
    assert offers[Step.RETURN].is_open
    assert offers[Step.FREEZE].is_for_another
    (_return, freeze, _discard) = offered_steps(database, record, "chen", MAKER.at, trusted=TRUSTED)
    assert freeze.is_open


def test_a_count_is_seen_at_a_glance(
    database: psycopg.Connection, registry: RegistryBuilder, uscc: str
) -> None:
    """Awards against the cap, outcomes, the fund; rows by filter; one entry."""
    silent = registry.enterprise(2)
    registry.connection("alpha", silent)
    record = payable(database, frozen(database), "alpha")
    summary = count_summary(database, record)
    assert summary is not None
    (alpha,) = summary.platforms
    assert (alpha.counted, alpha.capped_yuan, alpha.cap_yuan) == (1, 10_000, 150_000)
    assert (summary.total_yuan, summary.paid_yuan) == (10_000, 10_000)
    assert summary.budget_left_yuan == 9_990_000
    rows, total = list_determinations(database, record, text="第1")
    assert (total, rows[0].enterprise.uscc, rows[0].connected_on) == (1, uscc, date(2026, 3, 2))
    assert list_determinations(database, record, limit=1)[1] == 2
    entry = determination_entry(database, record, "alpha", silent)
    assert entry is not None
    assert entry["outcome"] == "not_effective"
    assert determination_entry(database, record, "beta", silent) is None
    assert years_of_counts(database) == {2026: [record]}


def test_a_stored_enterprise_reads_back_as_it_is_explained(
    database: psycopg.Connection, registry: RegistryBuilder, uscc: str
) -> None:
    """One that counts under a decision withdrawn, one that is pending, one that was never heard."""
    winter = days_between(date(2026, 12, 1), date(2027, 1, 31))
    pending = registry.served_enterprise(2, "alpha", winter)
    silent = registry.enterprise(3)
    registry.connection("alpha", silent)
    decision = record_decision(
        database, "hold", "alpha", uscc, reason="疑点", decided_by="lin", policy=POLICY
    )
    withdraw_decision(database, decision, reason="核查无误", withdrawn_by="chen")
    as_of = date(2027, 1, 31)
    record = drafted(database, as_of=as_of)
    for each in (uscc, pending, silent):
        entry = determination_entry(database, record, "alpha", each)
        assert entry is not None
        stored = explanation_of_entry(
            Platform("alpha", "平台 alpha"),
            entry,
            year=2026,
            policy=POLICY,
            as_of=as_of,
            is_simulation=False,
        )
        database.commit()
        found = explain(database, 2026, "alpha", each, as_of=as_of, policy=POLICY)
        assert _as_json(stored.to_json_object()) == _as_json(found.to_json_object())


def _as_json(value: object) -> object:
    return json.loads(json.dumps(value))


def test_the_review_queue_lists_holds_overlaps_and_pending_ones(
    database: psycopg.Connection, registry: RegistryBuilder, uscc: str
) -> None:
    """Pending ones by their day, urgent when it is near."""
    registry.platform("beta")
    registry.connection("beta", uscc)
    for serial in ("x", "y", "z"):
        registry.presence(registry.device("beta", serial, uscc), WORKED_EXAMPLE)
    held = registry.served_enterprise(2, "alpha", WORKED_EXAMPLE)
    record_decision(database, "hold", "alpha", held, reason="疑点", decided_by="lin", policy=POLICY)
    december = days_between(date(2026, 12, 1), date(2027, 1, 31))
    late = registry.served_enterprise(3, "alpha", december)
    record = drafted(database, as_of=date(2027, 1, 31))
    queue = review_queue(database, record, date(2027, 2, 1))
    assert [(each.kind, each.uscc, each.platforms, each.is_urgent) for each in queue] == [
        ("hold", held, ("alpha",), True),
        ("overlap", uscc, ("alpha", "beta"), False),
        ("pending", late, ("alpha",), True),
    ]
    assert queue[2].due_on == date(2027, 2, 28)


@pytest.mark.usefixtures("uscc")
def test_progress_is_told_in_order(database: psycopg.Connection) -> None:
    """Every phase, from 0 to 1."""
    told: list[tuple[Phase, float]] = []
    draft_count(
        database,
        MAKER,
        2026,
        as_of=AS_OF,
        policy=POLICY,
        progress=lambda phase, fraction: told.append((phase, fraction)),
    )
    assert list(dict.fromkeys(phase for phase, _ in told)) == list(Phase)
    assert told == sorted(told, key=lambda each: (list(Phase).index(each[0]), each[1]))
    assert told[-1] == (Phase.STORING, 1.0)


@pytest.mark.usefixtures("uscc")
def test_a_count_is_submitted_only_when_drafted(database: psycopg.Connection) -> None:
    """An opened count without a draft run has nothing to review."""
    database.execute("INSERT INTO counts (year, revision, opened_by) VALUES (2026, 1, 'lin')")
    record = find_count(database, 2026, is_running=True)
    with pytest.raises(UserError, match="2026-1 was not drafted yet"):
        submit_count(database, record, MAKER)
    assert count_summary(database, record) is None
    with pytest.raises(UserError, match="was not drafted yet"):
        read_document(database, record)
    with pytest.raises(UserError, match="is not frozen yet"):
        export_count(database, record)
