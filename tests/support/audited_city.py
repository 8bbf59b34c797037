"""A year that leaves something on every panel: the counts of it are kept, and it still goes on.

Three platforms, enterprises of every outcome connected over two years, devices each with a rhythm
of its own but for those of two enterprises, late evidence, a device that changed hands, a rush
before the year's end; a count of 2025 that was paid and corrected, a published one of 2026 and its
correction in review; and the last hours of two ingesters, with rejections.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg

from jieru.audit import changing
from jieru.audit_chain import record_check, verify_audit
from tests.support.heard import vouch_for_evidence
from tests.support.kept_draws import keep_draws
from tests.support.procedure import (
    CHECKER,
    KEY,
    MAKER,
    POLICY,
    TRUSTED,
    later,
    payable,
    published,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of
from tests.support.small_city import AS_OF, COUNTED_ON_XIELIAN, HELD, PENDING
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.counting.registry import DecisionKind
from verifier.policy import Policy, policy_from_source
from verifier.procedure.closings import close_pending
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import freeze_count
from verifier.procedure.objections import record_objection, resolve_objection
from verifier.procedure.records import CountRecord
from verifier.procedure.submitting import submit_count
from verifier.procedure.verifications import verify_counts
from verifier.trust.cases.records import open_cases_of_run
from verifier.trust.records import store_run
from verifier.trust.run import Run
from verifier.trust.signal import Detail, Kind, Signal

__all__ = [
    "EARLIER_POLICY",
    "HANDED_OVER",
    "LATE",
    "QUOTED_NAME",
    "RUSHED",
    "TWINS",
    "WAIVED",
    "build_audited_city",
]

LATE: Final = 9
"""Number of an enterprise (`uscc_of`) some of whose heartbeats came too late."""
TWINS: Final = (7, 8)
"""Enterprises whose devices are heard in the same hours."""
HANDED_OVER: Final = "m5-0"
"""Serial of a device that enterprise 5 had before enterprise 6."""
RUSHED: Final = 29
"""An enterprise whose devices are all heard for the first time in December."""
WAIVED: Final = 30
"""An enterprise with two devices, which is enough for it by a decision."""
QUOTED_NAME: Final = "莆田O'Brien\"机械"
"""What enterprise 1 is called."""

EARLIER_POLICY: Final[Policy] = policy_from_source(
    "putian-2025", POLICY.source.replace("value: 2026-01-01", "value: 2025-01-01")
)
"""The policy as if it had been in force a year earlier: so the count of 2025 has enterprises."""

_EXCLUDED: Final = 22
_FOUND_OUT: Final = 27
_SUNDAY: Final = 6
_DEVICES: Final = 3
_OVERLAP: Final = 3

_UPDATE_NAME: Final = "UPDATE enterprises SET name = %s WHERE uscc = %s"
_PLATFORM_IDS: Final = "SELECT code, id FROM platforms"
_FIND_SOMETHING: Final = """
    UPDATE count_verifications v
    SET findings = '[{"code": "content_changed", "zh": "与冻结时不符", "en": "Not as frozen"}]'
    FROM counts c WHERE c.id = v.count_id AND c.year = 2025 AND c.state <> 'superseded'
