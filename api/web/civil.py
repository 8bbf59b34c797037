"""Civil dates in addresses and queries: `2026-03-02` and nothing else.

Pydantic alone would also take `0`, a time of day, or 20260302.
"""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from jieru.calendar import parse_date

__all__ = ["CivilDate", "OptionalCivilDate"]


def _civil_date(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return parse_date(str(value))
    except ValueError:
        raise PydanticCustomError("civil_date", "must be a date of the form YYYY-MM-DD") from None


CivilDate = Annotated[date, BeforeValidator(_civil_date, json_schema_input_type=date)]
"""An Asia/Shanghai date of the form YYYY-MM-DD."""

OptionalCivilDate = Annotated[CivilDate | None, BeforeValidator(lambda value: value or None)]
"""A civil date, or nothing: a form sends a field that was left empty as an empty text."""
