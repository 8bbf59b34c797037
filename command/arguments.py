"""What several commands take in the same form: years, days, numbers, and options of one name."""

import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from command.counting import today
from jieru.calendar import parse_date
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.text import LINE_BREAKS, admitted

__all__ = [
    "AMOUNT",
    "DAY",
    "DAYS",
    "FILE",
    "FOLDER",
    "MONTH",
    "POSITIVE_AMOUNT",
    "TEXT",
    "WHOLE_NUMBER",
    "YEAR",
    "as_of_option",
    "json_option",
    "policy_option",
]

_DIGITS_MAX: Final = 18
"""So many fit into every integer of PostgreSQL that a number of ours is compared with."""
_SHOWN: Final = 20
_FIRST_DAY: Final = date(1900, 1, 1)
_LAST_DAY: Final = date(2999, 12, 31)
_DAYS_MAX: Final = 365_000
_AMOUNT_MAX: Final = 1e9
"""A wait of thirty years; clocks and sockets take hardly more."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Year(click.ParamType[int]):
    """A year of four digits."""

    name = "year"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        del param, ctx
        if len(value) == len("2026") and value.isascii() and value.isdigit():
            return int(value)
        raise UserError("{text} is not a year such as 2026.", text=_shortened(value))


class _Day(click.ParamType[date]):
    """A civil date, as far from the ends of the calendar as reckoning with it may need."""

    name = "date"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        del param, ctx
        if isinstance(value, date):
            return value
        try:
            day = parse_date(value)
        except ValueError:
            raise UserError(
                "{text} is not a date of the form YYYY-MM-DD.", text=_shortened(value)
            ) from None
        if _FIRST_DAY <= day <= _LAST_DAY:
            return day
        raise UserError(
            "{text} is no date that can be meant here: only {first} to {last} can.",
            text=value,
            first=_FIRST_DAY,
            last=_LAST_DAY,
        )


class _Month(click.ParamType[date]):
    """A civil month, as its first day."""

    name = "month"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        if isinstance(value, date):
            return value
        try:
            return DAY.convert(f"{value}-01", param, ctx)
        except UserError:
            raise UserError(
                "{text} is not a month of the form YYYY-MM.", text=_shortened(value)
            ) from None


class _WholeNumber(click.ParamType[int]):
    """A number that stands for a record or a limit: digits, and no sign."""

    name = "number"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        del param, ctx
        if not (value.isascii() and value.isdigit()):
            raise UserError("{text} is not a whole number.", text=_shortened(value))
        if len(value) > _DIGITS_MAX:
            raise UserError(
                "{text} is too large: a number has {digits} digits at most.",
                text=_shortened(value),
                digits=_DIGITS_MAX,
            )
        return int(value)


class _Amount(click.FloatRange):
    """A number that something can be done with; “nan” lies within any limits for click."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read it as click does, and refuse what is no number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number) or number > _AMOUNT_MAX:
            self.fail(
                _("“{value}” is not a number that can be meant here.").format(
                    value=_shortened(str(value))
                ),
                param,
                ctx,
            )
        return number


class _Text(click.ParamType[str]):
    """A text that may be kept; see `jieru.text`."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return admitted(value, allowed=LINE_BREAKS)
        except UserError as refused:
            self.fail(str(refused), param, ctx)


class _Path(click.ParamType[Path]):
    """The path of a file or of a folder, whatever is there is of that sort."""

    def __init__(self, *, is_folder: bool = False) -> None:
        self.name = "folder" if is_folder else "file"
        self._is_folder = is_folder

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        del param, ctx
        path = Path(value)
        if self._is_folder and path.exists() and not path.is_dir():
            raise UserError("{path} is a file, and a folder is needed here.", path=path)
        if not self._is_folder and path.is_dir():
            raise UserError("{path} is a folder, and a file is needed here.", path=path)
        return path


TEXT: Final = _Text()
YEAR: Final = _Year()
DAY: Final = _Day()
MONTH: Final = _Month()
WHOLE_NUMBER: Final = _WholeNumber()
AMOUNT: Final = _Amount(min=0)
"""Seconds and the like, none at all included."""
POSITIVE_AMOUNT: Final = _Amount(min=0, min_open=True)
FILE: Final = _Path()
FOLDER: Final = _Path(is_folder=True)
DAYS: Final = click.IntRange(1, _DAYS_MAX)
"""A time in days: not longer than a calendar can be reckoned with."""


def as_of_option(command: _Command) -> _Command:
    """The last day whose evidence is used, as `as_of`; yesterday, for today is not over."""
    option = click.option(
        "--as-of",
        metavar="DATE",
        type=DAY,
        default=_yesterday,
        help=_("Last day whose evidence is used (default: yesterday)."),
    )
    return option(command)


def policy_option(command: _Command) -> _Command:
    """Another policy than the one of the settings, as `policy`; None without it."""
    option = click.option(
        "--policy",
        metavar="FILE",
        help=_("Policy file, or name of a policy that comes with Jieru."),
    )
    return option(command)


def json_option(command: _Command) -> _Command:
    """Whether a program reads the output, as `as_json`."""
    option = click.option("--json", "as_json", is_flag=True, help=_("Print JSON for programs."))
    return option(command)


def _yesterday() -> date:
    return today() - timedelta(days=1)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
