"""What a panel shows, from the rows of its query: figures, a chart, a table. Pure.

A chart is data for `panel-charts.js`, which knows ECharts and nothing of Grafana; its table has
the same figures for whoever cannot see it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from api.panels.looks import Look, Speak, look_of
from dashboards.grafana_sql import TimeRange, Value, formatted
from jieru.calendar import SHANGHAI

__all__ = ["ROWS_SHOWN", "Cell", "Drawing", "Figure", "Head", "Result", "Table", "draw"]

ROWS_SHOWN: Final = 500
"""Of a table; whoever needs the rest asks for less."""

_MOST_BARS: Final = 1_000
_TIME: Final = "time"
_METRIC: Final = "metric"
_FIELD: Final = re.compile(r"\$\{__data\.fields\.(\w+)(?:\.numeric|:percentencode)\}", re.ASCII)
_VARIABLE: Final = re.compile(r"\$\{(\w+):(percentencode|queryparam)\}", re.ASCII)
_DASHBOARD: Final = "/d/"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=SHANGHAI)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


class Figure(NamedTuple):
    """One number, large."""

    label: str
    text: str
    colour: str | None


class Head(NamedTuple):
    """Of a column of a table."""

    title: str
    is_number: bool


class Cell(NamedTuple):
    """Of a table."""

    text: str
    colour: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as people read them."""

    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    left_out: int
    """Rows that are not shown."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A panel, drawn."""

    figures: Sequence[Figure]
    chart: Mapping[str, Any] | None
    table: Table | None
    is_empty: bool


@dataclass(frozen=True, slots=True)
class _Panel:
    """One panel with its data, and how each column is shown."""

    config: Mapping[str, Any]
    result: Result
    looks: Mapping[str, Look]
    time_range: TimeRange
    speak: Speak

    @property
    def defaults(self) -> Mapping[str, Any]:
        defaults: Mapping[str, Any] = self.config["fieldConfig"]["defaults"]
        return defaults

    @property
    def options(self) -> Mapping[str, Any]:
        options: Mapping[str, Any] = self.config["options"]
        return options

    def look(self, name: str) -> Look:
        """Of a column, or of a series named by its metric."""
        return self.looks.get(name) or look_of(self.config["fieldConfig"], name, self.speak)

    def numbers(self) -> list[str]:
        """The columns that hold numbers, as far as there are any."""
        return [
            name
            for name in self.result.columns
            if name not in {_TIME, _METRIC} and _is_number(self.result.column(name))
        ]


class _Series(NamedTuple):
    name: str
    """As overrides call it."""
    points: Mapping[datetime, Any]


def draw(
    config: Mapping[str, Any],
    result: Result,
    time_range: TimeRange,
    variables: Mapping[str, Value],
    speak: Speak,
) -> Drawing:
    """A panel of a dashboard as the console shows it.

    Args:
        config: the panel in Grafana's JSON.
        result: of its query.
        time_range: of the dashboard.
        variables: of the dashboard, for links.
        speak: the dashboards' Chinese in the reader's language.
    """
    looks = {name: look_of(config["fieldConfig"], name, speak) for name in result.columns}
    panel = _Panel(config, result, looks, time_range, speak)
    kind = config["type"]
    if kind == "stat":
        return Drawing(_figures(panel), None, None, is_empty=not result.rows)
    if not result.rows or (kind in _CHARTS and not panel.numbers()):
        return Drawing((), None, None, is_empty=True)
    chart = _CHARTS[kind](panel) if kind in _CHARTS else None
    is_wide = kind in {"timeseries", "state-timeline"}
    table = _wide_table(panel) if is_wide else _table(panel, variables)
    return Drawing((), chart, table, is_empty=False)


# Figures and tables --------------------------------------------------------------------------


def _figures(panel: _Panel) -> list[Figure]:
    if not panel.result.rows:
        return [Figure("", panel.speak(panel.defaults["noValue"]), None)]
    has_names = panel.options["textMode"] == "value_and_name"
    figures = []
    for name, value in zip(panel.result.columns, panel.result.rows[-1], strict=True):
        look = panel.look(name)
        if name != _TIME and not look.is_hidden:
            label = look.title if has_names else ""
            colour = look.colour_of(value) or look.colour
            figures.append(Figure(label, look.text(value, panel.speak), colour))
    return figures


def _table(panel: _Panel, variables: Mapping[str, Value]) -> Table:
    shown = [name for name in panel.result.columns if not panel.look(name).is_hidden]
    heads = [Head(panel.look(name).title, _is_number(panel.result.column(name))) for name in shown]
    rows = []
    for row in panel.result.rows[:ROWS_SHOWN]:
        values = dict(zip(panel.result.columns, row, strict=True))
        rows.append([_cell(panel, name, values, variables) for name in shown])
    return Table(heads, rows, max(0, len(panel.result.rows) - ROWS_SHOWN))