"""
"""As if the last verification of 2025 had found something: panels show what is recorded."""
_SELECT_DEVICES: Final = "SELECT id FROM devices ORDER BY id LIMIT %s"
_INSERT_STATE: Final = (
    "INSERT INTO device_states (device_id, last_seen_at, status) VALUES (%s, %s, %s)"
)
_INSERT_HEARTBEAT: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status) VALUES (%s, %s, %s, 1, %s)
"""
_INSERT_BROKER_FILES: Final = """
    INSERT INTO broker_files (path, kind, noted_at, vanished_at, back_at)
    VALUES ('/etc/mosquitto/passwords', 'passwords', '2026-01-01T00:00Z', '2026-04-01T08:00Z',
            '2026-04-01T09:30Z'),
           ('/etc/mosquitto/acl', 'acl', '2026-01-01T00:00Z', NULL, NULL)
"""
_INSERT_CHECKPOINTS: Final = """
    INSERT INTO checkpoints (number, written_at, occasion, sha256, findings, cosigned, witnesses)
    SELECT n, now() - (3 - n) * interval '1 day', CASE n WHEN 2 THEN 'freeze 2025-1' ELSE 'day' END,
           encode(sha256(n::text::bytea), 'hex'), 0, CASE n WHEN 1 THEN 1 ELSE 2 END, 2
    FROM generate_series(1, 3) AS n
"""
_INSERT_RULES: Final = """
    INSERT INTO evidence_rules (policy, max_delay_hours, max_clock_ahead_minutes, clock)
    VALUES ('putian-2026', 72, 10, 'receipt')
"""
_INSERT_HOUR: Final = """
    INSERT INTO ingest_hours (hour, platform_id, ingester, heartbeats, late)
    VALUES (%s, %s, %s, %s, %s)
"""
_INSERT_MINUTE: Final = """
    INSERT INTO ingest_minutes (ingester, minute, received, committed, duplicates, late, rejected,
                                batches, commit_ms_sum, commit_ms_max, behind_s_max,
                                unacknowledged_max)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_INSERT_REJECTION: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    VALUES (%s, %s, %s, '{}', 2)
"""
_UPSERT_REJECTION_HOUR: Final = """
    INSERT INTO rejection_hours (hour, platform_id, reason, ingester, rejections)
    VALUES (date_trunc('hour', %s, 'UTC'), %s, %s, 'ingest-1', 1)
    ON CONFLICT (hour, platform_id, reason, ingester)
    DO UPDATE SET rejections = rejection_hours.rejections + 1
"""
_INSERT_REFUSAL: Final = """
    INSERT INTO broker_events (hour, kind, username, is_user, client_id, address, topic, detail,
                               number, first_at, at)
    VALUES (date_trunc('hour', %(at)s, 'UTC'), %(kind)s, 'nobody', false, '', '', '', '',
            %(number)s, %(at)s, %(at)s)
    ON CONFLICT DO NOTHING
"""
_REJECTED: Final = (
    ("unknown_device", "xielian", "jieru/v1/xielian/m999-9/heartbeat"),
    ("malformed_payload", "xielian", "jieru/v1/xielian/m2-1/heartbeat"),
    ("future_timestamp", "guolian", "jieru/v1/guolian/m31-0/heartbeat"),
    ("bad_topic", None, "jieru/v2/xielian"),
)
_REJECTIONS: Final = 60
_HOURS_OF_INGEST: Final = 50
_MINUTES_OF_INGEST: Final = 130


