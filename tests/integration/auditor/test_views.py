"""What the views say, held against the programs that decide: the verifier, the ingester's bits."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
import pytest

from jieru.audit_chain import record_check, verify_audit
from jieru.calendar import SHANGHAI
from jieru.database import connect
from jieru.schema import migrate
from registry.device_status import Liveness, liveness
from tests.support.kept_counts import keep_counts
from tests.support.procedure import AS_OF, MAKER, POLICY
from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of
from tests.support.small_city import build_small_city
from verifier.counting.decisions import confirm_decision, record_decision
from verifier.counting.evaluation import Evaluation
from verifier.counting.reading import consistent_snapshot
from verifier.counting.run import count_year, evaluate
from verifier.policy import policy_from_source
from verifier.procedure.drafting import draft_count
from verifier.procedure.records import read_document, standing_count

if TYPE_CHECKING:
    from tests.support.databases import DatabaseServer

WAIVED: Final = 3
"""An enterprise of the small city that must be heard longer than the others."""
WINDOW_END: Final = policy_from_source(
    "putian-2026",
    POLICY.source.replace("value: window_start", "value: window_end").replace(
        "value: 2026-01-01", "value: 2025-01-01"
    ),
)


@pytest.fixture(scope="module", params=["timescale_server", "embedded_server"])
def city_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The small city with its counts, and a waiver from before them."""
    server: DatabaseServer = request.getfixturevalue(request.param)
    with server.database() as url:
        migrate(url)
        with connect(url) as connection:
            build_small_city(connection)
            waived = record_decision(
                connection,
                "waive",
                "xielian",
                uscc_of(WAIVED),
                reason="两班制",
                decided_by="zheng",
                waiver=("active_hours_per_day_min", 6),
                policy=POLICY,
            )
            confirm_decision(connection, waived, confirmed_by="wu")
            keep_counts(connection)
        yield url


@pytest.fixture
def city(city_url: str) -> Iterator[psycopg.Connection]:
    """Reads the views of the small city."""
    with connect(city_url, autocommit=True) as connection:
        connection.execute("SET jit = off")  # as the auditors' role has it
        yield connection


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to an empty registry."""
    with connect(database_url, autocommit=True) as opened:
        yield opened


def rows(
    connection: psycopg.Connection, query: LiteralString, *values: object
) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return connection.execute(query, values or None).fetchall()


def evaluated(connection: psycopg.Connection) -> Evaluation:
    """The count of 2026 as the verifier makes it now."""
    with consistent_snapshot(connection):
        return evaluate(connection, 2026, as_of=AS_OF, policy=POLICY)


def test_an_enterprise_is_active_on_the_days_on_which_the_verifier_says_so(
    city: psycopg.Connection,
) -> None:
    """Every enterprise of every platform, on every day of the year's windows, waivers included."""
    found = evaluated(city)
    first = date(2026, 1, 1)
    days = days_between(first, date(2027, 3, 30))
    active = found.days.between(first.toordinal(), days[-1].toordinal())
    assert active.any()
    for case, expected in zip(found.cases, active, strict=True):
        answer = rows(
            city,
            "SELECT day_on, is_active FROM audit.enterprise_days WHERE platform = %s"
            " AND uscc = %s AND count_year = 2026 AND stage = 'standing' ORDER BY day_on",
            case.platform.code,
            case.enterprise.uscc,
        )
        assert answer == list(zip(days, map(bool, expected), strict=True))


def test_thresholds_come_from_the_stored_count(city: psycopg.Connection) -> None:
    """From its policy, or from the waiver of an enterprise."""
    thresholds: LiteralString = """
        SELECT DISTINCT active_hours_per_day_min, active_devices_min, count_id
        FROM audit.enterprise_days
        WHERE platform = 'xielian' AND uscc = %s AND count_year = %s AND stage = %s
    """
    assert rows(city, thresholds, uscc_of(1), 2026, "standing") == [(4, 3, "2026-1")]
    assert rows(city, thresholds, uscc_of(WAIVED), 2026, "standing") == [(6, 3, "2026-1")]
    assert rows(city, thresholds, uscc_of(1), 2026, "draft") == [(4, 3, "2026-2")]