def _cell(
    panel: _Panel, name: str, values: Mapping[str, Any], variables: Mapping[str, Value]
) -> Cell:
    look = panel.look(name)
    address = _address(look.link, values, variables) if look.link else None
    value = values[name]
    return Cell(look.text(value, panel.speak), look.colour_of(value), address)


def _address(link: str, values: Mapping[str, Any], variables: Mapping[str, Value]) -> str | None:
    """Grafana's link as one of the console's; None where a value that it needs is missing."""
    if any(values[name] is None for name in _FIELD.findall(link)):
        return None
    # A value from the registry is not searched for variables: they were put in first.
    known = _VARIABLE.sub(lambda match: formatted(match[1], variables[match[1]], match[2]), link)
    address = _FIELD.sub(lambda match: quote(str(values[match[1]]), safe=""), known)
    return "/panels/" + address.removeprefix(_DASHBOARD)


def _wide_table(panel: _Panel) -> Table:
    """A row for each moment, newest first, and a column for each series."""
    series = _series(panel)
    moments = sorted({moment for each in series for moment in each.points}, reverse=True)
    looks = [panel.look(each.name) for each in series]
    heads = [Head(panel.speak("时间"), is_number=False)]
    heads += [
        Head(_title(look, each.name), is_number=True)
        for look, each in zip(looks, series, strict=True)
    ]
    say = _civil_words(moments)
    rows = [
        [
            Cell(say(moment), None, None),
            *(
                Cell(look.text(each.points.get(moment), panel.speak), None, None)
                for look, each in zip(looks, series, strict=True)
            ),
        ]
        for moment in moments[:ROWS_SHOWN]
    ]
    return Table(heads, rows, max(0, len(moments) - ROWS_SHOWN))


# Charts --------------------------------------------------------------------------------------


def _series(panel: _Panel) -> list[_Series]:
    """Of rows with `time` and perhaps `metric`: one for each metric and number."""
    numbers = panel.numbers()
    times = _moments(panel.result)
    has_metric = _METRIC in panel.result.columns
    metrics = panel.result.column(_METRIC) if has_metric else [None] * len(times)
    found: dict[str, dict[datetime, Any]] = {}
    for name in numbers:
        for moment, metric, value in zip(times, metrics, panel.result.column(name), strict=True):
            of_metric = str(metric) if len(numbers) == 1 else f"{name} {metric}"
            found.setdefault(of_metric if has_metric else name, {})[moment] = value
    return [_Series(name, points) for name, points in found.items()]


def _title(look: Look, name: str) -> str:
    return look.title or name


def _time_series(panel: _Panel) -> dict[str, Any]:
    custom = panel.defaults["custom"]
    series = _series(panel)
    moments = sorted({moment for each in series for moment in each.points})
    if custom["drawStyle"] == "bars":
        moments = _without_holes(moments, panel.time_range)
    say = _civil_words(moments)
    return {
        "kind": "timeseries",
        "style": custom["drawStyle"],
        "isStepped": custom["lineInterpolation"] == "stepAfter",
        "stacking": custom["stacking"]["mode"],
        "begins": _milliseconds(panel.time_range.begins_at),
        "ends": _milliseconds(panel.time_range.ends_at),
        "moments": [_milliseconds(moment) for moment in moments],
        "names": [say(moment) for moment in moments],
        "series": [
            {
                "name": _title(panel.look(each.name), each.name),
                "colour": panel.look(each.name).colour,
                "isLine": panel.look(each.name).is_line,
                "values": [_plain(each.points.get(moment)) for moment in moments],
            }
            for each in series
        ],
        **_scale(panel),
    }


def _bar_chart(panel: _Panel) -> dict[str, Any]:
    category = panel.options["xField"]
    look = panel.look(category)
    return {
        "kind": "barchart",
        "isHorizontal": panel.options["orientation"] == "horizontal",
        "stacking": panel.options["stacking"],
        "names": [look.text(value, panel.speak) for value in panel.result.column(category)],
        "series": [
            {
                "name": panel.look(name).title,
                "colour": panel.look(name).colour,
                "values": [_plain(value) for value in panel.result.column(name)],
            }
            for name in panel.numbers()
            if name != category and not panel.look(name).is_hidden
        ],
        **_scale(panel),
    }


def _bar_gauge(panel: _Panel) -> dict[str, Any]:
    number = panel.numbers()[-1]
    label = next(name for name in panel.result.columns if name != number)
    look = panel.look(number)
    values = panel.result.column(number)
    names = panel.result.column(label)
    return {
        "kind": "bargauge",
        "names": [panel.look(label).text(value, panel.speak) for value in names],
        "values": [_plain(value) for value in values],
        "texts": [look.text(value, panel.speak) for value in values],
        "colours": [look.colour_of(value) or look.colour for value in values],
        **_scale(panel),
    }