def build_audited_city(connection: psycopg.Connection, *, now: datetime | None = None) -> None:
    """Fill a database that has our schema and nothing in it; `now` is when it is looked at."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    _build_registry(connection)
    connection.execute(_INSERT_RULES)
    vouch_for_evidence(connection)
    connection.execute(_INSERT_CHECKPOINTS)
    connection.execute(_INSERT_BROKER_FILES)
    connection.commit()
    _keep_counts(connection)
    _add_states(connection, now)
    _add_ingest(connection, now)
    _add_rejections(connection, now)
    connection.commit()
    _add_signals(connection)
    findings: list[object] = []
    last = verify_audit(connection, {}, findings.append)
    record_check(connection, last, len(findings))
    connection.commit()


def _build_registry(connection: psycopg.Connection) -> None:
    city = _City(connection)
    city.platform("xielian", operator_uscc=uscc_of(900))
    city.platform("guolian", recognised_on=date(2025, 1, 1))
    city.recognition("guolian", "national", date(2026, 5, 20))
    city.platform("wuming", level=None)
    for number in range(1, COUNTED_ON_XIELIAN + 1):
        city.member(number, first=date(2026, 1, 5) + timedelta(days=11 * number))
    connection.execute(_UPDATE_NAME, (QUOTED_NAME, uscc_of(1)))
    city.member(HELD)
    city.member(_EXCLUDED)
    city.member(PENDING, first=date(2026, 12, 21), last=AS_OF)
    city.member(24, first=date(2025, 9, 1), last=date(2026, 3, 1))
    city.member(27, first=date(2025, 4, 7), last=date(2026, 2, 1))
    city.member(25, district="other")
    city.member(26, industry_code="F5110")
    city.member(RUSHED, first=date(2026, 12, 10), last=AS_OF, devices=6)
    city.member(WAIVED, first=date(2026, 5, 4), devices=2)
    for number in (31, 32):
        city.member(number, platform="guolian")
    city.also_on("guolian", _OVERLAP, date(2026, 8, 3))
    city.member(41, platform="wuming")
    for number in range(100, 103):
        city.member(number, last=date(2026, 3, 20))
    city.hand_over(5, 6, HANDED_OVER, date(2026, 6, 1))


def _decide(
    connection: psycopg.Connection,
    kind: DecisionKind,
    number: int,
    waiver: tuple[str, int] | None = None,
) -> int:
    return record_decision(
        connection,
        kind,
        "xielian",
        uscc_of(number),
        reason="现场核查",
        decided_by="zheng",
        waiver=waiver,
        policy=POLICY,
        attachment=f"莆工信核〔2027〕{number} 号",
    )


def _keep_counts(connection: psycopg.Connection) -> None:
    """2025 is paid and corrected, 2026 published with objections, its correction in review."""
    with changing(connection, MAKER.actor):
        _decide(connection, "exclude", _EXCLUDED)
        waived = _decide(connection, "waive", WAIVED, ("active_devices_min", 2))
        confirm_decision(connection, waived, confirmed_by="wu")
        doubted = _decide(connection, "hold", COUNTED_ON_XIELIAN)
        withdraw_decision(connection, doubted, reason="核查无误", withdrawn_by="zheng")
    payable(connection, _frozen_2025(connection), "xielian")
    with changing(connection, MAKER.actor):
        _decide(connection, "exclude", _FOUND_OUT)
    _frozen_2025(connection, reason="27 号企业设备系虚拟")
    record = published(
        connection, freeze_count(connection, submitted(connection), CHECKER, KEY, trusted=TRUSTED)
    )
    with changing(connection, MAKER.actor):
        first = record_objection(
            connection,
            record,
            MAKER,
            name="某某机械有限公司",
            statement="本公司设备未计入",
            trusted=TRUSTED,
            key=KEY,
        )
        record_objection(
            connection,
            record,
            MAKER,
            name="群众来电",
            statement="第1鞋厂已停产",
            trusted=TRUSTED,
            key=KEY,
        )
        resolve_objection(
            connection,
            record,
            first,
            CHECKER,
            outcome="dismissed",
            resolution="核查无误",
            trusted=TRUSTED,
            key=KEY,
        )
        _decide(connection, "hold", HELD)
        _decide(connection, "exclude", COUNTED_ON_XIELIAN)
        close_pending(
            connection, 2026, "xielian", uscc_of(PENDING), reason="企业已停产", by="zheng"
        )
    submitted(connection, as_of=AS_OF, reason="举报第17鞋厂不实")
    with changing(connection, MAKER.actor):
        _decide(connection, "waive", RUSHED, ("active_days_min", 50))  # waits for a second person
    verify_counts(connection, TRUSTED)
    connection.execute(_FIND_SOMETHING)


def _frozen_2025(connection: psycopg.Connection, reason: str | None = None) -> CountRecord:
    connection.commit()
    as_of = date(2026, 6, 30)
    maker, checker = MAKER, CHECKER
    if reason is not None:
        maker, checker = later(connection, MAKER), later(connection, CHECKER)
    record = draft_count(connection, maker, 2025, as_of=as_of, policy=EARLIER_POLICY, reason=reason)
    record = submit_count(connection, record, maker)
    return freeze_count(connection, record, checker, KEY, trusted=TRUSTED)


def _add_states(connection: psycopg.Connection, now: datetime) -> None:
    silences = (timedelta(seconds=40), timedelta(minutes=12), timedelta(days=3))
    for place, (device_id,) in enumerate(connection.execute(_SELECT_DEVICES, (40,)).fetchall()):
        status = "fault" if place % 7 == 0 else "running"
        silence = silences[0 if place % 5 else 1 + place % 2]
        at = now - silence
        connection.execute(_INSERT_STATE, (device_id, at, status))
        connection.execute(_INSERT_HEARTBEAT, (device_id, at, at, status))


def _add_ingest(connection: psycopg.Connection, now: datetime) -> None:
    platforms: dict[str, int] = dict(connection.execute(_PLATFORM_IDS).fetchall())
    hour = now.replace(minute=0, second=0)
    for back in range(_HOURS_OF_INGEST):
        for place, code in enumerate(("xielian", "guolian")):
            for ingester in ("ingest-1", "ingest-2"):
                heartbeats = 600 - 7 * back - 100 * place
                values = (platforms[code], ingester, heartbeats, back % 9 * (1 + place))
                connection.execute(_INSERT_HOUR, (hour - timedelta(hours=back), *values))
    minute = now.replace(second=0)
    for back in range(1, _MINUTES_OF_INGEST):
        for place, ingester in enumerate(("ingest-1", "ingest-2")):
            committed = 1200 + 10 * (back % 13) - 200 * place
            connection.execute(
                _INSERT_MINUTE,
                (
                    ingester,
                    minute - timedelta(minutes=back),
                    committed + back % 3,
                    committed,
                    back % 2,
                    back % 5,
                    back % 3,
                    60,
                    60 * (4 + back % 6),
                    9 + back % 17,
                    0.5 + back % 20,
                    300 + back % 50,
                ),
            )


def _add_rejections(connection: psycopg.Connection, now: datetime) -> None:
    platforms: dict[str | None, int] = dict(connection.execute(_PLATFORM_IDS).fetchall())
    for number in range(_REJECTIONS):
        reason, code, topic = _REJECTED[(number * number) % len(_REJECTED) if number % 3 else 0]
        at = now - timedelta(minutes=number * number)
        connection.execute(_INSERT_REJECTION, (at, reason, topic))
        connection.execute(_UPSERT_REJECTION_HOUR, (at, platforms.get(code), reason))
        kind = ("refused", "denied")[number % 2]
        connection.execute(_INSERT_REFUSAL, {"at": at, "kind": kind, "number": number + 1})


_CLEAR_CASE: Final = """
    INSERT INTO case_steps (case_id, step, taken_by, text)
    VALUES (%s, 'cleared', 'user:he', 'The files came late by post.')