def test_without_a_count_nothing_says_what_is_active(city: psycopg.Connection) -> None:
    """Devices were heard all the same; a day after the evidence of a count is none of it."""
    answer = rows(
        city,
        "SELECT DISTINCT count_id, active_devices_min, devices_active, is_active, is_evidence"
        " FROM audit.enterprise_days WHERE platform = 'xielian' AND uscc = %s"
        " AND count_year = 2025 AND stage = 'draft'",
        uscc_of(24),
    )
    assert answer == [(None, None, None, None, None)]
    heard = rows(
        city,
        "SELECT sum(devices_heard), sum(hours_heard) FROM audit.enterprise_days"
        " WHERE platform = 'xielian' AND uscc = %s AND count_year = 2025 AND stage = 'draft'",
        uscc_of(24),
    )
    days = [day for day in days_between(date(2025, 9, 1), date(2025, 12, 31)) if day.weekday() != 6]
    assert heard == [(3 * len(days), 3 * 5 * len(days))]


def test_gaps_are_the_runs_between_active_days(city: psycopg.Connection) -> None:
    """Sundays, and what lies before and after the evidence."""
    gaps = rows(
        city,
        "SELECT first_on, last_on, days FROM audit.enterprise_gaps WHERE platform = 'xielian'"
        " AND uscc = %s AND count_year = 2026 AND stage = 'standing' ORDER BY first_on",
        uscc_of(1),
    )
    assert gaps[0] == (date(2026, 1, 1), date(2026, 3, 1), 60)
    assert gaps[1] == (date(2026, 3, 8), date(2026, 3, 8), 1)
    assert gaps[-1] == (date(2026, 10, 1), date(2027, 3, 30), 181)


def test_a_count_by_the_ends_of_windows_looks_back_into_the_year_before(
    connection: psycopg.Connection,
) -> None:
    """The days that can lie in a window of the year, and the month that it counts in."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    uscc = registry.served_enterprise(
        1, "alpha", days_between(date(2025, 12, 1), date(2026, 6, 30))
    )
    draft_count(connection, MAKER, 2026, as_of=date(2026, 6, 30), policy=WINDOW_END)
    days = rows(
        connection,
        "SELECT min(day_on), max(day_on) FILTER (WHERE is_evidence) FROM audit.enterprise_days"
        " WHERE platform = 'alpha' AND uscc = %s AND count_year = 2026 AND stage = 'draft'",
        uscc,
    )
    assert days == [(date(2025, 10, 4), date(2026, 6, 30))]
    months = rows(
        connection,
        "SELECT month, newly_connected, cumulative FROM audit.platform_months ORDER BY month",
    )
    assert [(month.month, *numbers) for month, *numbers in months] == [
        (1, 0, 0),
        (2, 1, 1),
        (3, 0, 1),
        (4, 0, 1),
        (5, 0, 1),
        (6, 0, 1),
    ]


def test_hours_and_days_of_a_device_are_its_bits(connection: psycopg.Connection) -> None:
    """In civil time, whatever the session's zone; of the enterprise that it stood for that day."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    first, then = registry.enterprise(1), registry.enterprise(2)
    device = registry.device("alpha", "d", first, date(2026, 1, 1), date(2026, 3, 31))
    registry.assignment("alpha", "d", then, date(2026, 3, 31))
    registry.presence(device, [date(2026, 3, 30)], [0, 23])
    registry.presence(device, [date(2026, 3, 30)], [1, 23], is_late=True)
    registry.presence(device, [date(2026, 3, 31)], [23])
    connection.execute("SET timezone = 'America/New_York'")
    hours = rows(
        connection,
        "SELECT uscc, day_on, hour, starts_at, heard FROM audit.device_hours ORDER BY starts_at",
    )
    midnight = datetime(2026, 3, 30, tzinfo=SHANGHAI)
    assert hours == [
        (first, date(2026, 3, 30), 0, midnight, "in_time"),
        (first, date(2026, 3, 30), 1, midnight + timedelta(hours=1), "late"),
        (first, date(2026, 3, 30), 23, midnight + timedelta(hours=23), "in_time"),
        (then, date(2026, 3, 31), 23, midnight + timedelta(hours=47), "in_time"),
    ]
    assert rows(
        connection,
        "SELECT uscc, starts_at, hours_heard, hours_late FROM audit.device_days ORDER BY day_on",
    ) == [(first, midnight, 2, 1), (then, midnight + timedelta(days=1), 1, 0)]
    assert rows(connection, "SELECT month, hours_heard, hours_late FROM audit.device_months") == [
        (date(2026, 3, 1), 3, 1)
    ]
    assert rows(
        connection, "SELECT platform, devices, hours_heard, hours_late FROM audit.presence_months"
    ) == [("alpha", 1, 3, 1)]


