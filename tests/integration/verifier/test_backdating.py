"""Evidence follows registration: what a registry written afterwards is worth."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import psycopg
import pytest

from jieru.calendar import SHANGHAI
from jieru.database import connect
from jieru.errors import UserError
from registry.assignments import create_assignment
from registry.cells import Value
from registry.connection_requests import Requested, confirm_request
from registry.connection_requests import connect as ask_to_connect
from registry.connections import create_connection
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.recorded import Table, extend_on, record_on
from tests.support.registry_builder import RegistryBuilder, days_between
from verifier.counting.count import Count
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.counting.explain import explain
from verifier.counting.opening_stocks import (
    accept_opening_stock,
    confirm_opening_stock,
    withdraw_opening_stock,
)
from verifier.counting.run import count_year
from verifier.policy import Policy, load_policy

_POLICY: Final = load_policy("putian-2026")
_OF_BEFORE: Final = _POLICY.model_copy(update={"backdate_days_max": None})
_AS_OF: Final = date(2027, 4, 5)
_LONG_AGO: Final = date(2020, 1, 6)
"""Before any day on which this test runs."""
_RECORDED_ON: Final = date(2026, 12, 31)
_TODAY: Final = "SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date"
_RECORDED: Final = """
    SELECT (recorded_at AT TIME ZONE 'Asia/Shanghai')::date FROM {} ORDER BY id
"""
_EXTENDED: Final = "SELECT extended_from FROM {}"
_IDS: Final = "SELECT id FROM {}"
_SET: Final = "UPDATE {} SET {}"
_TABLES: Final[tuple[Table, ...]] = ("connections", "assignments")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _shells(registry: RegistryBuilder) -> list[str]:
    """What S5 did: a year's heartbeats of three machines, then four owners, a quarter each."""
    platform = registry.platform("alpha")
    serials = ("m1", "m2", "m3")
    for serial in serials:
        device_id = registry.device(platform, serial)
        registry.presence(device_id, days_between(date(2026, 1, 5), date(2026, 12, 31)))
    found = []
    for number in range(4):
        first = date(2026, 1, 5) + timedelta(days=91 * number)
        uscc = registry.enterprise(number + 1)
        registry.connection(platform, uscc, first, recorded_on=_RECORDED_ON)
        for serial in serials:
            end = first + timedelta(days=91)
            registry.assignment(platform, serial, uscc, first, end, recorded_on=_RECORDED_ON)
        found.append(uscc)
    return found


def _late_enterprise(registry: RegistryBuilder, number: int = 1, platform: str = "alpha") -> str:
    """An enterprise that would count, had it not been recorded after its evidence."""
    uscc = registry.enterprise(number)
    registry.connection(platform, uscc, date(2026, 3, 1), recorded_on=_RECORDED_ON)
    for place in range(3):
        serial = f"m{number}-{place}"
        registry.presence(registry.device(platform, serial), WORKED_EXAMPLE)
        first = date(2026, 3, 1)
        registry.assignment(platform, serial, uscc, first, recorded_on=_RECORDED_ON)
    return uscc


def _connection_of(uscc: str, platform: str = "alpha") -> dict[str, Value]:
    return {"platform": platform, "uscc": uscc, "contract_no": "1", "from_date": _LONG_AGO}


def _count(database: psycopg.Connection, policy: Policy = _POLICY) -> Count:
    database.commit()
    return count_year(database, 2026, as_of=_AS_OF, policy=policy)


def _outcomes(count: Count) -> list[str]:
    return [each.outcome for platform in count.platforms for each in platform.determinations]


# --- The count ------------------------------------------------------------------------------------


