"""How values are shown: units, thresholds, words, the columns of a table, links behind a value.

Money is whole yuan with separators (unit `locale`), with 元 in the title: Grafana's currencies
shorten a sum to thousands and millions, and an award must be read to the yuan.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Final, Literal, NamedTuple

from dashboards.words import Labels
from jieru.vocabulary import Text

__all__ = [
    "COUNT",
    "DASH",
    "Cell",
    "Column",
    "Shown",
    "Step",
    "Unit",
    "ValueLink",
    "steps",
]

Unit = Literal["locale", "none", "percentunit", "s", "ms", "bytes"] | Text
"""Units of Grafana that the panels use; a text stands behind the number as it is."""

COUNT: Final[Unit] = "locale"
"""Whole numbers of things, and yuan."""
DASH: Final = Text("—", "—")

Cell = Literal["color-text", "color-background"]


class Step(NamedTuple):
    """A threshold: from this value on, this colour; None: from below all."""

    value: float | None
    colour: str


def steps(colour: str, *higher: tuple[float, str]) -> tuple[Step, ...]:
    """Thresholds: a colour for what is below all, then (from this value on, this colour)."""
    return (Step(None, colour), *(Step(value, each) for value, each in higher))


@dataclass(frozen=True, slots=True)
class ValueLink:
    """A link from a value to another dashboard, or to another choice on the same one."""

    title: Text
    uid: str
    """The dashboard it goes to."""
    variables: tuple[str, ...]
    """Choices that stay what they are."""
    columns: Mapping[str, str]
    """Other choices, each with the column of the row that holds its value."""
    span: tuple[str, str] | None = None
    """Two columns with the beginning and the end of the span of time, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one column or series, by its name in the query, does otherwise than the rest."""

    name: str
    title: Text | None = None
    """None leaves the name."""
    _: KW_ONLY
    unit: Unit | None = None
    decimals: int | None = None
    words: Labels | None = None
    """What its codes are called."""
    thresholds: tuple[Step, ...] | None = None
    colour: str | None = None
    """The colour of the series."""
    link: ValueLink | None = None
    width: int | None = None
    """In pixels."""
    cell: Cell | None = None
    """How a table colours it, by its words or thresholds."""
    is_line: bool = False
    """For a limit among bars."""
    is_hidden: bool = False
    """For values that only a link needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How every value of a panel is shown, and what its columns add to that."""

    unit: Unit = COUNT
    decimals: int | None = None
    """How many are shown; None: as many as Grafana finds fit."""
    thresholds: tuple[Step, ...] | None = None
    words: Labels = field(default_factory=dict)
    """What codes are called."""
    colour: str | None = None
    """One colour for all; without it thresholds colour where there are any, else the palette."""
    has_palette: bool = False
    """For several series with thresholds, which are only drawn as lines then."""
    minimum: float | None = None
    """The lower end of an axis or gauge."""
    maximum: float | None = None
    """The upper end."""
    no_value: Text = DASH
    """What stands where there is nothing."""
    columns: tuple[Column, ...] = ()

    def column(self, name: str) -> Column:
        """What is said of one column; nothing of its own where it is not named."""
        return next((each for each in self.columns if each.name == name), Column(name))
