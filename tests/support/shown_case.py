"""A case of the small city with everything on its page: signals, evidence, steps, a question."""

from datetime import date, timedelta
from typing import Final

import psycopg

from tests.support.lively_city import SHOWN_ENTERPRISE
from tests.support.procedure import HOLIDAYS, POLICY
from tests.support.registry_files import uscc_of
from tests.support.signal_runs import insert_run
from verifier.trust.cases.records import open_cases_of_run
from verifier.trust.cases.states import CaseStep
from verifier.trust.cases.taking import NewStep, take_step
from verifier.trust.signal import Kind

__all__ = ["QUESTION", "open_shown_case"]

QUESTION: Final = "请说明贵平台上该企业 6 月 13 日至 6 月 17 日停机的原因，并提供设备铭牌照片。"
_SECOND: Final = 2
_SELECT_OTHER: Final = """
    SELECT uscc, array_agg(serial ORDER BY serial)
    FROM devices JOIN platforms ON platforms.id = platform_id
    JOIN assignments ON assignments.device_id = devices.id
    JOIN enterprises ON enterprises.id = assignments.enterprise_id
    WHERE code = 'guolian' GROUP BY uscc ORDER BY uscc LIMIT 1
"""
_SILENCE: Final = """
    UPDATE presence SET hours = hours & ~(repeat('0', %(before)s) || repeat('1', %(hours)s)
                                          || repeat('0', 744 - %(before)s - %(hours)s))::bit(744)
    WHERE month = %(month)s
      AND device_id IN (SELECT id FROM devices WHERE serial = ANY (%(serials)s))
"""
_HEARTBEATS: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status)
    SELECT devices.id, moment, moment + CASE WHEN extract(hour FROM moment)::integer %% 5 = 0
                                             THEN interval '9 hours' ELSE interval '2 s' END,
           1, 'running'
    FROM devices, generate_series(%(first)s::timestamptz, %(last)s, interval '1 hour') AS moment
    WHERE serial = %(serial)s
    ON CONFLICT DO NOTHING
"""


def open_shown_case(connection: psycopg.Connection) -> int:
    """Open it, ask the operator of xielian, note a visit; its number, committed."""
    own = [f"m{SHOWN_ENTERPRISE}-{place}" for place in range(3)]
    row = connection.execute(_SELECT_OTHER).fetchone()
    assert row is not None
    other, serials = row
    # After the window of the kept count, which says how often they were heard in it.
    for silent, day in ((own, 13), (serials, 6)):
        values = {"month": date(2026, 6, 1), "before": (day - 1) * 24, "hours": 5 * 24}
        connection.execute(_SILENCE, {**values, "serials": silent})
    last = date(2026, 6, 30)
    days = {"first": last - timedelta(days=20), "last": last}
    connection.execute(_HEARTBEATS, {**days, "serial": own[0]})
    detail = {"platform": "guolian", "uscc": other, "serials": serials, "lag_days": 7}
    run = insert_run(
        connection,
        [
            (Kind.RHYTHM_ALIKE, "xielian", uscc_of(SHOWN_ENTERPRISE)),
            (Kind.HANDED_OVER, "xielian", uscc_of(SHOWN_ENTERPRISE)),
            (Kind.COUNTER_FELL, "xielian", uscc_of(_SECOND)),
        ],
        serials=own,
        detail=detail,
    )
    case_id, _second = open_cases_of_run(connection, run, "command:jieru")
    steps = (
        NewStep(step=CaseStep.ASKED_OPERATOR, by="zheng", text=QUESTION),
        NewStep(
            step=CaseStep.VISITED,
            by="zheng",
            text="厂房在用，现场见到三台设备，铭牌与登记序列号一致。\n陪同人员：王厂长。",
            visited_on=date(2026, 7, 3),
        ),
    )
    for each in steps:
        take_step(connection, case_id, each, policy=POLICY, holidays=HOLIDAYS)
    connection.execute(
        "INSERT INTO declarations (platform_id, enterprise_id, kind, from_date, to_date, reason, "
        "declared_by) SELECT platform_id, enterprise_id, 'stop', CURRENT_DATE + 1, "
        "CURRENT_DATE + 9, '年末停产检修', 'user:lin' FROM cases WHERE id = %s",
        (case_id,),
    )
    connection.commit()
    return case_id
