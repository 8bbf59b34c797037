"""The golden cases of tests/policy_cases once more: stored in a database and counted from it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

import psycopg
import pytest

from jieru.database import connect
from jieru.schema import migrate
from tests.support.databases import DatabaseServer
from tests.support.policy_cases import (
    PolicyCase,
    Seen,
    hours_heard,
    pairs,
    policy_of,
    read_policy_cases,
    spread,
    uscc_by_name,
)
from tests.support.recorded import decide_on
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.decisions import (
    confirm_decision,
    record_decision,
    waits_for_second,
    withdraw_decision,
)
from verifier.counting.explain import explain
from verifier.counting.run import count_year

_CASES: Final = read_policy_cases()

# Behind the triggers that refuse it, as only a superuser can: a database for each case would take
# many times as long.
_CLEAR: Final = """
    SET session_replication_role = replica;
    DELETE FROM confirmations; DELETE FROM enterprise_contacts;
    DELETE FROM presence; DELETE FROM decisions; DELETE FROM assignments; DELETE FROM devices;
    DELETE FROM connections; DELETE FROM enterprises; DELETE FROM recognitions;
    DELETE FROM platforms;
    SET session_replication_role = origin;
"""


_CONNECTION_ID: Final = """
    SELECT connections.id FROM connections
    JOIN platforms ON platforms.id = platform_id JOIN enterprises ON enterprises.id = enterprise_id
    WHERE platforms.code = %s AND uscc = %s AND from_date = %s
"""
_ENTER_CONTACT: Final = """
    INSERT INTO enterprise_contacts (enterprise_id, name, telephone, entered_by)
    SELECT id, 'Lin', '0594-1234567', 'user:chen' FROM enterprises WHERE uscc = %s
"""
_ANSWER: Final = """
    INSERT INTO confirmations (connection_id, contact_id, sent_by, contract_no, from_date,
                               token_sha256, asked_by, expires_at, answer, reason, answered_at,
                               answered_from)
    SELECT id, (SELECT max(id) FROM enterprise_contacts), 'letter', contract_no, from_date,
           sha256(int8send(id)), 'user:chen', now() + interval '1 day', %(says)s,
           CASE %(says)s WHEN 'denied' THEN 'no' END, now(), '192.0.2.1'
    FROM connections WHERE id = %(id)s
"""
_RULES: Final = """
    INSERT INTO evidence_rules
        (applied_at, policy, max_delay_hours, max_clock_ahead_minutes, clock, live_within_minutes)
    VALUES ('2020-01-01Z', 'putian-2026', 72, 10, 'receipt', 60)
"""


@pytest.fixture(scope="module")
def shared_database(embedded_server: DatabaseServer) -> Iterator[psycopg.Connection]:
    """A connection to a migrated database that the cases use one after another."""
    with embedded_server.database() as url:
        migrate(url)
        with connect(url) as connection:
            connection.execute(_RULES)
            connection.commit()
            yield connection


@pytest.fixture
def database(shared_database: psycopg.Connection) -> psycopg.Connection:
    """The same, with an empty registry and no evidence."""
    shared_database.rollback()
    shared_database.execute(_CLEAR)
    shared_database.commit()
    return shared_database


def _store(case: PolicyCase, connection: psycopg.Connection) -> None:
    registry = RegistryBuilder(connection)
    uscc = uscc_by_name(case)
    for code, platform in case.platforms.items():
        operator_uscc = uscc[platform.operator] if platform.operator else None
        registry.platform(code, level=None, operator_uscc=operator_uscc)
        for each in platform.recognitions:
            registry.recognition(code, each.level, each.from_date, each.to_date)
    for number, enterprise in enumerate(case.enterprises.values(), start=1):
        registry.enterprise(number, district=enterprise.district, industry_code=enterprise.industry)
    for served in case.connections:
        for name in spread(served.enterprise):
            registry.connection(
                served.platform,
                uscc[name],
                served.from_date,
                served.to_date,
                signed_on=served.signed,
                recorded_on=served.recorded,
            )
    _store_answers(case, connection)
    _store_devices(case, registry)
    _record_decisions(case, connection)
    connection.commit()


def _store_answers(case: PolicyCase, connection: psycopg.Connection) -> None:
    """What enterprises say of their connections."""
    uscc = uscc_by_name(case)
    for each in case.connections:
        for name in spread(each.enterprise) if each.says else ():
            values = (each.platform, uscc[name], each.from_date)
            (row,) = connection.execute(_CONNECTION_ID, values).fetchall()
            connection.execute(_ENTER_CONTACT, (uscc[name],))
            connection.execute(_ANSWER, {"id": row[0], "says": each.says})


def _store_devices(case: PolicyCase, registry: RegistryBuilder) -> None:
    uscc = uscc_by_name(case)
    ids: dict[str, int] = {}
    for each in case.devices:
        for serial, name in pairs(each.device, each.enterprise):
            if serial not in ids:
                ids[serial] = registry.device(each.platform, serial)
            registry.assignment(
                each.platform,
                serial,
                uscc[name],
                each.from_date,
                each.to_date,
                recorded_on=each.recorded,
            )
    for serial, heard in hours_heard(case).items():
        for kind, days in (("on_time", heard.on_time), ("late", heard.late), ("live", heard.live)):
            for shift in {frozenset(hours) for hours in days.values()}:
                alike = [day for day, hours in days.items() if hours == shift]
                registry.presence(
                    ids[serial], alike, shift, is_late=kind == "late", is_live=kind == "live"
                )


def _record_decisions(case: PolicyCase, connection: psycopg.Connection) -> None:
    uscc = uscc_by_name(case)
    for each in case.decisions:
        waiver = None
        if each.criterion is not None and each.value is not None:
            waiver = each.criterion, each.value
        for name in spread(each.enterprise):
            number = record_decision(
                connection,
                each.decide,
                each.platform,
                uscc[name],
                reason="seen on site",
                decided_by="Lin",
                waiver=waiver,
                policy=policy_of(case),
            )
            decide_on(connection, number, each.decided)
            if waits_for_second(connection, number) and not each.waits:
                confirm_decision(connection, number, confirmed_by="Chen")
            if each.withdrawn:
                withdraw_decision(connection, number, reason="seen again", withdrawn_by="Chen")


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_a_golden_case_comes_out_the_same_from_a_database(
    case: PolicyCase, database: psycopg.Connection
) -> None:
    """What the pure functions say of the case the stored rows say too, and each explanation."""
    _store(case, database)
    count = count_year(database, case.year, as_of=case.as_of, policy=policy_of(case))
    seen = Seen(
        determinations=[each for platform in count.platforms for each in platform.determinations],
        lines={
            each.platform.code: [asdict(line) for line in each.lines] for each in count.platforms
        },
        overlaps=count.overlaps,
    )
    assert seen.shown(case) == case.expected(), case.because
    assert count.total_yuan == case.expect.total_yuan
    for found in seen.determinations:
        explained = explain(
            database,
            case.year,
            found.platform.code,
            found.enterprise.uscc,
            as_of=case.as_of,
            policy=policy_of(case),
        )
        assert explained.determination == found
