"""A draft that is older than what it rests on is not submitted, and says what changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.audit import changing
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.databases import DatabaseServer
from tests.support.people import personal_key_file
from tests.support.procedure import CHECKER, MAKER, POLICY, drafted, submitted
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from verifier.counting.decisions import record_decision, withdraw_decision
from verifier.procedure.closings import close_pending
from verifier.procedure.drafting import draft_count
from verifier.procedure.hindrances import hindrances
from verifier.procedure.records import CountRecord, find_count
from verifier.procedure.staleness import (
    StaleDraftError,
    is_certainly_fresh,
    stale_for,
    waits_until,
)
from verifier.procedure.states import State, Step
from verifier.procedure.submitting import submit_count
from verifier.procedure.trusted_keys import NOBODY

COUNTED: Final = uscc_of(1)
LATE: Final = uscc_of(2)

Change = Callable[[psycopg.Connection], object]
_PAST = date(2026, 6, 30)
"""A last day of evidence that is over by any clock."""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture(autouse=True)
def _city(database: psycopg.Connection, registry: RegistryBuilder) -> None:
    """Two platforms; an enterprise that counts on one of them, one that was heard too briefly."""
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    registry.platform("beta")
    registry.served_enterprise(2, "alpha", WORKED_EXAMPLE[:20])
    _decide(database, "hold", LATE)
    database.commit()


def _decide(connection: psycopg.Connection, kind: str, uscc: str = COUNTED) -> int:
    said = {"reason": "举报", "decided_by": "zheng", "policy": POLICY}
    return record_decision(connection, kind, "alpha", uscc, **said)  # type: ignore[arg-type]


def _run(statement: str) -> Change:
    return lambda connection: connection.execute(statement)


def _short_look(connection: psycopg.Connection, record: CountRecord) -> list[str]:
    found = [str(each) for each in stale_for(connection, record)]
    offered = hindrances(connection, record, Step.SUBMIT, MAKER.at, NOBODY)
    assert [str(each) for each in offered] == found
    connection.commit()
    return found


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (
            lambda database: _decide(database, "exclude"),
            "stale_decision",
            f"第1鞋厂 ({COUNTED}) on alpha: decision 2 of zheng was made after the draft.",
        ),
        (
            lambda database: withdraw_decision(database, 1, reason="无误", withdrawn_by="wu"),
            "stale_decision",
            f"第2鞋厂 ({LATE}) on alpha: decision 1 was withdrawn by wu after the draft.",
        ),
        (
            lambda database: close_pending(database, 2026, "alpha", LATE, reason="x", by="wu"),
            "stale_decision",
            (
                f"第2鞋厂 ({LATE}) on alpha: whether the count waits for it was settled otherwise "
                "after the draft."
            ),
        ),
        (
            _run("UPDATE connections SET to_date = '2026-04-01' WHERE enterprise_id = 1"),
            "stale_registry",
            f"第1鞋厂 ({COUNTED}) on alpha: its records in the registry changed after the draft.",
        ),
        (
            _run("UPDATE devices SET name = '车床' WHERE id = 1"),
            "stale_registry",
            f"第1鞋厂 ({COUNTED}) on alpha: its records in the registry changed after the draft.",
        ),
        (
            _run("UPDATE recognitions SET revoked_on = '2026-01-01' WHERE platform_id = 1"),
            "stale_registry",
            "The record of the platform alpha changed after the draft.",
        ),
        (
            _run("INSERT INTO platforms (code, name) VALUES ('gamma', '伽马')"),
            "stale_registry",
            "The record of the platform gamma changed after the draft.",
        ),
    ],
)
def test_a_draft_older_than_a_record_that_touches_it_is_not_submitted(
    database: psycopg.Connection, change: Change, code: str, said: str
) -> None:
    """Its page says so beforehand, and whoever drafts it again may submit it (finding U2)."""
    record = drafted(database)
    assert _short_look(database, record) == []
    change(database)
    database.commit()
    assert _short_look(database, record) == [said]
    with pytest.raises(StaleDraftError, match="2026-1 is older than what it rests on") as refused:
        submit_count(database, record, MAKER)
    assert {each.code for each in refused.value.found} == {code}
    assert find_count(database, 2026, 1).state is State.DRAFT
    assert submitted(database).state is State.IN_REVIEW


@pytest.mark.parametrize(
    "change",
    [
        lambda database: RegistryBuilder(database).enterprise(9),
        _run("INSERT INTO devices (platform_id, serial) VALUES (1, 'unassigned')"),
        _run("UPDATE enterprises SET kept_by_platform_id = 2 WHERE id = 1"),
        lambda database: _decide(database, "keep"),
        lambda database: close_pending(database, 2027, "alpha", LATE, reason="x", by="wu"),
        lambda database: withdraw_decision(
            database, _decide(database, "keep"), reason="x", withdrawn_by="wu"
        ),
    ],
)
def test_a_change_that_touches_nothing_in_a_draft_stops_nothing(
    database: psycopg.Connection, change: Change
) -> None:
    """Somebody always registers something."""
    record = drafted(database)
    change(database)
    database.commit()
    assert not is_certainly_fresh(database, record)
    assert _short_look(database, record) == []
    assert submit_count(database, record, MAKER).state is State.IN_REVIEW


def test_a_draft_is_submitted_without_a_computation_where_nothing_can_have_changed(
    database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its days are over and no record changed."""
    record = drafted(database)
    assert is_certainly_fresh(database, record)
    database.commit()
    monkeypatch.setattr("verifier.procedure.staleness.compute_document", None)
    assert submit_count(database, record, MAKER).submitted_by == "lin"


