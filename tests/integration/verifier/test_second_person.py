"""What gives money takes two people: a waiver without its second one has no effect anywhere."""

import json
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from api.counts.case_at_stake import cases_at_stake, said_by_number
from jieru.audit import changing
from jieru.database import connect
from jieru.errors import UserError
from jieru.schema import migrate
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.count_people import act_of
from tests.support.databases import DatabaseServer
from tests.support.first_release import migrate_to
from tests.support.procedure import (
    AS_OF,
    CHECKER,
    KEY,
    MAKER,
    POLICY,
    TRUSTED,
    drafted,
    submitted,
)
from tests.support.recorded import record_in_time
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.decisions import (
    confirm_decision,
    list_decisions,
    record_decision,
    withdraw_decision,
)
from verifier.counting.explain import explain
from verifier.procedure.comparison import entries_of
from verifier.procedure.freezing import freeze_count
from verifier.procedure.names import person_key
from verifier.procedure.overview import review_queue
from verifier.procedure.records import find_count, read_document
from verifier.procedure.states import State
from verifier.procedure.steps import return_count

_SAID: Final = (
    "Decision 1 of zheng on 第1鞋厂 ({uscc}) on alpha waits for a second person: let another "
    "confirm it, or withdraw it."
)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def small(database: psycopg.Connection, registry: RegistryBuilder) -> str:
    """An enterprise with one device, where the policy asks for three."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE, devices=1)
    database.commit()
    return uscc


def _waive(database: psycopg.Connection, uscc: str) -> int:
    return record_decision(
        database,
        "waive",
        "alpha",
        uscc,
        reason="单台大型设备",
        decided_by="zheng",
        waiver=("active_devices_min", 1),
        policy=POLICY,
    )


def _outcome(database: psycopg.Connection, uscc: str) -> str:
    database.commit()
    found = explain(database, 2026, "alpha", uscc, as_of=AS_OF, policy=POLICY)
    return found.determination.outcome.value


def test_a_waiver_has_no_effect_before_another_person_confirmed_it(
    database: psycopg.Connection, small: str
) -> None:
    """And none after it was withdrawn."""
    waiver = _waive(database, small)
    assert _outcome(database, small) == "not_effective"
    (waiting,) = list_decisions(database)
    assert waiting.decision.waits
    confirm_decision(database, waiver, confirmed_by="wu")
    assert _outcome(database, small) == "counted"
    (confirmed,) = list_decisions(database)
    assert (confirmed.decision.confirmed_by, confirmed.decision.waits) == ("wu", False)
    withdraw_decision(database, waiver, reason="误", withdrawn_by="zheng")
    assert _outcome(database, small) == "not_effective"


@pytest.mark.parametrize("name", ["zheng", "ZHENG", " zheng", "user:zheng", "ｚｈｅｎｇ"])
def test_whoever_granted_a_waiver_does_not_confirm_it(
    database: psycopg.Connection, small: str, name: str
) -> None:
    """However the name is written, and past the programs neither."""
    waiver = _waive(database, small)
    with pytest.raises(UserError, match="zheng made decision 1: another person must confirm it"):
        confirm_decision(database, waiver, confirmed_by=name)
    with pytest.raises(psycopg.errors.CheckViolation, match="decisions_second_is_another"):
        database.execute("UPDATE decisions SET confirmed_at = now(), confirmed_by = %s", (name,))


def test_only_what_waits_is_confirmed_and_only_once(
    database: psycopg.Connection, small: str
) -> None:
    """Each refusal says which it is."""
    with pytest.raises(UserError, match="There is no decision 9"):
        confirm_decision(database, 9, confirmed_by="wu")
    hold = record_decision(
        database, "hold", "alpha", small, reason="x", decided_by="zheng", policy=POLICY
    )
    with pytest.raises(UserError, match="Decision 1 needs no second person"):
        confirm_decision(database, hold, confirmed_by="wu")
    waiver = _waive(database, small)
    with pytest.raises(UserError, match="A decision needs a reason and the name"):
        confirm_decision(database, waiver, confirmed_by=" ")
    confirm_decision(database, waiver, confirmed_by="wu")
    with pytest.raises(UserError, match="wu confirmed decision 2 already"):
        confirm_decision(database, waiver, confirmed_by="chen")
    withdraw_decision(database, waiver, reason="误", withdrawn_by="zheng")
    again = _waive(database, small)
    withdraw_decision(database, again, reason="误", withdrawn_by="zheng")
    with pytest.raises(UserError, match="Decision 3 is withdrawn already"):
        confirm_decision(database, again, confirmed_by="wu")


def test_nobody_records_a_waiver_that_needs_no_second_person(
    database: psycopg.Connection, small: str
) -> None:
    """The database itself says what needs one, and changes that for nobody."""
    assert small
    insert = (
        "INSERT INTO decisions (kind, platform_id, enterprise_id, criterion, value, reason,"
        " decided_by{}) VALUES ('waive', 1, 1, 'active_devices_min', 1, 'x', 'zheng'{})"
    )
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute(insert.format(", confirmed_by, confirmed_at", ", 'wu', now()").encode())
    database.execute(insert.format(", needs_second", ", false").encode())
    assert list_decisions(database)[0].decision.waits
    for change in ("needs_second = false", "decided_by = 'lin'", "value = 2"):
        with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
            database.execute(f"UPDATE decisions SET {change}".encode())  # noqa: S608 - our own
    confirm_decision(database, list_decisions(database)[0].decision.id, confirmed_by="wu")
    for change in ("confirmed_by = 'chen'", "confirmed_by = NULL, confirmed_at = NULL"):
        with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
            database.execute(f"UPDATE decisions SET {change}".encode())  # noqa: S608 - our own


def test_a_decision_that_waits_hinders_submitting_and_freezing(
    database: psycopg.Connection, small: str
) -> None:
    """Until it is confirmed or withdrawn; the review lists it."""
    waiver = _waive(database, small)
    said = _SAID.format(uscc=small)
    with pytest.raises(UserError) as refused:
        submitted(database)
    assert str(refused.value) == said
    record = find_count(database, 2026, 1)
    (item,) = review_queue(database, record, AS_OF)
    assert (item.kind, item.uscc, item.decision_id, item.decided_by) == (
        "waiting",
        small,
        waiver,
        "zheng",
    )
    withdraw_decision(database, waiver, reason="误", withdrawn_by="zheng")
    record = submitted(database)
    second = _waive(database, small)
    database.commit()
    with pytest.raises(UserError) as refused:
        freeze_count(database, record, CHECKER, KEY, trusted=TRUSTED)
    assert str(refused.value) == said.replace("Decision 1", f"Decision {second}")
    confirm_decision(database, second, confirmed_by="chen")
    with changing(database, MAKER.actor):
        return_count(database, record, MAKER, reason="放宽")
    record = freeze_count(database, submitted(database), CHECKER, KEY, trusted=TRUSTED)
    (first_kept, kept) = entries_of(read_document(database, record))["alpha", small]["decisions"]
    assert (first_kept["confirmed_by"], first_kept["withdrawn_by"]) == (None, "zheng")
    assert (kept["needs_second"], kept["confirmed_by"]) == (True, "chen")


def test_decisions_that_need_no_second_person_stand_in_the_document_as_before(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """So that what was reviewed before an upgrade is frozen in the form that was reviewed."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    record_decision(
        database, "exclude", "alpha", uscc, reason="x", decided_by="zheng", policy=POLICY
    )
    document = read_document(database, drafted(database))
    (kept,) = entries_of(document)["alpha", uscc]["decisions"]
    assert set(kept) == {
        *("id", "kind", "criterion", "value", "reason", "attachment"),
        *("decided_by", "decided_at", "withdrawn_reason", "withdrawn_by", "withdrawn_at"),
    }


