"""What a panel asks the database, and the conditions that variables stand for.

Every query reads the views of schema `audit` and nothing else: the datasource's role has no other
right. A variable goes into SQL in the format `sqlstring` only, which quotes it and doubles the
quotes in it, since anybody can write its value into the address of a dashboard. `ARRAY[...]` takes
the empty list too, which `IN (...)` does not.
"""

import re
from textwrap import dedent
from typing import Final

__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "THE_ENTERPRISE",
    "THE_PLATFORM",
    "THE_PLATFORMS",
    "THE_YEAR",
    "TODAY",
    "plain_sql",
    "views_read",
]

THE_YEAR: Final = "${year:sqlstring}::integer"
THE_PLATFORM: Final = "${platform:sqlstring}"
THE_PLATFORMS: Final = "ANY (ARRAY[${platform:sqlstring}]::text[])"
"""For a variable of which several values may be chosen, or all."""
THE_ENTERPRISE: Final = "${enterprise:sqlstring}"

FIRST_DAY: Final = "($__timeFrom()::timestamptz AT TIME ZONE 'Asia/Shanghai')::date"
"""The civil day in which the chosen span of time begins."""
LAST_DAY: Final = "($__timeTo()::timestamptz AT TIME ZONE 'Asia/Shanghai')::date"
TODAY: Final = "(now() AT TIME ZONE 'Asia/Shanghai')::date"

_VIEW: Final = re.compile(r"\baudit\.(\w+)")


def plain_sql(sql: str) -> str:
    """A query as it is shown: without the indentation of the module that holds it."""
    return dedent(sql).strip()


def views_read(sql: str) -> list[str]:
    """The views that a query names, in the order in which it first does."""
    return list(dict.fromkeys(_VIEW.findall(sql)))
