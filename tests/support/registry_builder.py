"""Registry, decisions and presence put straight into a database, for tests of what reads them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

import psycopg

from jieru.calendar import bit_index
from jieru.presence import BITS_PER_MONTH
from tests.support.recorded import Table, record_on
from tests.support.registry_files import uscc_of

__all__ = ["RegistryBuilder", "days_between"]

_INSERT_PLATFORM = """
    INSERT INTO platforms (code, name, operator_uscc) VALUES (%s, %s, %s) RETURNING id
"""
_INSERT_RECOGNITION = """
    INSERT INTO recognitions (platform_id, level, recognised_on, revoked_on)
    VALUES (%s, %s, %s, %s)
"""
_INSERT_ENTERPRISE = """
    INSERT INTO enterprises (uscc, name, district, industry_code) VALUES (%s, %s, %s, %s)
    RETURNING id
"""
_INSERT_CONNECTION = """
    INSERT INTO connections (platform_id, enterprise_id, contract_no, signed_on, from_date, to_date)
    VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""
_INSERT_DEVICE = """
    INSERT INTO devices (platform_id, serial, kind, name) VALUES (%s, %s, %s, %s) RETURNING id
"""
_INSERT_ASSIGNMENT = """
    INSERT INTO assignments (device_id, enterprise_id, from_date, to_date) VALUES (%s, %s, %s, %s)
    RETURNING id
"""
_INSERT_PRESENCE = """
    INSERT INTO presence (device_id, month, hours, late_hours) VALUES (%s, %s, %s, %s)
    ON CONFLICT (device_id, month) DO UPDATE
    SET hours = presence.hours | excluded.hours,
        late_hours = presence.late_hours | excluded.late_hours
"""
_NOTE_LIVE = """
    UPDATE presence SET live_hours = live_hours | (hours & %s::bit(744))
    WHERE device_id = %s AND month = %s
"""
_UPSERT_STATE = """
    INSERT INTO device_states (device_id, last_seen_at, status) VALUES (%s, %s, %s)
    ON CONFLICT (device_id) DO UPDATE
    SET last_seen_at = excluded.last_seen_at, status = excluded.status
"""
_KEEPS_RECORDING: Final = """
    SELECT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = 'connections'::regclass AND attname = 'recorded_at')
"""
_SELECT_ENTERPRISE = "SELECT id FROM enterprises WHERE uscc = %s"

_SINCE: Final = date(2025, 1, 1)
_SHIFT: Final = range(8, 13)


