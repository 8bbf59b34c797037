"""A city in the middle of a year: of its enterprises each stands elsewhere on its way."""

from datetime import date, datetime, timedelta
from typing import Final

import psycopg

from jieru.calendar import SHANGHAI
from tests.support.registry_builder import RegistryBuilder, days_between

__all__ = [
    "AS_OF",
    "AT_RISK",
    "BARE",
    "COUNTED",
    "ELSEWHERE",
    "NOW",
    "RUNNING",
    "SILENT",
    "build_year_city",
]

AS_OF: Final = date(2026, 5, 31)
NOW: Final = datetime(2026, 6, 1, 9, tzinfo=SHANGHAI)
"""A Monday."""
FRIDAY: Final = datetime(2026, 5, 29, 12, 30, tzinfo=SHANGHAI)
COUNTED, AT_RISK, RUNNING, BARE, SILENT, ELSEWHERE = range(1, 7)
"""Numbers of enterprises (`uscc_of`), all of alpha but the last."""


def build_year_city(connection: psycopg.Connection) -> None:
    """Platforms alpha and beta and six enterprises; the caller commits."""
    city = RegistryBuilder(connection)
    city.platform("alpha")
    city.platform("beta")
    city.served_enterprise(COUNTED, "alpha", days_between(date(2026, 2, 1), AS_OF))
    city.served_enterprise(AT_RISK, "alpha", days_between(date(2026, 5, 1), date(2026, 5, 19)))
    city.served_enterprise(RUNNING, "alpha", days_between(date(2026, 4, 1), AS_OF))
    city.connection("alpha", city.enterprise(BARE))
    city.served_enterprise(SILENT, "alpha", [])
    city.served_enterprise(ELSEWHERE, "beta", days_between(date(2026, 4, 1), AS_OF))
    for (_platform, serial), device in city._devices.items():
        if serial.startswith(f"m{SILENT}-"):
            continue
        is_silent = serial in {f"m{AT_RISK}-1", f"m{AT_RISK}-2"}
        city.last_seen(device, FRIDAY if is_silent else NOW - timedelta(minutes=1))
