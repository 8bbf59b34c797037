"""Public holidays and worked weekends, as far as the State Council has announced them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from jieru.errors import UserError
from jieru.i18n import marked
from verifier.policy.checked_yaml import FileProblem, KeyPath, first_problem, read_yaml

__all__ = ["HolidayNotice", "HolidayYear", "Holidays", "load_holidays"]

_OURS: Final = Path(__file__).with_name("holidays.yaml")
_FRIDAY: Final = 4
_REACH: Final = timedelta(days=7)
"""By so much a year's notice may reach into the year before it: of New Year 2019 it was three days,
one of them a Monday."""

_STRICT: Final = ConfigDict(extra="forbid", frozen=True, strict=True)
_Text = Annotated[str, StringConstraints(min_length=1)]


class HolidayNotice(BaseModel):
    """Where a year's days were announced."""

    model_config = _STRICT

    title: _Text
    number: Annotated[str, StringConstraints(pattern=r"^\S+〔[0-9]{4}〕[0-9]+号$")]
    issued_on: date


class HolidayYear(BaseModel):
    """What the notices of one year make of its days, and of the last ones before it."""

    model_config = _STRICT

    notices: tuple[HolidayNotice, ...]
    days_off: tuple[date, ...]
    worked_weekends: tuple[date, ...]


class Holidays:
    """The years that are known, and what each day is by them."""

    def __init__(self, years: Mapping[int, HolidayYear]) -> None:
        """Know these years; where two speak of one day, the later notice holds."""
        self.years = dict(sorted(years.items()))
        self._is_worked: dict[date, bool] = {}
        for each in self.years.values():
            self._is_worked.update(dict.fromkeys(each.days_off, False))
            self._is_worked.update(dict.fromkeys(each.worked_weekends, True))

    def is_working_day(self, day: date) -> bool:
        """Whether it is worked; where nothing is known, Monday to Friday are."""
        return self._is_worked.get(day, day.weekday() <= _FRIDAY)

    def unknown_years(self, day: date) -> set[int]:
        """Years that are not known and whose notice may speak of the day."""
        return {day.year, (day + _REACH).year} - self.years.keys()


class _File(BaseModel):
    """The outermost key of a file of holidays."""

    model_config = _STRICT

    years: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}$")], HolidayYear],
        Field(min_length=1),
    ]


def load_holidays(more: str = "") -> Holidays:
    """The years that come with Jieru, and those of an installation's own file.

    Args:
        more: path of a file whose years are added, or put in the place of ours; empty: none.

    Raises:
        UserError: a file cannot be read or is broken; the message names the file, the line and
            what is wrong.
    """
    years = dict(_years_of(_OURS))
    if more:
        years |= _years_of(Path(more))
    return Holidays(years)


def _years_of(path: Path) -> Mapping[int, HolidayYear]:
    try:
        return _years(path.read_bytes())
    except OSError as error:
        raise UserError(
            "The file of holidays {path} named by JIERU_HOLIDAYS_FILE cannot be read: {reason}.",
            path=path,
            reason=error.strerror,
        ) from None
    except FileProblem as problem:
        raise problem.of_file(str(path)) from None


@lru_cache(maxsize=8)
def _years(content: bytes) -> Mapping[int, HolidayYear]:
    document = read_yaml(content)
    if not isinstance(document.data, dict):
        raise FileProblem(1, marked("the file must be a mapping with years"))
    try:
        file = _File.model_validate(document.data)
    except ValidationError as error:
        raise first_problem(error, document.lines) from None
    seen: set[date] = set()
    for year, found in file.years.items():
        for place, message, values in _contradictions(int(year), found, seen):
            path: KeyPath = ("years", year, *place)
            key = ".".join(str(part) for part in path[:3])
            raise FileProblem(document.lines[path], message, key=key, **values)
        seen.update(found.days_off, found.worked_weekends)
    return MappingProxyType({int(year): found for year, found in file.years.items()})


def _contradictions(
    year: int, found: HolidayYear, seen: set[date]
) -> Iterator[tuple[KeyPath, str, dict[str, object]]]:
    """What is right value by value and wrong together: where, what, and its values.

    pydantic's own `min_length` would call a list empty when its only item is wrong.
    """
    if not found.notices:
        yield ("notices",), marked("{key} may not be empty"), {}
    if not found.days_off:
        yield ("days_off",), marked("{key} may not be empty"), {}
    for index, message in _mistakes(year, found.days_off, seen):
        yield ("days_off", index), message, {"day": found.days_off[index], "year": year}
    for index, message in _mistakes(year, found.worked_weekends, seen | {*found.days_off}):
        yield (
            ("worked_weekends", index),
            message,
            {"day": found.worked_weekends[index], "year": year},
        )
    for index, day in enumerate(found.worked_weekends):
        if day.weekday() <= _FRIDAY:
            yield (
                ("worked_weekends", index),
                marked("{key}: {day} is neither a Saturday nor a Sunday"),
                {"day": day},
            )


def _mistakes(year: int, days: Iterable[date], seen: set[date]) -> Iterator[tuple[int, str]]:
    """Which day of a list is wrong, and why."""
    before = date.min
    for index, day in enumerate(days):
        if day in seen or day == before:
            yield index, marked("{key}: {day} is listed twice")
        elif day < before:
            yield index, marked("{key}: {day} comes after a later day")
        elif (day + _REACH).year != year and day.year != year:
            yield index, marked("{key}: {day} is neither in {year} nor in the week before it")
        before = day
