"""What is true of a database, without any view: from the verifier, and from tables in Python."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg

from dashboards.grafana_sql import TimeRange, Value
from jieru.calendar import SHANGHAI, civil_date
from registry.device_status import Liveness, liveness
from tests.support.procedure import POLICY
from verifier.counting.explain import explain
from verifier.counting.explanation import Explanation
from verifier.procedure.computing import compute_document
from verifier.procedure.document import Document
from verifier.procedure.records import (
    CountRecord,
    list_counts,
    read_document,
    running_count,
    standing_count,
)

__all__ = [
    "Asked",
    "Assignment",
    "Device",
    "Expectation",
    "Rows",
    "Truth",
    "days_of",
    "midnight",
    "milliseconds",
]

Rows: TypeAlias = list[tuple[Any, ...]]

_HOURS_PER_DAY: Final = 24
_DAY: Final = timedelta(days=1)

_DEVICES: Final = """
    SELECT p.code, d.serial, d.kind, d.name, d.expected_interval_s, d.ended_on, d.registered_at,
           s.last_seen_at, d.id
    FROM devices d JOIN platforms p ON p.id = d.platform_id
    LEFT JOIN device_states s ON s.device_id = d.id
    ORDER BY p.code COLLATE "C", d.serial COLLATE "C"
"""
_ASSIGNMENTS: Final = """
    SELECT p.code, d.serial, e.uscc, e.name, a.from_date, a.to_date
    FROM assignments a JOIN devices d ON d.id = a.device_id JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = a.enterprise_id
    ORDER BY d.serial COLLATE "C", a.from_date
"""
_PRESENCE: Final = "SELECT device_id, month, hours::text, late_hours::text FROM presence"


class Device(NamedTuple):
    """A device and when it was last heard."""

    platform: str
    serial: str
    kind: str | None
    name: str | None
    expected_interval_s: int
    ended_on: date | None
    registered_at: datetime
    last_seen_at: datetime | None
    id: int


class Assignment(NamedTuple):
    """Whom a device stood for; the last day is exclusive."""

    platform: str
    serial: str
    uscc: str
    enterprise: str
    from_on: date
    to_on: date | None

    def covers(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader has chosen above the panels."""

    values: Mapping[str, Value]
    span: TimeRange
    interval: timedelta

    def one(self, name: str) -> str:
        """A variable of which one value is chosen."""
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def several(self, name: str) -> list[str]:
        """A variable of which several values may be chosen."""
        value = self.values[name]
        assert isinstance(value, list)
        return value

    @property
    def year(self) -> int:
        """Of the count."""
        return int(self.one("year"))

    @property
    def stage(self) -> str:
        """Of the count."""
        return self.one("stage")

    @property
    def platforms(self) -> list[str]:
        """Their codes, of one or several that are chosen."""
        value = self.values["platform"]
        return [value] if isinstance(value, str) else self.several("platform")

    def holds(self, moment: datetime) -> bool:
        """Whether an instant lies in the span of time."""
        return self.span.begins_at <= moment <= self.span.ends_at

    @property
    def days(self) -> list[date]:
        """The civil days that the span of time touches."""
        return days_of(civil_date(self.span.begins_at), civil_date(self.span.ends_at))


