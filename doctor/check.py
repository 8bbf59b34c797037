"""A check: one part of an installation, how it is, and what to do. Pure."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from jieru.calendar import SHANGHAI
from jieru.i18n import marked as _

__all__ = [
    "AREA_WORDS",
    "STATE_WORDS",
    "Area",
    "Check",
    "Sentence",
    "State",
    "in_order_of_need",
    "moment",
]

Translate = Callable[[str], str]


class State(StrEnum):
    """How a part is; the worst first."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    UNUSED = "unused"
    """It is not set up here, so there is nothing to examine."""


class Area(StrEnum):
    """Where in an installation a part belongs."""

    DATABASE = "database"
    INTAKE = "intake"
    RECORD = "record"
    COUNTING = "counting"
    ACCESS = "access"
    MACHINE = "machine"


STATE_WORDS: Final = {
    State.RED: _("broken"),
    State.YELLOW: _("needs care"),
    State.GREEN: _("in order"),
    State.UNUSED: _("not set up"),
}
AREA_WORDS: Final = {
    Area.DATABASE: _("Database"),
    Area.INTAKE: _("Receiving heartbeats"),
    Area.RECORD: _("Records and archives"),
    Area.COUNTING: _("Counting"),
    Area.ACCESS: _("Accounts and keys"),
    Area.MACHINE: _("This machine"),
}


class Sentence(NamedTuple):
    """A sentence that each reader gets in his own language."""

    message: str
    """In English, for the catalogue."""
    values: dict[str, object] = {}  # noqa: RUF012 - never changed

    def spoken(self, translate: Translate) -> str:
        """The sentence with its values; a value that is a sentence is spoken too."""
        values = {
            name: value.spoken(translate) if isinstance(value, Sentence) else value
            for name, value in self.values.items()
        }
        return translate(self.message).format(**values)


class Check(NamedTuple):
    """One part, and how it is."""

    name: str
    """For programs; never changes."""
    area: Area
    title: str
    """In English, for the catalogue."""
    state: State
    finding: Sentence
    advice: Sentence | None = None
    """What to do; None where there is nothing."""


def in_order_of_need(checks: list[Check]) -> list[Check]:
    """What needs somebody first; parts of one state stay in their order."""
    order = list(State)
    return sorted(checks, key=lambda each: order.index(each.state))


def moment(at: datetime) -> str:
    """An instant as people read it, in Asia/Shanghai."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