def test_the_excess_of_a_device_is_shown_by_hour_of_receipt(
    connection: psycopg.Connection,
) -> None:
    """In civil hours, each ingester's own."""
    build = RegistryBuilder(connection)
    build.platform("alpha")
    device = build.device("alpha", "CNC-01")
    hour = datetime(2026, 3, 30, 17, tzinfo=UTC)
    for ingester, heartbeats in (("a", 5), ("b", 7)):
        connection.execute(
            "INSERT INTO device_excess (hour, device_id, ingester, heartbeats)"
            " VALUES (%s, %s, %s, %s)",
            (hour, device, ingester, heartbeats),
        )
    assert rows(
        connection,
        "SELECT platform, serial, starts_at, received_on, hour, ingester, heartbeats"
        " FROM audit.device_excess ORDER BY ingester",
    ) == [
        ("alpha", "CNC-01", hour, date(2026, 3, 31), 1, "a", 5),
        ("alpha", "CNC-01", hour, date(2026, 3, 31), 1, "b", 7),
    ]


def test_determinations_are_those_of_the_stored_count(city: psycopg.Connection) -> None:
    """Of the standing count and of the draft, criterion by criterion."""
    record = standing_count(city, 2026)
    assert record
    document = read_document(city, record)
    stored = {
        (platform["platform"], entry["uscc"]): entry
        for platform in document["platforms"]
        for entry in platform["enterprises"]
    }
    answer = rows(
        city,
        "SELECT platform, uscc, outcome, connected_on::text, window_last_on::text,"
        " window_active_days, window_longest_gap_days, pending_until_on::text,"
        " coalesce(reasons, ''), connected_at FROM audit.determinations"
        " WHERE year = 2026 AND stage = 'standing'",
    )
    assert len(answer) == len(stored)
    for platform, uscc, *found, connected_at in answer:
        entry = stored[platform, uscc]
        names = ("outcome", "connected_on", "window_last_day", "window_active_days",
                 "window_longest_gap_days", "pending_until")  # fmt: skip
        assert found == [*(entry[name] for name in names), ", ".join(entry["reasons"])]
        if connected_at:
            assert connected_at.astimezone(SHANGHAI).isoformat()[:19] == found[1] + "T00:00:00"
    criteria = rows(
        city,
        "SELECT criterion, is_met, measured, required, waiver_id FROM audit.determination_criteria"
        " WHERE year = 2026 AND stage = 'standing' AND platform = 'xielian' AND uscc = %s"
        " ORDER BY place",
        uscc_of(WAIVED),
    )
    entry = stored["xielian", uscc_of(WAIVED)]
    assert [(name, is_met) for name, is_met, *_rest in criteria] == [
        (each["name"], each["is_met"]) for each in entry["criteria"]
    ]
    assert ("active_hours_per_day_min", False, "5", "6", 3) in criteria
    devices = rows(
        city,
        "SELECT serial, active_days FROM audit.determination_devices"
        " WHERE year = 2026 AND stage = 'standing' AND uscc = %s ORDER BY serial",
        uscc_of(1),
    )
    assert devices == [
        (each["serial"], each["active_days"]) for each in stored["xielian", uscc_of(1)]["devices"]
    ]


