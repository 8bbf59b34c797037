"""Civil months in addresses: `2026-03` and nothing else."""

from datetime import date
from typing import Annotated, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from jieru.calendar import parse_date

__all__ = ["OptionalCivilMonth"]

_EARLIEST: Final = date(2020, 1, 1)
_LATEST: Final = date(2099, 12, 1)


def _civil_month(value: object) -> date | None:
    if value is None or value == "":
        return None
    try:
        month = parse_date(f"{value}-01")
    except ValueError:
        month = None
    if month is None or not _EARLIEST <= month <= _LATEST:
        raise PydanticCustomError("civil_month", "must be a month of the form YYYY-MM")
    return month


OptionalCivilMonth = Annotated[
    date | None, BeforeValidator(_civil_month, json_schema_input_type=str)
]
"""The first day of a month from 2020 on, or nothing."""