def test_a_correction_is_checked_by_others_than_its_own_makers(
    database: psycopg.Connection, small: str
) -> None:
    """Who made the revision before may check this one; who decided in it may check neither."""
    confirm_decision(database, _waive(database, small), confirmed_by="chen")
    freeze_count(database, submitted(database), CHECKER, KEY, trusted=TRUSTED)
    record = submitted(database, reason="复核", maker=CHECKER)
    assert record.submitted_at is not None
    for name, said in (
        ("chen", "chen submitted the count 2026-2"),
        ("zheng", "zheng decided on 第1鞋厂"),
    ):
        with pytest.raises(UserError, match=said):
            freeze_count(database, record, act_of(name, record.submitted_at), KEY, trusted=TRUSTED)
    act = act_of("lin", record.submitted_at)
    assert freeze_count(database, record, act, KEY, trusted=TRUSTED).state is State.FROZEN


def test_a_simulation_asks_for_no_second_person(
    embedded_server: DatabaseServer, embedded_simulation_template: str
) -> None:
    """One name suffices there, as before."""
    with (
        embedded_server.database(template=embedded_simulation_template) as url,
        connect(url) as connection,
    ):
        registry = RegistryBuilder(connection)
        uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE, devices=1)
        waiver = _waive(connection, uscc)
        assert _outcome(connection, uscc) == "counted"
        with pytest.raises(UserError, match="needs no second person"):
            confirm_decision(connection, waiver, confirmed_by="wu")


def test_the_list_of_decisions_says_which_wait(
    jieru: Run, database: psycopg.Connection, small: str
) -> None:
    """For people and for programs."""
    _waive(database, small)
    database.commit()
    assert "waits for a second" in " ".join(jieru("decide", "list")[1].split())
    (waiting,) = _listed(jieru)
    assert (waiting["needs_second"], waiting["confirmed_by"], waiting["confirmed_at"]) == (
        True,
        None,
        None,
    )
    confirm_decision(database, 1, confirmed_by="wu")
    database.commit()
    (confirmed,) = _listed(jieru)
    assert confirmed["confirmed_by"] == "wu"


