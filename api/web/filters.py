"""What the registry's lists are filtered by: the same parameters, in the same words, everywhere."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query
from psycopg.sql import SQL, Composable, Identifier
from pydantic import AfterValidator

from jieru.calendar import civil_date
from jieru.i18n import marked as _
from jieru.text import read_as_meant

__all__ = [
    "DistrictFilter",
    "EnterpriseFilter",
    "PlatformFilter",
    "SerialFilter",
    "State",
    "StateFilter",
    "TextFilter",
    "TopicFilter",
    "contains",
    "in_state",
    "today_of",
]

_WITHOUT_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL's text knows no NUL character."""
_TEXT_LENGTH_MAX: Final = 100
_TOPIC_LENGTH_MAX: Final = 1_000


class State(StrEnum):
    """Whether records are listed that have ended."""

    OPEN = "open"
    """Those that have not ended yet: the end is open, or lies ahead."""
    ENDED = "ended"
    ALL = "all"


PlatformFilter = Annotated[
    str | None,
    Query(description=_("A platform's code."), max_length=_TEXT_LENGTH_MAX, pattern=_WITHOUT_NUL),
]
EnterpriseFilter = Annotated[
    str | None,
    Query(
        description=_("An enterprise's unified social credit code."),
        max_length=_TEXT_LENGTH_MAX,
        pattern=_WITHOUT_NUL,
    ),
]
DistrictFilter = Annotated[
    str | None,
    Query(
        description=_("A district of the policy, or `other`."),
        max_length=_TEXT_LENGTH_MAX,
        pattern=_WITHOUT_NUL,
    ),
]
TextFilter = Annotated[
    str | None,
    Query(
        description=_(
            "Part of a code, serial or name; capital and small letters (A to Z) are the same."
        ),
        max_length=_TEXT_LENGTH_MAX,
        pattern=_WITHOUT_NUL,
    ),
    AfterValidator(read_as_meant),
]
SerialFilter = Annotated[
    str | None,
    Query(
        description=_("A device's serial on its platform."),
        max_length=_TEXT_LENGTH_MAX,
        pattern=_WITHOUT_NUL,
    ),
]
TopicFilter = Annotated[
    str | None,
    Query(
        description=_("How the topic begins, such as `jieru/v1/xielian/CNC-01/`."),
        max_length=_TOPIC_LENGTH_MAX,
        pattern=_WITHOUT_NUL,
    ),
]
StateFilter = Annotated[
    State,
    Query(
        description=_("`open` (by default), `ended` or `all`; an end that lies ahead is open."),
    ),
]


def today_of(now: datetime) -> date:
    """The civil day of a moment, by which records are open or ended."""
    return civil_date(now)


def in_state(state: State, table: str, end: str) -> list[Composable]:
    """The conditions on the column `end`, exclusive; `today` is a parameter."""
    column = Identifier(table, end)
    match state:
        case State.OPEN:
            return [SQL("({end} IS NULL OR {end} > %(today)s)").format(end=column)]
        case State.ENDED:
            return [SQL("{end} <= %(today)s").format(end=column)]
        case State.ALL:
            return []


def contains(columns: Iterable[Composable]) -> Composable:
    """The condition that one of the columns holds the parameter `text`.

    By the C collation, which folds A to Z alone: the fastest, and Chinese has no case. Full width
    and half width are the same (NFKC); names are kept as they were given.
    """
    holds = SQL(
        """strpos(lower(normalize({}, NFKC) COLLATE "C"),
                  lower(normalize(%(text)s::text, NFKC) COLLATE "C")) > 0"""
    )
    return SQL("({})").format(SQL(" OR ").join(holds.format(column) for column in columns))
