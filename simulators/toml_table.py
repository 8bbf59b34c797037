"""What the tables of a scenario file have in common: no unknown keys, and days."""

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, model_validator

from jieru.i18n import gettext as _

__all__ = ["Day", "Period", "Table", "require_order"]

_RELATIVE_DAY: Final = re.compile(r"today([+-]\d{1,4})?")


def _read_day(value: object, info: ValidationInfo) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    match = _RELATIVE_DAY.fullmatch(value) if isinstance(value, str) else None
    if match is None or info.context is None:
        raise ValueError(_("must be a date such as 2026-03-02, or a day such as today-3"))
    today: date = info.context["today"]
    return today + timedelta(days=int(match[1] or 0))


Day = Annotated[date, BeforeValidator(_read_day)]
"""A date as TOML writes it, or `"today-3"`: relative to the validation context's `today`."""


class Table(BaseModel):
    """One table of the file; a key nobody reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def require_order(from_date: date | None, to_date: date | None) -> None:
    """Check that a period, open where a date is None, has at least a day.

    Raises:
        ValueError: it has none.
    """
    if from_date is not None and to_date is not None and to_date <= from_date:
        raise ValueError(_("to_date must be after from_date"))


class Period(Table):
    """Days from `from_date` to before `to_date`."""

    from_date: Day
    to_date: Day

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        require_order(self.from_date, self.to_date)
        return self