def _listed(jieru: Run) -> Any:  # noqa: ANN401 - JSON
    return json.loads(jieru("decide", "list", "--json")[1])["decisions"]


def test_whoever_decides_sees_what_waits(database: psycopg.Connection, small: str) -> None:
    """A waiver that has no effect yet is not shown as one that has."""
    number = _waive(database, small)
    (case,) = cases_at_stake(database, None, "alpha", small, str)
    said = said_by_number(database, "withdraw", number, 2026, str)[2]
    assert case.standing == said
    assert said[0].endswith("(zheng, waits for a second person)")
    confirm_decision(database, number, confirmed_by="wu")
    (case,) = cases_at_stake(database, None, "alpha", small, str)
    assert case.standing[0].endswith("(zheng)")


# --- Databases of before --------------------------------------------------------------------------


@pytest.fixture
def before(embedded_url: str, tmp_path: Path) -> str:
    """A database of the release before, with a waiver, and a count that one person checked too."""
    migrate_to(embedded_url, "0042_gateways", tmp_path)
    with connect(embedded_url) as connection:
        registry = RegistryBuilder(connection)
        registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE, devices=1)
        connection.execute(
            "INSERT INTO decisions (kind, platform_id, enterprise_id, criterion, value, reason,"
            " decided_by) VALUES ('waive', 1, 1, 'active_devices_min', 1, 'x', 'zheng')"
        )
        connection.execute(
            "INSERT INTO counts (year, revision, state, opened_by, policy_name, policy_sha256,"
            " as_of, drafted_at, drafted_by, content_sha256, submitted_at, submitted_by, frozen_at,"
            " frozen_by, code_version, digest, signature, public_key, published_at, published_by,"
            " notice_days, notice_ends_on, payable_at, payable_by)"
            " VALUES (2025, 1, 'payable', 'chen', 'x', repeat('0', 64), '2026-04-05', now(),"
            " 'chen', repeat('0', 64), now(), 'lin', now(), 'chen', 'x', repeat('0', 64), %s, %s,"
            " now(), 'chen', 5, '2026-06-01', now(), 'chen')",
            (bytes(64), bytes(32)),
        )
    return embedded_url


def test_what_was_recorded_before_keeps_its_effect(before: str) -> None:
    """A waiver of one person counts on; a count that one person checked stays as it is."""
    migrate(before)
    with connect(before) as connection:
        record_in_time(connection)
        ((uscc,),) = connection.execute("SELECT uscc FROM enterprises").fetchall()
        assert _outcome(connection, uscc) == "counted"
        (waiver,) = list_decisions(connection)
        assert (waiver.decision.needs_second, waiver.decision.confirmed_by) == (False, None)
        with pytest.raises(UserError, match="needs no second person"):
            confirm_decision(connection, 1, confirmed_by="wu")
        pay = (
            "INSERT INTO count_payments (count_id, platform_id, clause, amount_yuan, paid_on,"
            " reference, recorded_by, recorded_at) VALUES (1, 1, '1.2', 1, now(), 'x', %s, now())"
        )
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute(pay, ("chen",))
        connection.execute(pay, ("zhao",))
        connection.execute("UPDATE counts SET state = 'paid'")


def test_the_account_names_by_which_people_are_told_apart_stay(
    database: psycopg.Connection,
) -> None:
    """Not renamed, not given twice, not deleted; what pages call a person tells nobody apart."""
    for name in ("lin", "chen"):
        database.execute(
            "INSERT INTO users (name, display_name, role) VALUES (%s, '林晓', 'verifier')", (name,)
        )
    database.commit()
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute("UPDATE users SET name = 'zhao' WHERE name = 'lin'")
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute("DELETE FROM users")
    for name in ("lin", "LIN"):
        with pytest.raises(psycopg.errors.IntegrityError), database.transaction():
            database.execute(
                "INSERT INTO users (name, display_name, role) VALUES (%s, 'x', 'verifier')", (name,)
            )
    database.execute("UPDATE users SET display_name = '陈静', disabled_at = now()")


def test_the_database_tells_people_apart_as_the_programs_do(database: psycopg.Connection) -> None:
    """One key for all spellings of a name, in both."""
    names = [
        "lin",
        " LIN ",
        "user:Lin",
        "ｌｉｎ",
        "l\u3000i n",
        "陈静",
        "陈 静",
        "a.b@c",
        "user:",
    ]
    for name in names:
        ((key,),) = database.execute("SELECT person_key(%s)", (name,)).fetchall()
        assert key == person_key(name), name