def test_shells_registered_afterwards_over_one_bank_of_machines_earn_nothing(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Under a policy of before the rule they earned 40,000 yuan, and no notice said so."""
    shells = _shells(registry)
    before = _count(database, _OF_BEFORE)
    assert (before.total_yuan, before.notices) == (40_000, ())
    count = _count(database)
    assert count.total_yuan == 0
    late = list(count.backdated())
    assert {found.enterprise.uscc for found, _each in late} == set(shells)
    assert {each.serials for _found, each in late} == {(), ("m1", "m2", "m3")}
    assert not any(each.is_accepted for _found, each in late)
    (notice,) = count.notices
    assert (notice.code, notice.values["enterprises"]) == ("backdated", 4)


def test_a_policy_of_before_the_rule_says_nothing_of_it(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """So a count that was frozen under it is found the same again."""
    registry.platform()
    _late_enterprise(registry)
    shown = _count(database, _OF_BEFORE).to_json_object()
    assert "backdated" not in json.dumps(shown)


def test_a_count_as_json_lists_every_late_record_also_those_that_change_nothing(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """With whom it concerns, from when it counts, and how much lies before."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    registry.device("alpha", "idle")
    registry.assignment("alpha", "idle", uscc, date(2026, 2, 1), recorded_on=date(2026, 2, 9))
    shown: Any = _count(database).to_json_object()
    assert shown["total_yuan"] == 10_000
    assert shown["backdated"] == [
        {
            "platform": "alpha",
            "uscc": uscc,
            "name": "第1鞋厂",
            "what": "assignments",
            "serials": ["idle"],
            "from_date": "2026-02-01",
            "recorded_on": "2026-02-09",
            "evidence_from": "2026-02-02",
            "days_before": 0,
            "decision": None,
            "opening_stock": None,
            "changes_outcome": False,
            "counts_against": False,
        }
    ]


def test_a_decision_of_two_people_lets_late_records_count(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """One alone changes nothing, and who withdraws it takes the effect away again."""
    registry.platform()
    uscc = _late_enterprise(registry)
    _let_have_been_recorded_before_now(database)
    number = record_decision(
        database, "backdate", "alpha", uscc, reason="合同已核对", decided_by="Lin", policy=_POLICY
    )
    assert _outcomes(_count(database)) == ["not_effective"]
    confirm_decision(database, number, confirmed_by="Chen")
    count = _count(database)
    assert _outcomes(count) == ["counted"]
    assert {each.decision for _found, each in count.backdated()} == {number}
    withdraw_decision(database, number, reason="合同系伪造", withdrawn_by="Lin")
    assert _outcomes(_count(database)) == ["not_effective"]


def _let_have_been_recorded_before_now(database: psycopg.Connection) -> None:
    """Whenever this test runs: late, and before the decision."""
    today = database.execute(_TODAY).fetchall()[0][0]
    recorded_on = min(_RECORDED_ON, today - timedelta(days=1))
    for table in _TABLES:
        for (number,) in database.execute(_IDS.format(table).encode()).fetchall():
            record_on(database, table, number, recorded_on)


def test_an_opening_stock_lets_what_stood_on_a_day_count(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Of one platform or of all, by two people; every count that uses it names them."""
    registry.platform("alpha")
    registry.platform("beta")
    for number, platform in enumerate(("alpha", "beta"), start=1):
        _late_enterprise(registry, number, platform)
    _let_have_been_recorded_before_now(database)
    ((today,),) = database.execute(_TODAY).fetchall()
    said: dict[str, Any] = {"reason": "系统升级前的登记", "decided_by": "Lin"}
    early = accept_opening_stock(database, None, date(2026, 1, 1), **said)
    confirm_opening_stock(database, early, by="Chen")
    assert _outcomes(_count(database)) == ["not_effective"] * 2
    number = accept_opening_stock(database, "beta", today, **said)
    assert _outcomes(_count(database)) == ["not_effective"] * 2
    with pytest.raises(UserError, match="another person"):
        confirm_opening_stock(database, number, by="lin")
    confirm_opening_stock(database, number, by="Chen")
    count = _count(database)
    assert _outcomes(count) == ["not_effective", "counted"]
    notice = count.notices[-1]
    assert (notice.code, notice.values) == (
        "opening_stock",
        {
            "id": number,
            "platform": "beta",
            "stood_on": today.isoformat(),
            "by": "Lin",
            "second": "Chen",
            "reason": "系统升级前的登记",
            "enterprises": 1,
        },
    )
    everything = accept_opening_stock(database, None, today, **said)
    confirm_opening_stock(database, everything, by="Chen")
    assert _outcomes(_count(database)) == ["counted"] * 2
    for each in (number, everything):
        withdraw_opening_stock(database, each, reason="范围有误", by="Lin")
    assert _outcomes(_count(database)) == ["not_effective"] * 2


def test_what_is_recorded_after_an_opening_stock_is_not_covered_by_it(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Not even on the same day."""
    registry.platform()
    ((today,),) = database.execute(_TODAY).fetchall()
    number = accept_opening_stock(database, None, today, reason="启用", decided_by="Lin")
    confirm_opening_stock(database, number, by="Chen")
    database.commit()
    uscc = registry.enterprise()
    said = _connection_of(uscc)
    create_connection(database, said)
    (late,) = [each for _found, each in _count(database).backdated()]
    assert not late.is_accepted


def test_nobody_accepts_what_will_be_registered(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """A day to come would cover whatever is written until then."""
    registry.platform()
    ((today,),) = database.execute(_TODAY).fetchall()
    with pytest.raises(UserError, match="no day on which a registry stood"):
        accept_opening_stock(
            database, None, today + timedelta(days=1), reason="启用", decided_by="Lin"
        )


# --- What the database records --------------------------------------------------------------------


def _recorded(database: psycopg.Connection, table: str) -> list[date]:
    return [day for (day,) in database.execute(_RECORDED.format(table).encode())]


def test_a_real_database_records_by_its_own_clock_whatever_a_program_says(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """On insertion and ever after; an end moves nothing, an earlier beginning is told anew."""
    platform, uscc = registry.platform(), registry.enterprise()
    ((today,),) = database.execute(_TODAY).fetchall()
    said = _connection_of(uscc, platform)
    create_connection(database, said)
    registry.device(platform, "m1")
    create_assignment(
        database,
        {"platform": platform, "serial": "m1", "uscc": uscc, "assigned_from": _LONG_AGO},
    )
    for table in _TABLES:
        assert _recorded(database, table) == [today]
        database.execute(_SET.format(table, "recorded_at = '2020-01-01'").encode())
        assert _recorded(database, table) == [today]
        number = database.execute(_IDS.format(table).encode()).fetchall()[0][0]
        record_on(database, table, number, date(2021, 1, 1))
        database.execute(_SET.format(table, "to_date = '2030-01-01'").encode())
        database.execute(_SET.format(table, "from_date = from_date + 1").encode())
        assert _recorded(database, table) == [date(2021, 1, 1)]
        database.execute(_SET.format(table, "from_date = from_date - 1").encode())
        assert _recorded(database, table) == [today]


def _set_end(database: psycopg.Connection, end: date | None) -> None:
    said = "NULL" if end is None else f"'{end}'"
    for table in _TABLES:
        database.execute(_SET.format(table, f"to_date = {said}").encode())


def _told_on(database: psycopg.Connection, day: date) -> None:
    """Let what was said of ends until now have been said on a day."""
    for table in _TABLES:
        for (number,) in database.execute(_IDS.format(table).encode()).fetchall():
            extend_on(database, table, number, day)


def test_a_period_that_was_over_goes_on_from_the_day_on_which_that_was_told(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Else machines could be registered for a day each in time, and for the year afterwards."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    _set_end(database, date(2025, 6, 1))
    _told_on(database, date(2025, 6, 1))
    assert _count(database, _POLICY).platforms[0].determinations == ()
    for table in _TABLES:
        database.execute(_SET.format(table, "to_date = NULL").encode())
        found = database.execute(_EXTENDED.format(table).encode()).fetchall()
        assert {tuple(ends) for (ends,) in found} == {(date(2025, 6, 1),)}
        for (number,) in database.execute(_IDS.format(table).encode()).fetchall():
            extend_on(database, table, number, _RECORDED_ON)
    count = _count(database)
    assert _outcomes(count) == ["not_effective"]
    assert [
        (each.serials, each.from_date, each.recorded_on, each.days_before)
        for _found, each in count.backdated()
    ] == [
        ((), date(2025, 6, 1), _RECORDED_ON, 104),
        (("m1-0", "m1-1", "m1-2"), date(2025, 6, 1), _RECORDED_ON, 104),
    ]
    explained = explain(database, 2026, "alpha", uscc, as_of=_AS_OF, policy=_POLICY)
    assert {each.assigned for each in explained.devices} == {
        ((date(2025, 1, 1), date(2025, 6, 1)), (date(2025, 6, 1), None))
    }


def test_an_end_that_lies_ahead_is_moved_without_a_trace(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """A contract that is renewed in time has no gap."""
    registry.platform()
    ((today,),) = database.execute(_TODAY).fetchall()
    registry.connection("alpha", registry.enterprise(), _LONG_AGO, today + timedelta(days=1))
    database.execute("UPDATE connections SET to_date = NULL")
    assert database.execute("SELECT extended_at FROM connections").fetchall() == [([],)]


def _ends_extended(database: psycopg.Connection) -> set[tuple[date, ...]]:
    found = [database.execute(_EXTENDED.format(each).encode()).fetchall() for each in _TABLES]
    return {tuple(ends) for rows in found for (ends,) in rows}


def test_a_wrong_end_that_is_taken_back_on_the_same_day_takes_nothing_away(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """A slip is no extension: months of evidence do not hang on one keystroke."""
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    assert _outcomes(_count(database)) == ["counted"]
    for end in (date(2025, 6, 1), date(2025, 5, 1), None):
        _set_end(database, end)
    assert _ends_extended(database) == {()}
    assert _outcomes(_count(database)) == ["counted"]


def test_an_extension_that_is_taken_back_on_the_same_day_leaves_those_of_before(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Neither the slip nor its repair loses what was told in time."""
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    _set_end(database, date(2025, 6, 1))
    _told_on(database, date(2025, 6, 1))
    _set_end(database, date(2025, 9, 1))
    _told_on(database, date(2025, 6, 3))
    assert _ends_extended(database) == {(date(2025, 6, 1),)}
    _set_end(database, None)
    assert _ends_extended(database) == {(date(2025, 6, 1), date(2025, 9, 1))}
    for end in (date(2025, 9, 1), date(2025, 5, 1), date(2025, 9, 1)):
        _set_end(database, end)
        assert _ends_extended(database) == {(date(2025, 6, 1),)}


def test_evidence_between_two_extensions_made_in_time_is_kept(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """A contract that is renewed a few days late, twice, loses nothing."""
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    for end, told_on in (
        (date(2025, 6, 1), date(2025, 5, 30)),
        (date(2026, 4, 1), date(2025, 6, 3)),
        (None, date(2026, 4, 3)),
    ):
        before = {
            (table, number): ats
            for table in _TABLES
            for number, ats in database.execute(
                f"SELECT id, extended_at FROM {table}".encode()  # noqa: S608 - ours
            )
        }
        _set_end(database, end)
        for (table, number), ats in before.items():
            at = datetime.combine(told_on, time(12), SHANGHAI)
            database.execute(
                f"SET session_replication_role = replica; UPDATE {table} "  # noqa: S608 - ours
                f"SET extended_at = (ARRAY[{', '.join(repr(str(each)) for each in [*ats, at])}]"
                f"::timestamptz[])[:cardinality(extended_at)], end_changed_at = '{at}' "
                f"WHERE id = {number}; SET session_replication_role = origin".encode()
            )
    assert _ends_extended(database) == {(date(2025, 6, 1), date(2026, 4, 1))}
    assert _outcomes(_count(database)) == ["counted"]
    assert list(_count(database).backdated()) == []


def test_a_confirmed_request_was_told_when_it_was_made(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """However long the bureau took."""
    registry.platform("alpha")
    registry.platform("beta")
    uscc = registry.enterprise()
    registry.connection("alpha", uscc)
    said = _connection_of(uscc, "beta")
    asked = ask_to_connect(database, said, own_platform="beta", by="op")
    assert isinstance(asked, Requested)
    database.execute(
        "SET session_replication_role = replica;"
        "UPDATE connection_requests SET requested_at = '2024-05-06 12:00+08';"
        "SET session_replication_role = origin;"
    )
    confirm_request(database, asked.request_id, reason="见合同", by="Chen")
    assert _recorded(database, "connections")[-1] == date(2024, 5, 6)


@pytest.fixture
def simulation(embedded_simulation_url: str) -> Iterator[psycopg.Connection]:
    """A database that is marked as a simulation."""
    with connect(embedded_simulation_url) as connection:
        yield connection


def test_a_simulation_records_on_the_first_day_unless_told_otherwise(
    simulation: psycopg.Connection,
) -> None:
    """It plays another time than that of the clock."""
    simulation.execute("""
        INSERT INTO platforms (code, name) VALUES ('alpha', 'Alpha');
        INSERT INTO enterprises (uscc, name, district)
        VALUES ('91350300000000001Y', 'E', 'licheng');
        INSERT INTO connections (platform_id, enterprise_id, from_date, to_date)
        VALUES (1, 1, '2026-03-01', '2026-04-01');
        INSERT INTO connections (platform_id, enterprise_id, from_date, recorded_at)
        VALUES (1, 1, '2026-05-01', '2026-06-01 12:00+08');
    """)
    assert _recorded(simulation, "connections") == [date(2026, 3, 1), date(2026, 6, 1)]


# --- The command line -----------------------------------------------------------------------------


def test_the_terminal_says_what_was_recorded_late(
    jieru: Run, database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """In the count a table and a note, in the explanation a sentence."""
    registry.platform()
    uscc = _late_enterprise(registry)
    database.commit()
    _code, out, _err = jieru("count", "2026", "--as-of", "2027-04-05")
    assert "Recorded later than they begin" in out
    assert "Of 1 enterprises, connections or assignments were recorded later" in out
    _code, out, _err = jieru("explain", "2026", "alpha", uscc, "--as-of", "2027-04-05")
    assert (
        "Evidence of 104 days lies before 2026-12-24 and does not count: the assignment of m1-0, "
        "m1-1, m1-2 begins on 2026-03-01 and was recorded on 2026-12-31." in out
    )
    explained = json.loads(
        jieru("explain", "2026", "alpha", uscc, "--as-of", "2027-04-05", "--json")[1]
    )
    assert [each["what"] for each in explained["backdated"]] == ["connection", "assignments"]


def test_the_command_line_accepts_lists_and_withdraws_an_opening_stock(
    jieru: Run, embedded_simulation_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a simulation, where a name is believed and one suffices."""
    monkeypatch.setenv("JIERU_DATABASE_URL", embedded_simulation_url)
    said = ("--reason", "启用前的登记", "--by", "Lin")
    code, out, err = jieru("opening-stock", "accept", "--on", "2026-01-01", *said)
    assert (code, out, err) == (0, "Opening stock 1 is recorded.\n", "")
    code, _out, err = jieru("opening-stock", "confirm", "1", "--by", "Chen")
    assert (code, "needs no second person" in err) == (1, True)
    (listed,) = json.loads(jieru("opening-stock", "list", "--json")[1])["opening_stocks"]
    assert (listed["platform"], listed["stood_on"]) == (None, "2026-01-01")
    assert "all platforms" in jieru("opening-stock", "list")[1]
    code, out, _err = jieru("opening-stock", "withdraw", "1", *said)
    assert (code, out) == (0, "Opening stock 1 is withdrawn.\n")