def _state_timeline(panel: _Panel) -> dict[str, Any]:
    """Bands: a state lasts until the next row of its series, the last until the range ends."""
    series = _series(panel)
    states: dict[str, str | None] = {}
    bands: list[tuple[int, int, int, int]] = []
    ends_at = panel.time_range.ends_at
    for row, each in enumerate(series):
        look = panel.look(each.name)
        moments = sorted(each.points)
        for moment, until in zip(moments, [*moments[1:], max(ends_at, *moments[-1:])], strict=True):
            value = each.points[moment]
            if value is None:
                continue
            text = look.text(value, panel.speak)
            states.setdefault(text, look.colour_of(value) or look.colour)
            state = list(states).index(text)
            begins, ends = _milliseconds(moment), _milliseconds(until)
            if bands and bands[-1][0] == row and bands[-1][2:] == (begins, state):
                bands[-1] = (row, bands[-1][1], ends, state)
            else:
                bands.append((row, begins, ends, state))
    return {
        "kind": "state-timeline",
        "names": [_title(panel.look(each.name), each.name) for each in series],
        "begins": _milliseconds(panel.time_range.begins_at),
        "ends": _milliseconds(ends_at),
        "bands": bands,
        "states": [{"text": text, "colour": colour} for text, colour in states.items()],
    }


def _heat_map(panel: _Panel) -> dict[str, Any]:
    rows = panel.numbers()
    heard = _moments(panel.result)
    moments = _without_holes(heard, panel.time_range)
    places = {moment: place for place, moment in enumerate(moments)}
    say = _civil_words(moments)
    cells = [
        (places[moment], y, float(value))
        for y, name in enumerate(rows)
        for moment, value in zip(heard, panel.result.column(name), strict=True)
        if value
    ]
    color = panel.options["color"]
    return {
        "kind": "heatmap",
        "columns": [say(moment) for moment in moments],
        "rows": [panel.look(name).title for name in rows],
        "isReversed": panel.options["yAxis"]["reverse"],
        "max": color.get("max") or max((cell[2] for cell in cells), default=1),
        "cells": cells,
    }


_CHARTS: Final[Mapping[str, Callable[[_Panel], dict[str, Any]]]] = {
    "timeseries": _time_series,
    "barchart": _bar_chart,
    "bargauge": _bar_gauge,
    "state-timeline": _state_timeline,
    "heatmap": _heat_map,
}


def _scale(panel: _Panel) -> dict[str, Any]:
    """Of the axis of values."""
    look = look_of(panel.config["fieldConfig"], "", panel.speak)
    style = panel.defaults["custom"].get("thresholdsStyle", {"mode": "off"})["mode"]
    return {
        "isShare": look.is_share,
        "unit": look.unit_in_words(panel.speak),
        "min": panel.defaults.get("min"),
        "max": panel.defaults.get("max"),
        "thresholds": [
            {"value": step.value, "colour": step.colour}
            for step in look.steps
            if step.value is not None and style != "off"
        ],
    }


# Values --------------------------------------------------------------------------------------


def _is_number(values: Sequence[object]) -> bool:
    some = [value for value in values if value is not None]
    return bool(some) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in some
    )


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _moments(result: Result) -> list[datetime]:
    """The column `time`: instants, or seconds since the epoch as Grafana's groups give them."""
    return [
        each if isinstance(each, datetime) else datetime.fromtimestamp(float(each), UTC)
        for each in result.column(_TIME)
    ]


def _without_holes(moments: Sequence[datetime], span: TimeRange) -> list[datetime]:
    """Every hour or day of a span where all moments begin such: an empty one is a finding too."""
    civil = [each.astimezone(SHANGHAI) for each in moments]
    if any(each.minute or each.second for each in civil):
        return list(moments)
    step = timedelta(hours=1) if any(each.hour for each in civil) else timedelta(days=1)
    # The day in which a span begins may have begun before it.
    before = max(0, (civil[0] - span.begins_at) // step)
    after = max(0, (span.ends_at - civil[-1]) // step)
    first = civil[0] - before * step
    number = before + (civil[-1] - civil[0]) // step + after + 1
    return [first + place * step for place in range(number)] if number <= _MOST_BARS else civil


def _milliseconds(moment: datetime) -> int:
    """Since the epoch, by the city's clock: scripts take it for UTC, and show the city's time."""
    return (moment.astimezone(SHANGHAI) - _EPOCH) // _MILLISECOND


def _civil_words(moments: Sequence[datetime]) -> Callable[[datetime], str]:
    """Months as months and days as days, where all moments are beginnings of such."""
    civil = [moment.astimezone(SHANGHAI) for moment in moments]
    if any(each.hour or each.minute for each in civil):
        form = "%Y-%m-%d %H:%M"
    elif any(each.day != 1 for each in civil):
        form = "%Y-%m-%d"
    else:
        form = "%Y-%m"
    return lambda moment: moment.astimezone(SHANGHAI).strftime(form)