def test_a_heartbeat_that_came_after_the_draft_is_found(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """While its days can still be heard of, a draft is computed once more."""
    at = replace(MAKER, at=MAKER.at - timedelta(days=30))
    record = draft_count(database, at, 2026, as_of=at.at.date(), policy=POLICY)
    assert waits_until(database, record) is not None
    database.commit()
    registry.presence(1, [date(2026, 7, 1)])
    database.commit()
    assert _short_look(database, record) == []
    with pytest.raises(StaleDraftError) as refused:
        submit_count(database, record, at)
    assert [str(each) for each in refused.value.found] == [
        f"第1鞋厂 ({COUNTED}) on alpha: heartbeats came after the draft that change its hours."
    ]
    again = draft_count(database, at, 2026, as_of=at.at.date(), policy=POLICY)
    registry.presence(1, [at.at.date() + timedelta(days=1)])
    database.commit()
    assert submit_count(database, again, at).state is State.IN_REVIEW


def test_a_simulation_is_always_computed_once_more(
    embedded_server: DatabaseServer, embedded_simulation_template: str
) -> None:
    """Its heartbeats come at the time of no clock."""
    with (
        embedded_server.database(template=embedded_simulation_template) as url,
        connect(url) as database,
    ):
        registry = RegistryBuilder(database)
        registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
        record = drafted(database)
        registry.presence(1, [date(2026, 7, 1)])
        database.commit()
        assert waits_until(database, record) is None
        database.commit()
        with pytest.raises(StaleDraftError):
            submit_count(database, record, MAKER)


def test_a_draft_of_an_earlier_release_is_computed_once_more(database: psycopg.Connection) -> None:
    """It does not know what it saw."""
    drafted(database)
    database.execute("UPDATE counts SET drafted_change = NULL")
    database.commit()
    record = find_count(database, 2026, 1)
    assert _short_look(database, record) == []
    _decide(database, "exclude")
    database.commit()
    with pytest.raises(StaleDraftError):
        submit_count(database, record, MAKER)


def test_other_rules_of_evidence_make_a_draft_stale(database: psycopg.Connection) -> None:
    """Its notices name them."""
    record = drafted(database)
    database.execute(
        "INSERT INTO evidence_rules (applied_at, policy, max_delay_hours, max_clock_ahead_minutes,"
        " clock) VALUES ('2027-05-01', 'x', 1, 10, 'receipt')"
    )
    database.commit()
    with pytest.raises(StaleDraftError) as refused:
        submit_count(database, record, MAKER)
    assert [str(each) for each in refused.value.found] == [
        "Platforms, overlaps or rules of evidence changed after the draft."
    ]


def test_content_changed_past_the_system_is_not_submitted(database: psycopg.Connection) -> None:
    """Where it is computed once more, it is held against its digest first."""
    record = drafted(database)
    database.execute("UPDATE count_documents SET head = head || '{\"total_yuan\": 1}'")
    database.execute("INSERT INTO devices (platform_id, serial) VALUES (1, 'unassigned')")
    database.commit()
    with pytest.raises(UserError, match="is not what was drafted"):
        submit_count(database, record, MAKER)


def test_a_draft_is_submitted_as_it_was_read(database: psycopg.Connection) -> None:
    """Somebody drafted it anew in the meantime."""
    read = drafted(database)
    _decide(database, "exclude")
    drafted(database)
    with pytest.raises(UserError, match="was drafted anew meanwhile"):
        submit_count(database, read, MAKER)


def test_a_record_changed_during_the_computation_is_looked_at_too(
    database: psycopg.Connection, embedded_database_url: str
) -> None:
    """The computation is begun again, and finds it."""
    record = drafted(database)
    database.execute("INSERT INTO devices (platform_id, serial) VALUES (1, 'unassigned')")
    database.commit()
    meddled: list[int] = []

    def meddle(_phase: object, _fraction: float) -> None:
        if not meddled:
            with psycopg.connect(embedded_database_url) as other:
                meddled.append(_decide(other, "exclude"))

    with pytest.raises(StaleDraftError) as refused:
        submit_count(database, record, MAKER, progress=meddle)
    assert [each.values["id"] for each in refused.value.found] == meddled


def test_a_count_in_review_shows_what_changed_and_freezing_keeps_its_own_check(
    database: psycopg.Connection,
) -> None:
    """Whoever reviews sees it before pressing the button."""
    record = submitted(database)
    _decide(database, "exclude")
    database.commit()
    assert len(stale_for(database, record)) == 1
    found = hindrances(database, record, Step.FREEZE, CHECKER.at, NOBODY)
    assert {each.code for each in found} == {"open_hold"}


def test_the_command_line_says_what_changed_and_how_to_draft_again(
    jieru: Run, database: psycopg.Connection, tmp_path: Path
) -> None:
    """On one screen."""
    who = ("--key-file", personal_key_file(database, tmp_path, "lin"))
    drafting = ("procedure", "draft", 2026, "--as-of", _PAST, *who)
    assert jieru(*drafting)[0] == 0
    with changing(database, MAKER.actor):
        _decide(database, "exclude")
    shown = jieru("procedure", "show", 2026)[1]
    assert "This draft is out of date" in shown
    assert "decision 2 of zheng was made after the draft" in shown
    code, out, err = jieru("procedure", "submit", 2026, *who)
    assert (code, out) == (1, "")
    assert f"- 第1鞋厂 ({COUNTED}) on alpha: decision 2 of zheng" in err
    assert f"jieru procedure draft 2026 --as-of {_PAST} --by NAME" in err
    assert jieru(*drafting)[0] == 0
    assert jieru("procedure", "submit", 2026, *who)[1] == "2026-1 is in review.\n"
