"""A small city whose machines are drawn, in a database, and what may be wrong with some of them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.types.json import Jsonb

from jieru.calendar import SHANGHAI
from tests.support.recorded import record_in_time, record_on
from tests.support.registry_builder import RegistryBuilder
from tests.unit.verifier.trust.drawn_city import FIRST_DAY, drawn_hours

__all__ = ["AS_OF", "DEVICES", "FIRST_DAY", "SignalCity"]

ENTERPRISES: Final = 40
DEVICES: Final = 4
DAYS: Final = 200
AS_OF: Final = FIRST_DAY + timedelta(days=DAYS - 1)

Hours = npt.NDArray[np.bool_]

_COPY: Final = "COPY presence (device_id, month, hours, live_hours) FROM STDIN"
_COPY_OTHERS: Final = """
    COPY presence_by_others (device_id, month, hours, live_hours, publisher_id) FROM STDIN
"""
_SELECT_CONNECTION: Final = """
    SELECT c.id FROM connections c JOIN enterprises e ON e.id = c.enterprise_id WHERE e.uscc = %s
"""
_INSERT_RULE: Final = """
    INSERT INTO evidence_rules
        (applied_at, policy, max_delay_hours, max_clock_ahead_minutes, clock, live_within_minutes)
    VALUES (%s, 'putian-2026', 72, 10, 'receipt', 60)
"""
_RULE_AGE: Final = timedelta(days=5)
_INSERT_DAY: Final = """
    INSERT INTO device_days (device_id, day, counter_first, counter_last, counter_step_max,
                             counter_falls, interval_s, second)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


class SignalCity:
    """Forty enterprises with four machines each on one platform, 200 days; honest until changed."""

    def __init__(self, connection: psycopg.Connection, *, seed: int = 11) -> None:
        """Draw it; `store` puts it into the database."""
        self.connection = connection
        self.registry = RegistryBuilder(connection)
        self.hours: Hours = drawn_hours(ENTERPRISES, DEVICES, DAYS, seed)
        self.live: Hours = self.hours.copy()
        self.recorded_on = dict.fromkeys(range(ENTERPRISES), FIRST_DAY)
        self.gateways: dict[int, int] = {}
        """Publisher by enterprise."""
        self.uscc: list[str] = []
        self.ids: list[list[int]] = []

    def of(self, enterprise: int) -> slice:
        """Its machines, as rows of `hours`."""
        return slice(enterprise * DEVICES, (enterprise + 1) * DEVICES)

    def set_hours(self, enterprise: int, hours: Hours, *, is_live: bool = True) -> None:
        """Let it be heard otherwise."""
        self.hours[self.of(enterprise)] = hours
        self.live[self.of(enterprise)] = hours if is_live else False

    def register(self) -> None:
        """The registry, recorded when it was agreed."""
        self.registry.platform("alpha")
        for enterprise in range(ENTERPRISES):
            uscc = self.registry.enterprise(enterprise + 1)
            self.uscc.append(uscc)
            self.registry.connection("alpha", uscc, FIRST_DAY)
            self.ids.append(
                [
                    self.registry.device("alpha", f"m{enterprise}-{each}", uscc, FIRST_DAY)
                    for each in range(DEVICES)
                ]
            )

    def store(self) -> None:
        """Presence, and on which days registrations were recorded; commits."""
        record_in_time(self.connection)
        applied_at = datetime.combine(FIRST_DAY - _RULE_AGE, time(12), SHANGHAI)
        self.connection.execute(_INSERT_RULE, (applied_at,))
        for query, is_by_gateway in ((_COPY, False), (_COPY_OTHERS, True)):
            with self.connection.cursor().copy(query.encode()) as copy:
                for enterprise in range(ENTERPRISES):
                    if (enterprise in self.gateways) is is_by_gateway:
                        for row in self._rows(enterprise):
                            publisher = (self.gateways[enterprise],) if is_by_gateway else ()
                            copy.write_row((*row, *publisher))
        self.connection.commit()

    def recorded_late(self, enterprise: int, on: date) -> None:
        """Its connection was told of on this day; after `store`."""
        row = self.connection.execute(_SELECT_CONNECTION, (self.uscc[enterprise],)).fetchone()
        assert row is not None
        record_on(self.connection, "connections", row[0], on)
        self.connection.commit()

    def gateway(self, name: str, enterprises: Iterable[int], site: str | None = None) -> None:
        """A gateway that speaks for some; before `store`."""
        row = self.connection.execute(
            "INSERT INTO publishers (kind, platform_id, name, site)"
            " SELECT 'gateway', id, %s, %s FROM platforms RETURNING id",
            (name, site),
        ).fetchone()
        assert row is not None
        self.gateways.update((enterprise, int(row[0])) for enterprise in enterprises)

    def told(
        self,
        device: int,
        day: date,
        *,
        counter: tuple[float, float, float] | None = None,
        falls: int = 0,
        beat: tuple[int, int] | None = None,
    ) -> None:
        """What heartbeats of a day told of a device: counter (first, last, step), falls, beat."""
        self.connection.execute(
            _INSERT_DAY,
            (device, day, *(counter or (None,) * 3), falls, *(beat or (None, None))),
        )
        self.connection.commit()

    def measured(self, device: int, values: Iterable[float]) -> None:
        """A temperature each minute from nine o'clock on the last day."""
        begin = datetime.combine(AS_OF, time(9), SHANGHAI).astimezone(UTC)
        with self.connection.cursor() as cursor:
            cursor.executemany(
                'INSERT INTO heartbeats (device_id, "time", received_at, metrics)'
                " VALUES (%s, %s, %s, %s)",
                [
                    (device, at, at, Jsonb({"temperature": float(value)}))
                    for minute, value in enumerate(values)
                    for at in (begin + timedelta(minutes=minute),)
                ],
            )
        self.connection.commit()

    def _rows(self, enterprise: int) -> Iterable[tuple[int, date, str, str]]:
        for place, device in enumerate(self.ids[enterprise]):
            member = enterprise * DEVICES + place
            months: dict[date, list[int]] = {}
            for number in range(DAYS):
                day = FIRST_DAY + timedelta(days=number)
                months.setdefault(day.replace(day=1), []).append(number)
            for month, numbers in months.items():
                yield (
                    device,
                    month,
                    _bits(self.hours[member, numbers]),
                    _bits(self.live[member, numbers]),
                )


def _bits(hours: Hours) -> str:
    """Days from the first of a month as `bit(744)`."""
    return "".join("1" if each else "0" for each in hours.ravel()).ljust(744, "0")
