"""The kinds of panels: what each asks, proves and is called, in both languages.

A panel's number is its id for good: addresses of single panels and alert rules hold it. Its place
comes from the layout. How a panel looks is for whoever writes it: Grafana's JSON, or a page.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Final, Literal, TypeAlias

from dashboards.fields import Shown
from dashboards.queries import plain_sql, views_read
from jieru.i18n import Language
from jieru.vocabulary import Text

__all__ = [
    "FULL",
    "HALF",
    "STAT_HEIGHT",
    "BarChart",
    "BarGauge",
    "HeatMap",
    "Panel",
    "Query",
    "Stat",
    "StateTimeline",
    "Table",
    "TimeSeries",
    "in_each_language",
    "query_in",
]

FULL: Final = 24
"""Columns of Grafana's grid."""
HALF: Final = 12
STAT_HEIGHT: Final = 4

_CHART_HEIGHT: Final = 9

Query: TypeAlias = str | Text
"""SQL; a text where the answer itself has words in it."""


def in_each_language(write: Callable[[Language], str]) -> Text:
    """A query that is written for a language."""
    return Text(zh=write("zh"), en=write("en"))


def query_in(query: Query, language: Language) -> str:
    """A query as it is asked for readers of a language."""
    return plain_sql(query if isinstance(query, str) else query.spoken_in(language))


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: a query, and how its answer is shown."""

    number: int
    title: Text
    proof: Text
    """What it proves."""
    sql: Query
    _: KW_ONLY
    shown: Shown = field(default_factory=Shown)
    size: tuple[int, int] = (HALF, _CHART_HEIGHT)
    """Width and height in the grid."""

    @property
    def views(self) -> list[str]:
        """The views it reads."""
        return views_read(query_in(self.sql, "zh"))


@dataclass(frozen=True, slots=True)
class Stat(Panel):
    """One figure, or one for each column of the only row."""

    _: KW_ONLY
    size: tuple[int, int] = (4, STAT_HEIGHT)
    has_names: bool = False


@dataclass(frozen=True, slots=True)
class Table(Panel):
    """Rows as they are; in Grafana a header sorts them, and filters where the reader clicks."""

    _: KW_ONLY
    size: tuple[int, int] = (FULL, 10)
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class TimeSeries(Panel):
    """Lines or bars over time; thresholds are drawn as dashed lines.

    Its query gives `time`, a text `metric` where there are several series, and numbers.
    """

    _: KW_ONLY
    style: Literal["lines", "bars", "stacked bars"] = "lines"
    """Bars are for what belongs to a span of time."""
    interval: str | None = None
    """The finest `$__interval` that makes sense."""

    @property
    def draws_thresholds(self) -> bool:
        """Whether there is a line to draw."""
        return self.shown.thresholds is not None and len(self.shown.thresholds) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart(Panel):
    """Bars by category: one for each numeric column of a row."""

    category: str
    """The column that names a row."""
    style: Literal["columns", "stacked columns", "bars"] = "columns"
    """Upright columns, beside or on one another; or lying bars, for long names."""


@dataclass(frozen=True, slots=True)
class BarGauge(Panel):
    """A lying gauge for each row, a text and a number, filled up to the maximum."""


@dataclass(frozen=True, slots=True)
class StateTimeline(Panel):
    """A band for each series, its colour the state: `time`, `metric`, a number that has a word."""

    _: KW_ONLY
    size: tuple[int, int] = (FULL, 10)


@dataclass(frozen=True, slots=True)
class HeatMap(Panel):
    """A cell for each time and row: `time`, then a numeric column for each row, lowest first."""

    _: KW_ONLY
    size: tuple[int, int] = (FULL, 12)