"""


def _add_signals(connection: psycopg.Connection) -> None:
    """Two runs: of the twins' rhythm, and a day later of what else there is."""
    alike = [
        _signal(Kind.RHYTHM_ALIKE, one, 0.97, 0.5, detail={"uscc": uscc_of(other), "lag_days": 0})
        for one, other in (TWINS, TWINS[::-1])
    ]
    others = [
        _signal(Kind.RECORDED_LATE, 1, 44, 30),
        _signal(Kind.NOT_LIVE, LATE, 0.4375, 0.3),
        _signal(Kind.NOT_LIVE, TWINS[0], 0.5, 0.3),
        _signal(Kind.REQUIRED_HOURS, 31, 0.9, 0.8, platform="guolian"),
    ]
    last = 0
    for as_of, signals in ((AS_OF - timedelta(days=1), alike), (AS_OF, [*alike, *others])):
        run = Run(
            as_of=as_of,
            from_on=date(2026, 1, 1),
            policy=POLICY.name,
            policy_sha256=POLICY.sha256,
            code_version="0.1.0+0123456789ab",
            is_simulation=False,
            signals=tuple(signals),
        )
        last = store_run(connection, run, by="command:lin")
        connection.commit()
    open_cases_of_run(connection, last, "command:lin")
    first, *_others = connection.execute("SELECT id FROM cases ORDER BY id").fetchall()
    connection.execute(_CLEAR_CASE, first)
    connection.commit()
    keep_draws(connection)
    connection.commit()


def _signal(
    kind: Kind,
    number: int,
    score: float,
    threshold: float,
    *,
    platform: str = "xielian",
    detail: Detail | None = None,
) -> Signal:
    span = date(2026, 3, 1) + timedelta(days=number), date(2026, 6, 30)
    devices = tuple(f"m{number}-{place}" for place in range(_DEVICES))
    return Signal(kind, platform, uscc_of(number), score, threshold, *span, devices, detail or {})


class _City(RegistryBuilder):
    def __init__(self, connection: psycopg.Connection) -> None:
        super().__init__(connection)
        self._rhythms = _rhythms()

    def member(
        self,
        number: int,
        *,
        platform: str = "xielian",
        first: date = date(2026, 3, 2),
        last: date | None = None,
        district: str = "licheng",
        industry_code: str = "C3311",
        devices: int = _DEVICES,
    ) -> None:
        """An enterprise whose devices are heard except on Sundays and on one day of their own."""
        uscc = self.enterprise(number, district=district, industry_code=industry_code)
        self._serve(platform, number, uscc, first, last or first + timedelta(days=200), devices)

    def also_on(self, platform: str, number: int, first: date) -> None:
        """The same enterprise on another platform, with machines of its own."""
        last = first + timedelta(days=150)
        self._serve(platform, number, uscc_of(number), first, last, _DEVICES)

    def hand_over(self, number: int, to: int, serial: str, on: date) -> None:
        """A device of one enterprise goes to another, which is recorded two days later."""
        self._connection.execute(
            "UPDATE assignments SET to_date = %s WHERE device_id = %s",
            (on, self._devices["xielian", serial]),
        )
        recorded_on = on + timedelta(days=2)
        self.assignment("xielian", serial, uscc_of(to), on, recorded_on=recorded_on)
        assert uscc_of(number) != uscc_of(to)

    def _serve(
        self, platform: str, number: int, uscc: str, first: date, last: date, devices: int
    ) -> None:
        self.connection(platform, uscc, first, signed_on=first - timedelta(days=10))
        days = [day for day in days_between(first, last) if day.weekday() != _SUNDAY]
        for place in range(devices):
            device_id = self.device(platform, f"m{number}-{place}", uscc, first)
            if number in TWINS:
                self.presence(device_id, days_between(date(2026, 4, 1), date(2026, 9, 30)))
                continue
            hours, skipped = next(self._rhythms)
            heard = [day for at, day in enumerate(days) if at % 97 != skipped]
            self.presence(device_id, heard, hours)
            if number == LATE:
                late = range(hours.stop, hours.stop + 2 + place)
                self.presence(device_id, heard[10:40], late, is_late=True)


def _rhythms() -> Iterator[tuple[range, int]]:
    """Hours of the day and a day to skip, a new pair each time."""
    for number in range(1000):
        begins = 6 + number % 4
        yield range(begins, begins + 5 + number % 6), number % 97
