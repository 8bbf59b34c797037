"""Dashboards: rows of panels, placed from left to right, with their variables and links."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dashboards.panels import FULL, Panel
from dashboards.variables import Variable
from jieru.vocabulary import Text

__all__ = ["Dashboard", "DashboardLink", "Period", "Place", "Row"]

_HEADING_HEIGHT = 1


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row, and below it its panels."""

    number: int
    title: Text
    panels: tuple[Panel, ...]


class Period(NamedTuple):
    """The span of time that a dashboard opens with; `is_hidden` where no panel reads it."""

    start: str
    end: str = "now"
    is_hidden: bool = False


class DashboardLink(NamedTuple):
    """A link from the top of a dashboard to another, which keeps the values of these variables."""

    title: Text
    uid: str
    variables: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a row's heading or a panel stands in the grid."""

    what: Row | Panel
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Panels that belong together, and what is chosen above them."""

    uid: str
    """Stable: addresses hold it."""
    title: Text
    description: Text
    rows: tuple[Row, ...]
    """From top to bottom."""
    variables: tuple[Variable, ...]
    """From left to right."""
    links: tuple[DashboardLink, ...]
    period: Period
    refresh: str = ""
    """How often it asks again by itself; empty: never."""

    @property
    def panels(self) -> Iterator[Panel]:
        """All panels, row by row."""
        return (panel for row in self.rows for panel in row.panels)

    def places(self) -> Iterator[Place]:
        """Every row's heading and panels; a panel that does not fit begins a new line."""
        y = 0
        for row in self.rows:
            yield Place(row, 0, y)
            y += _HEADING_HEIGHT
            x = line_height = 0
            for panel in row.panels:
                width, height = panel.size
                if x + width > FULL:
                    x, y, line_height = 0, y + line_height, 0
                yield Place(panel, x, y)
                x, line_height = x + width, max(line_height, height)
            y += line_height
