"""A small city in the database: three platforms, and enterprises with every kind of history.

As of `AS_OF` the platform `xielian` has 17 counted enterprises, two more than its cap pays for;
`guolian` has two and its first national title; `wuming` is not recognised.
"""

from datetime import date
from functools import partial
from typing import Final

import psycopg

from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of
from verifier.counting.decisions import record_decision
from verifier.policy import load_policy

__all__ = [
    "ALL",
    "AS_OF",
    "COUNTED_ON_XIELIAN",
    "HELD",
    "LAST",
    "ON_GUOLIAN",
    "PENDING",
    "TOTAL_YUAN",
    "build_small_city",
    "name_of",
]

AS_OF: Final = date(2027, 3, 15)
COUNTED_ON_XIELIAN: Final = 17
TOTAL_YUAN: Final = 150_000 + 2 * 10_000 + 300_000
ALL: Final = 17 + 6 + 2 + 1 + 40
"""Determinations of 2026."""

# Numbers of enterprises (`uscc_of`).
HELD: Final = 21
PENDING: Final = 23
ON_GUOLIAN: Final = (31, 32)
LAST: Final = 139
"""On the second page."""

_EXCLUDED: Final = 22
_SUNDAY: Final = 6
_DEVICES: Final = 3


def name_of(number: int) -> str:
    """What the builder calls an enterprise."""
    return f"第{number}鞋厂"


def build_small_city(connection: psycopg.Connection) -> None:
    """Fill a database that has our schema and nothing in it."""
    city = _City(connection)
    city.platform("xielian")
    city.platform("guolian", recognised_on=date(2025, 1, 1))
    city.recognition("guolian", "national", date(2026, 5, 20))
    city.platform("wuming", level=None)
    for number in range(1, COUNTED_ON_XIELIAN + 1):
        city.member(number)
    city.member(HELD)
    city.member(_EXCLUDED)
    city.member(PENDING, first=date(2026, 12, 21), last=AS_OF)
    city.member(24, first=date(2025, 9, 1), last=date(2026, 3, 1))
    city.member(25, district="other")
    city.member(26, industry_code="F5110")
    for number in ON_GUOLIAN:
        city.member(number, platform="guolian")
    city.member(41, platform="wuming")
    for number in range(100, LAST + 1):
        city.member(number, last=date(2026, 3, 20))
    connection.commit()
    decide = partial(
        record_decision,
        connection,
        reason="现场核查",
        decided_by="林核验",
        policy=load_policy("putian-2026"),
    )
    decide("hold", "xielian", uscc_of(HELD))
    decide("exclude", "xielian", uscc_of(_EXCLUDED))
    connection.commit()


class _City(RegistryBuilder):
    def member(
        self,
        number: int,
        *,
        platform: str = "xielian",
        first: date = date(2026, 3, 2),
        last: date = date(2026, 9, 30),
        district: str = "licheng",
        industry_code: str = "C3311",
    ) -> None:
        """An enterprise whose devices are heard 08:00-12:59 except on Sundays."""
        uscc = self.enterprise(number, district=district, industry_code=industry_code)
        self.connection(platform, uscc, first)
        days = [day for day in days_between(first, last) if day.weekday() != _SUNDAY]
        for place in range(_DEVICES):
            self.presence(self.device(platform, f"m{number}-{place}", uscc, first), days)