def test_awards_and_budget_are_those_of_the_verifier(city: psycopg.Connection) -> None:
    """The draft is what the verifier finds now: results, lines against the cap, money."""
    count = count_year(city, 2026, as_of=date(2027, 3, 15), policy=POLICY)
    assert rows(
        city,
        "SELECT platform, counted, pending, listed, award_yuan FROM audit.platform_results"
        " WHERE year = 2026 AND stage = 'draft' ORDER BY platform COLLATE \"C\"",
    ) == [
        (
            each.platform.code,
            each.outcomes["counted"],  # type: ignore[index]
            each.outcomes["pending"],  # type: ignore[index]
            len(each.determinations),
            each.award_yuan,
        )
        for each in count.platforms
    ]
    cap = {"1.2": POLICY.award_cap_yuan.value}
    assert rows(
        city,
        "SELECT platform, clause, number, uncapped_yuan, amount_yuan, cap_yuan FROM audit.awards"
        ' WHERE year = 2026 AND stage = \'draft\' ORDER BY platform COLLATE "C", clause',
    ) == [
        (each.platform.code, line.clause, line.count, line.uncapped_yuan, line.amount_yuan,
         cap.get(line.clause))
        for each in count.platforms
        for line in sorted(each.lines, key=lambda line: line.clause)
    ]  # fmt: skip
    budget = POLICY.annual_budget_yuan.value
    assert rows(
        city,
        "SELECT total_yuan, budget_yuan, left_yuan FROM audit.budget"
        " WHERE year = 2026 AND stage = 'draft'",
    ) == [(count.total_yuan, budget, budget - count.total_yuan)]
    months = rows(
        city,
        "SELECT platform, max(cumulative), sum(newly_connected) FROM audit.platform_months"
        " WHERE year = 2026 AND stage = 'draft' GROUP BY platform",
    )
    assert {platform: (last, total) for platform, last, total in months} == {
        each.platform.code: (each.outcomes["counted"],) * 2  # type: ignore[index]
        for each in count.platforms
    }


def test_a_year_and_a_stage_name_one_count(city: psycopg.Connection) -> None:
    """What is frozen stands, what follows it is the draft."""
    assert rows(city, "SELECT year, stage, count_id, state FROM audit.counts ORDER BY 1, 2") == [
        (2025, "standing", "2025-1", "frozen"),
        (2026, "draft", "2026-2", "in_review"),
        (2026, "standing", "2026-1", "published"),
    ]
    assert [year for (year,) in rows(city, "SELECT year FROM audit.years")] == [2025, 2026, 2027]
    steps = rows(city, "SELECT step FROM audit.count_steps WHERE count_id = '2026-1'")
    assert ("freeze",) in steps


@pytest.mark.parametrize("interval_s", [60, 300])
def test_the_status_of_a_device_is_that_of_the_console(
    connection: psycopg.Connection, interval_s: int
) -> None:
    """One rule, told from the transaction's moment, on both sides of every bound."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    with connection.transaction():
        (now,) = rows(connection, "SELECT now()")[0]
        heard: dict[str, datetime | None] = {"never": None}
        for silent_s in (-5, 0, *(n * interval_s + 30 + d for n in (2, 5) for d in (-1, 0, 1))):
            heard[f"s{silent_s}"] = now - timedelta(seconds=silent_s)
        for serial, last_seen_at in heard.items():
            device = registry.device("alpha", serial)
            if last_seen_at:
                registry.last_seen(device, last_seen_at)
        connection.execute("UPDATE devices SET expected_interval_s = %s", (interval_s,))
        expected = {serial: liveness(at, interval_s, now) for serial, at in heard.items()}
        assert set(expected.values()) == set(Liveness)
        assert dict(rows(connection, "SELECT serial, status FROM audit.devices")) == expected
        counted = dict(rows(connection, "SELECT status, devices FROM audit.device_statuses"))
        assert counted == {status: list(expected.values()).count(status) for status in Liveness}


def test_a_device_of_two_enterprises_within_a_year_is_shown_with_what_was_heard(
    connection: psycopg.Connection,
) -> None:
    """One enterprise after the other, over New Year too; not the same twice, not years apart."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    first, then = registry.enterprise(1), registry.enterprise(2)
    for serial, left, came in (
        ("shared", date(2026, 5, 1), date(2026, 6, 1)),
        ("silvester", date(2026, 1, 1), date(2026, 1, 1)),
        ("years", date(2025, 1, 30), date(2026, 2, 1)),
    ):
        device = registry.device("alpha", serial, first, date(2025, 1, 1), left)
        registry.assignment("alpha", serial, then, came)
        registry.presence(device, [date(2026, 4, 30), date(2025, 4, 1)])
    back = registry.device("alpha", "back", first, date(2026, 1, 1), date(2026, 2, 1))
    registry.assignment("alpha", "back", first, date(2026, 3, 1))
    registry.presence(back, [date(2026, 1, 1), date(2026, 3, 1)])
    assert rows(
        connection,
        "SELECT year, serial, first_uscc, then_uscc, is_first_heard, is_then_heard"
        " FROM audit.shared_devices ORDER BY serial",
    ) == [
        (2026, "shared", first, then, True, False),
        (2026, "silvester", first, then, True, True),
    ]