class Truth:
    """Reads a database as it is, at one moment."""

    def __init__(self, connection: psycopg.Connection, now: datetime) -> None:
        """Read nothing yet; the connection is outside a transaction and may see all tables."""
        self.connection = connection
        self.now = now
        self._documents: dict[tuple[int, str], Document | None] = {}

    @property
    def today(self) -> date:
        """The civil day."""
        return civil_date(self.now)

    def rows(self, query: str, *values: object) -> Rows:
        """Of a query of the tables."""
        return self.connection.execute(query.encode(), values).fetchall()

    def record(self, year: int, stage: str) -> CountRecord | None:
        """The count of the year that stands, or its draft."""
        found = standing_count if stage == "standing" else running_count
        return found(self.connection, year)

    def records(self, year: int) -> list[CountRecord]:
        """Every revision of a year's count."""
        return list_counts(self.connection, year)

    def document(self, year: int, stage: str) -> Document | None:
        """What the verifier says: signed for the count that stands, computed anew for a draft."""
        if (year, stage) not in self._documents:
            self._documents[year, stage] = self._document(year, stage)
        return self._documents[year, stage]

    def _document(self, year: int, stage: str) -> Document | None:
        record = self.record(year, stage)
        if record is None:
            return None
        if stage == "standing":
            return read_document(self.connection, record)
        assert record.as_of is not None
        computed = compute_document(
            self.connection, year, as_of=record.as_of, policy=POLICY, identity=None
        )
        return computed.document

    def platforms(self, asked: Asked) -> list[dict[str, Any]]:
        """What the count says of the chosen platforms, by code."""
        document = self.document(asked.year, asked.stage)
        every = document["platforms"] if document else []
        return [each for each in every if each["platform"] in asked.platforms]

    def entries(
        self, asked: Asked, outcome: str | None = None
    ) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Enterprises of the chosen platforms, each behind its platform."""
        return [
            (platform, entry)
            for platform in self.platforms(asked)
            for entry in platform["enterprises"]
            if outcome in {None, entry["outcome"]}
        ]

    def entry(self, asked: Asked) -> dict[str, Any] | None:
        """What the count says of the chosen enterprise."""
        found = (entry for _platform, entry in self.entries(asked))
        return next((each for each in found if each["uscc"] == asked.one("enterprise")), None)

    def explanation(self, year: int, platform: str, uscc: str, as_of: date) -> Explanation:
        """Why an enterprise has its outcome, as the verifier explains it today."""
        return explain(self.connection, year, platform, uscc, as_of=as_of, policy=POLICY)

    @cached_property
    def devices(self) -> list[Device]:
        """All devices."""
        return [Device(*row) for row in self.rows(_DEVICES)]

    @cached_property
    def assignments(self) -> list[Assignment]:
        """All assignments."""
        return [Assignment(*row) for row in self.rows(_ASSIGNMENTS)]

    def status(self, device: Device) -> Liveness:
        """How a device stands."""
        return liveness(device.last_seen_at, device.expected_interval_s, self.now)

    @cached_property
    def _heard(self) -> dict[int, dict[date, tuple[str, str]]]:
        months: dict[int, dict[date, tuple[str, str]]] = {}
        for device_id, month, hours, late_hours in self.rows(_PRESENCE):
            months.setdefault(device_id, {})[month] = (hours, late_hours)
        return months

    def bits(self, device: Device, month: date) -> str | None:
        """The hours of a month in which a device was heard in time."""
        found = self._heard.get(device.id, {}).get(month)
        return found[0] if found else None

    def hours(self, platform: str, serial: str, day: date) -> tuple[set[int], set[int]]:
        """The hours of a day in which a device was heard, in time and only late."""
        device = next(each for each in self.devices if each[:2] == (platform, serial))
        hours, late = self._heard.get(device.id, {}).get(day.replace(day=1), ("", ""))
        first = (day.day - 1) * _HOURS_PER_DAY
        heard, heard_late = (
            {at for at, bit in enumerate(bits[first : first + _HOURS_PER_DAY]) if bit == "1"}
            for bits in (hours, late)
        )
        return heard, heard_late - heard

    def assigned(self, platform: str, uscc: str, day: date) -> list[str]:
        """Serials of the devices of an enterprise on a platform on a day."""
        return [
            each.serial
            for each in self.assignments
            if (each.platform, each.uscc) == (platform, uscc) and each.covers(day)
        ]


Expectation: TypeAlias = Callable[[Truth, Asked], Rows]
"""What a panel must show."""


def days_of(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both inclusive."""
    return list(_days(first, last))


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def midnight(day: date) -> datetime:
    """The beginning of a civil day."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def milliseconds(day: date) -> int:
    """The same since the epoch."""
    return round(midnight(day).timestamp() * 1000)
