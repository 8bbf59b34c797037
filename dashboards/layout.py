"""Dashboards: rows of panels, placed from left to right, with their variables and links."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from dashboards.panels import FULL
from dashboards.queries import Json

__all__ = ["Period", "Row", "dashboard", "link"]

SCHEMA_VERSION: Final = 42
"""The classic JSON as Grafana has written it since 12.2."""

TAG: Final = "jieru"


class Row(NamedTuple):
    """A titled row, and below it its panels."""

    number: int
    title: str
    panels: Sequence[Json]


class Period(NamedTuple):
    """The span of time that a dashboard opens with; `is_hidden` where no panel reads it."""

    start: str
    end: str = "now"
    is_hidden: bool = False


def link(title: str, uid: str, *variables: str) -> Json:
    """A link from the top of a dashboard to another, which keeps the values of these variables."""
    query = "&".join(f"${{{name}:queryparam}}" for name in variables)
    return {
        "asDropdown": False,
        "icon": "dashboard",
        "includeVars": False,
        "keepTime": False,
        "tags": [],
        "targetBlank": False,
        "title": title,
        "tooltip": title,
        "type": "link",
        "url": f"/d/{uid}?{query}".rstrip("?"),
    }


def dashboard(
    uid: str,
    title: str,
    description: str,
    *,
    rows: Sequence[Row],
    variables: Sequence[Json],
    links: Sequence[Json],
    period: Period,
    refresh: str = "",
) -> Json:
    """A dashboard as Grafana takes it.

    Args:
        uid: stable: addresses hold it.
        title: in Chinese.
        description: in both languages.
        rows: from top to bottom.
        variables: from left to right.
        links: to the others.
        period: what it opens with.
        refresh: how often it asks again by itself; empty: never.
    """
    return {
        "annotations": {"list": []},
        "description": description,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": list(links),
        "panels": list(_placed(rows)),
        "preload": False,
        "refresh": refresh,
        "schemaVersion": SCHEMA_VERSION,
        "tags": [TAG],
        "templating": {"list": list(variables)},
        "time": {"from": period.start, "to": period.end},
        "timepicker": {"hidden": period.is_hidden},
        "timezone": "Asia/Shanghai",
        "title": title,
        "uid": uid,
        "weekStart": "monday",
    }


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Every row's heading and panels; a panel that does not fit begins a new line."""
    y = 0
    for row in rows:
        yield {
            "collapsed": False,
            "gridPos": {"h": 1, "w": FULL, "x": 0, "y": y},
            "id": row.number,
            "panels": [],
            "title": row.title,
            "type": "row",
        }
        y += 1
        x = line_height = 0
        for panel in row.panels:
            width, height = panel["gridPos"]["w"], panel["gridPos"]["h"]
            if x + width > FULL:
                x, y, line_height = 0, y + line_height, 0
            yield {**panel, "gridPos": {"h": height, "w": width, "x": x, "y": y}}
            x, line_height = x + width, max(line_height, height)
        y += line_height