def test_devices_heard_in_the_same_hours_are_found(connection: psycopg.Connection) -> None:
    """In one month, from 40 hours on; two of one enterprise and one of another."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    march = days_between(date(2026, 3, 2), date(2026, 3, 9))
    for number, devices in ((1, 2), (2, 1)):
        registry.served_enterprise(number, "alpha", march, devices=devices)
    alone = registry.device("alpha", "alone")
    registry.presence(alone, march, [9, 10, 11, 12, 13])
    for serial in ("few-1", "few-2"):
        registry.presence(registry.device("alpha", serial), march[:-1])
    found = rows(
        connection,
        "SELECT rhythm, hours_heard, devices, enterprises, platforms FROM audit.identical_rhythms"
        " WHERE month = '2026-03-01'",
    )
    assert [row[1:] for row in found] == [(40, 3, 2, 1)]
    assert rows(
        connection,
        "SELECT serial, uscc FROM audit.rhythm_devices WHERE month = '2026-03-01' AND rhythm = %s"
        " ORDER BY serial",
        found[0][0],
    ) == [("m1-0", uscc_of(1)), ("m1-1", uscc_of(1)), ("m2-0", uscc_of(2))]


def test_a_rush_is_counted_by_day(connection: psycopg.Connection) -> None:
    """Devices, assignments and connections by the day of their record, whenever they begin."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    uscc = registry.enterprise(1)
    recorded_on = date(2026, 3, 30)
    registry.connection("alpha", uscc, date(2026, 3, 2), recorded_on=recorded_on)
    for place in range(2):
        registry.device("alpha", f"d{place}")
        registry.assignment("alpha", f"d{place}", uscc, date(2026, 3, 2), recorded_on=recorded_on)
    today = datetime.now(UTC).astimezone(SHANGHAI).date()
    answer = {
        day: numbers
        for day, *numbers in rows(
            connection,
            "SELECT day_on, devices_registered, devices_assigned, connections_begun"
            " FROM audit.registration_days WHERE platform = 'alpha'",
        )
    }
    assert answer[date(2026, 3, 30)] == [0, 2, 1]
    registered = [day for day, numbers in answer.items() if numbers[0]]
    assert registered in ([today], [today - timedelta(days=1)])  # midnight may have passed


def test_what_was_recorded_late_is_shown_with_who_answers_for_it(
    connection: psycopg.Connection,
) -> None:
    """By how many days, and by which decision or opening stock it counts all the same."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    uscc = registry.enterprise(1)
    registry.connection("alpha", uscc, date(2024, 3, 1), recorded_on=date(2024, 3, 9))
    registry.device("alpha", "late")
    registry.assignment("alpha", "late", uscc, date(2024, 3, 1), recorded_on=date(2024, 5, 1))
    registry.device("alpha", "punctual", uscc, date(2024, 3, 1))
    connection.execute("""
        INSERT INTO opening_stocks (platform_id, stood_on, reason, decided_by)
        SELECT id, '2024-04-01', 'r', 'Lin' FROM platforms;
        UPDATE opening_stocks SET confirmed_by = 'Chen', confirmed_at = now();
        INSERT INTO decisions (kind, platform_id, enterprise_id, reason, decided_by)
        SELECT 'backdate', p.id, e.id, 'r', 'Lin' FROM platforms p, enterprises e;
    """)
    asked = (
        "SELECT what, serial, days_late, decision, opening_stock FROM audit.backdated ORDER BY what"
    )
    assert rows(connection, asked) == [
        ("assignment", "late", 61, None, None),
        ("connection", None, 8, None, 1),
    ]
    connection.execute("UPDATE decisions SET confirmed_by = 'Chen', confirmed_at = now()")
    assert [row[3] for row in rows(connection, asked)] == [1, 1]
    assert rows(connection, "SELECT platform, stood_on, waits FROM audit.opening_stocks") == [
        ("alpha", date(2024, 4, 1), False)
    ]


def test_rejections_are_named_by_their_topic(connection: psycopg.Connection) -> None:
    """As far as it is one of ours."""
    insert = (
        "INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)"
        " VALUES (now(), %s, %s, '', 7)"
    )
    connection.execute(insert, ("unknown_device", "jieru/v1/alpha/d1/heartbeat"))
    connection.execute(insert, ("bad_topic", "jieru/v2/x"))
    assert rows(
        connection,
        "SELECT reason, platform, serial, payload_bytes FROM audit.rejections ORDER BY id",
    ) == [("unknown_device", "alpha", "d1", 7), ("bad_topic", None, None, 7)]


def chain(connection: psycopg.Connection) -> tuple[Any, ...]:
    """Whether the chain is broken, and what the view found at its end and by the last check."""
    (row,) = rows(
        connection,
        "SELECT is_broken, head_fits, tail_broken, last_check_findings, last_check_fits"
        " FROM audit.audit_chain",
    )
    return row


def tamper(connection: psycopg.Connection, *statements: LiteralString) -> None:
    """What only somebody could do who may switch triggers off."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def check(connection: psycopg.Connection) -> None:
    """A recorded run over the whole chain."""
    findings: list[object] = []
    last = verify_audit(connection, {}, findings.append)
    record_check(connection, last, len(findings))