def days_between(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both inclusive."""
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]


class RegistryBuilder:
    """Inserts rows and remembers their ids; every call has defaults that count."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Write through this connection; the caller commits."""
        self._connection = connection
        self._platforms: dict[str, int] = {}
        self._enterprises: dict[str, int] = {}
        self._devices: dict[tuple[str, str], int] = {}
        self._keeps_recording: bool | None = None

    def platform(
        self,
        code: str = "alpha",
        *,
        level: str | None = "municipal",
        recognised_on: date = _SINCE,
        revoked_on: date | None = None,
        operator_uscc: str | None = None,
    ) -> str:
        """A platform with one recognition, or none; its code."""
        self._platforms[code] = self._insert(_INSERT_PLATFORM, code, f"平台 {code}", operator_uscc)
        if level is not None:
            self.recognition(code, level, recognised_on, revoked_on)
        return code

    def recognition(
        self, platform: str, level: str, recognised_on: date, revoked_on: date | None = None
    ) -> None:
        """One more recognition."""
        self._connection.execute(
            _INSERT_RECOGNITION, (self._platforms[platform], level, recognised_on, revoked_on)
        )

    def enterprise(
        self, number: int = 1, *, district: str = "licheng", industry_code: str | None = "C1810"
    ) -> str:
        """An enterprise; its uscc."""
        uscc = uscc_of(number)
        self._enterprises[uscc] = self._insert(
            _INSERT_ENTERPRISE, uscc, f"第{number}鞋厂", district, industry_code
        )
        return uscc

    def connection(
        self,
        platform: str,
        uscc: str,
        from_date: date = _SINCE,
        to_date: date | None = None,
        *,
        signed_on: date | None = None,
        recorded_on: date | None = None,
    ) -> None:
        """A connection of the two, recorded on its first day unless another is named."""
        case = (self._platforms[platform], self._enterprises[uscc])
        values = (*case, f"{platform}-{uscc[-4:]}", signed_on, from_date, to_date)
        connection_id = self._insert(_INSERT_CONNECTION, *values)
        self._record("connections", connection_id, recorded_on or from_date)

    def device(
        self,
        platform: str,
        serial: str,
        uscc: str | None = None,
        from_date: date = _SINCE,
        to_date: date | None = None,
    ) -> int:
        """A device, assigned or not; its id."""
        values = (self._platforms[platform], serial, "CNC", f"机床 {serial}")
        device_id = self._devices[platform, serial] = self._insert(_INSERT_DEVICE, *values)
        if uscc is not None:
            self.assignment(platform, serial, uscc, from_date, to_date)
        return device_id

    def assignment(
        self,
        platform: str,
        serial: str,
        uscc: str,
        from_date: date,
        to_date: date | None = None,
        *,
        recorded_on: date | None = None,
    ) -> None:
        """One more assignment of a device, recorded on its first day unless another is named."""
        values = (self._devices[platform, serial], self._enterprises[uscc], from_date, to_date)
        assignment_id = self._insert(_INSERT_ASSIGNMENT, *values)
        self._record("assignments", assignment_id, recorded_on or from_date)

    def presence(
        self,
        device_id: int,
        days: Iterable[date],
        hours: Iterable[int] = _SHIFT,
        *,
        is_late: bool = False,
        is_live: bool = False,
    ) -> None:
        """A device heard at these hours of these days, in time or late, or live as well."""
        hours = list(hours)
        months: dict[date, set[int]] = {}
        for day in days:
            bits = months.setdefault(day.replace(day=1), set())
            bits.update(bit_index(day, hour) for hour in hours)
        silence = "0" * BITS_PER_MONTH
        for month, bits in months.items():
            heard = "".join("1" if bit in bits else "0" for bit in range(BITS_PER_MONTH))
            columns = (silence, heard) if is_late else (heard, silence)
            self._connection.execute(_INSERT_PRESENCE, (device_id, month, *columns))
            if is_live:
                self._connection.execute(_NOTE_LIVE, (heard, device_id, month))

    def last_seen(self, device_id: int, at: datetime, status: str | None = None) -> None:
        """The newest heartbeat of a device, as an ingester notes it."""
        self._connection.execute(_UPSERT_STATE, (device_id, at, status))

    def known_enterprise(self, uscc: str) -> str:
        """An enterprise that something else registered; its uscc."""
        self._enterprises[uscc] = self._insert(_SELECT_ENTERPRISE, uscc)
        return uscc

    def served_enterprise(
        self,
        number: int,
        platform: str,
        days: Iterable[date],
        *,
        devices: int = 3,
        district: str = "licheng",
    ) -> str:
        """An enterprise connected to a platform, its devices all heard on these days; its uscc."""
        uscc, days = self.enterprise(number, district=district), list(days)
        self.connection(platform, uscc)
        for place in range(devices):
            self.presence(self.device(platform, f"m{number}-{place}", uscc), days)
        return uscc

    def _record(self, table: Table, record_id: int, day: date) -> None:
        """Let it have been recorded on a day; a schema of before keeps no such thing."""
        if self._keeps_recording is None:
            ((self._keeps_recording,),) = self._connection.execute(_KEEPS_RECORDING).fetchall()
        if self._keeps_recording:
            record_on(self._connection, table, record_id, day)

    def _insert(self, query: str, *values: object) -> int:
        row = self._connection.execute(query.encode(), values).fetchone()
        assert row is not None  # RETURNING always gives one
        row_id: int = row[0]
        return row_id
