"""The stretch of time that evidence is asked for: bounded, so that no answer grows without end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final, TypeVar

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

from api.web.civil import OptionalCivilDate
from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "Days",
    "FromDay",
    "FromInstant",
    "Instant",
    "Instants",
    "ToDay",
    "ToInstant",
    "days_between",
    "instants_between",
]

_DAYS_MAX: Final = 366
_DAYS: Final = 90
_INSTANTS_MAX: Final = timedelta(days=31)
_INSTANTS: Final = timedelta(days=7)
_YEARS: Final = range(1970, 2100)

When = TypeVar("When", date, datetime)


def _not_a_number(value: object) -> object:
    """A number would be taken for seconds since 1970, which the documents do not say."""
    try:
        float(value if isinstance(value, str) else "")
    except ValueError:
        return value
    raise PydanticCustomError("datetime_parsing", "must be an instant")


Instant = Annotated[AwareDatetime, BeforeValidator(_not_a_number)]
"""An instant with its zone, as ISO 8601 writes it."""
OptionalInstant = Annotated[Instant | None, BeforeValidator(lambda value: value or None)]
"""An instant with its zone, or nothing: a form sends an empty text for a field left empty."""

FromInstant = Annotated[
    OptionalInstant, Query(alias="from", description=_("The first instant, with its zone."))
]
ToInstant = Annotated[
    OptionalInstant, Query(alias="to", description=_("The end, with its zone, exclusive."))
]
FromDay = Annotated[OptionalCivilDate, Query(alias="from", description=_("The first day."))]
ToDay = Annotated[OptionalCivilDate, Query(alias="to", description=_("The last day."))]


@dataclass(frozen=True, slots=True)
class Days:
    """Civil days, both inclusive."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)


@dataclass(frozen=True, slots=True)
class Instants:
    """From an instant, inclusive, to another, exclusive."""

    start: datetime
    end: datetime


def days_between(first: date | None, last: date | None, *, today: date) -> Days:
    """The days that are asked for; by default the 90 days that end today.

    Raises:
        Problem: they are none, or more than 366, or of another age; it names the field.
    """
    last = _plausible(last, "to") or today
    first = _plausible(first, "from") or last - timedelta(days=_DAYS - 1)
    if first > last:
        raise _wrong("from", UserError("must not be after “to”"))
    if (last - first).days >= _DAYS_MAX:
        raise _wrong("from", UserError("at most {count} days can be asked for", count=_DAYS_MAX))
    return Days(first, last)


def instants_between(start: datetime | None, end: datetime | None, *, newest: datetime) -> Instants:
    """The time that is asked for; by default the seven days that end at `newest`.

    Raises:
        Problem: it is empty, or longer than 31 days, or of another age; it names the field.
    """
    end = _plausible(end, "to") or newest
    start = _plausible(start, "from") or end - _INSTANTS
    if start >= end:
        raise _wrong("from", UserError("must be before “to”"))
    if end - start > _INSTANTS_MAX:
        count = _INSTANTS_MAX.days
        raise _wrong("from", UserError("at most {count} days can be asked for", count=count))
    return Instants(start, end)


def _plausible(when: When | None, field: str) -> When | None:
    """An instant whose year can be reckoned with on either side."""
    if when is not None and when.year not in _YEARS:
        raise _wrong(field, UserError("{value} is not a plausible date", value=when.isoformat()))
    return when


def _wrong(field: str, reason: UserError) -> Problem:
    return Problem(Kind.INVALID_REQUEST).about([WrongField(field, reason, "query")])