@pytest.fixture
def chained(connection: psycopg.Connection) -> psycopg.Connection:
    """A registry of some twelve entries."""
    registry = RegistryBuilder(connection)
    registry.platform("alpha")
    for number in range(5):
        registry.enterprise(number + 1)
    return connection


def test_a_chain_that_is_whole_is_not_called_broken(connection: psycopg.Connection) -> None:
    """Empty, short, and longer than what is looked at each time; checked or not."""
    assert chain(connection) == (False, True, 0, None, None)
    check(connection)
    assert chain(connection) == (False, True, 0, 0, True)
    RegistryBuilder(connection).platform("alpha")
    connection.execute(
        "INSERT INTO devices (platform_id, serial)"
        " SELECT 1, 'd' || n FROM generate_series(1, 600) AS n"
    )
    check(connection)
    connection.execute("UPDATE devices SET name = 'x' WHERE serial = 'd1'")
    assert chain(connection) == (False, True, 0, 0, True)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE audit_entries SET actor = 'user:x' WHERE number = 2", (True, True, 1)),
        ("UPDATE audit_entries SET after = '{}' WHERE number = 7", (True, True, 1)),
        ("UPDATE audit_entries SET changed_at = 'infinity' WHERE number = 3", (True, True, 1)),
        ("DELETE FROM audit_entries WHERE number = 4", (True, True, 1)),
        ("DELETE FROM audit_entries WHERE number = 7", (True, False, 0)),
        ("UPDATE audit_entries SET previous_hash = sha256('x') WHERE number = 1", (True, True, 1)),
        ("UPDATE audit_head SET number = 6", (True, False, 0)),
        ("UPDATE audit_head SET hash = sha256('x')", (True, False, 0)),
        ("DELETE FROM audit_head", (True, False, 0)),
        ("DELETE FROM audit_entries", (True, False, 0)),
    ],
)
def test_a_broken_end_of_the_chain_is_seen_at_once(
    chained: psycopg.Connection, statement: LiteralString, expected: tuple[object, ...]
) -> None:
    """Without waiting for anybody to check."""
    assert rows(chained, "SELECT number FROM audit_head") == [(7,)]
    tamper(chained, statement)
    assert chain(chained)[:3] == expected


def test_an_old_entry_that_was_changed_is_seen_once_the_chain_is_checked(
    chained: psycopg.Connection,
) -> None:
    """Further back than what is looked at each time."""
    chained.execute(
        "INSERT INTO devices (platform_id, serial)"
        " SELECT 1, 'd' || n FROM generate_series(1, 600) AS n"
    )
    tamper(chained, "UPDATE audit_entries SET actor = 'user:x' WHERE number = 2")
    assert chain(chained) == (False, True, 0, None, None)
    check(chained)
    assert chain(chained) == (True, True, 0, 1, True)


def test_a_chain_that_was_written_anew_is_seen_by_the_last_check(
    chained: psycopg.Connection,
) -> None:
    """It is whole, but not the one that was checked."""
    check(chained)
    tamper(
        chained,
        "DELETE FROM audit_entries WHERE number = 7",
        "UPDATE audit_head SET number = e.number, hash = e.hash"
        " FROM audit_entries e WHERE e.number = 6",
    )
    assert chain(chained) == (True, True, 0, 0, False)
    with pytest.raises(psycopg.errors.RestrictViolation):
        chained.execute("DELETE FROM audit_checks")
