"""What a panel shows, from the rows of its query: figures, a chart, a table. Pure.

A chart is data for `panel-charts.js`, which knows ECharts and nothing of Grafana; its table has
the same figures for whoever cannot see it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from api.panels.choices import parameter_of
from api.panels.looks import Look, look_of
from dashboards.fields import ValueLink
from dashboards.grafana_sql import TimeRange, Value, formatted
from dashboards.headings import WHEN
from dashboards.panels import (
    BarChart,
    BarGauge,
    HeatMap,
    Panel,
    Stat,
    StateTimeline,
    TimeSeries,
)
from jieru.calendar import SHANGHAI
from jieru.i18n import Language

__all__ = ["ROWS_SHOWN", "Cell", "Drawing", "Figure", "Head", "Result", "Table", "draw"]

ROWS_SHOWN: Final = 500
"""Of a table; whoever needs the rest asks for less."""

_MOST_BARS: Final = 1_000
_TIME: Final = "time"
_METRIC: Final = "metric"
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
class _Answer:
    """What a panel's query gave, and how each column is shown."""

    panel: Panel
    result: Result
    looks: Mapping[str, Look]
    time_range: TimeRange
    language: Language

    def look(self, name: str) -> Look:
        """Of a column, or of a series named by its metric."""
        return self.looks.get(name) or look_of(self.panel.shown, name, self.language)

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
    panel: Panel,
    result: Result,
    time_range: TimeRange,
    variables: Mapping[str, Value],
    language: Language,
) -> Drawing:
    """A panel of a dashboard as the console shows it.

    Args:
        panel: what is drawn.
        result: of its query.
        time_range: of the dashboard.
        variables: of the dashboard, for links.
        language: of the reader.
    """
    looks = {name: look_of(panel.shown, name, language) for name in result.columns}
    answer = _Answer(panel, result, looks, time_range, language)
    if isinstance(panel, Stat):
        return Drawing(_figures(panel, answer), None, None, is_empty=not result.rows)
    is_chart = isinstance(panel, TimeSeries | BarChart | BarGauge | StateTimeline | HeatMap)
    if not result.rows or (is_chart and not answer.numbers()):
        return Drawing((), None, None, is_empty=True)
    is_wide = isinstance(panel, TimeSeries | StateTimeline)
    table = _wide_table(answer) if is_wide else _table(answer, variables)
    return Drawing((), _chart(panel, answer), table, is_empty=False)


def _chart(panel: Panel, answer: _Answer) -> dict[str, Any] | None:
    """The data of a chart; None for a table."""
    match panel:
        case TimeSeries():
            return _time_series(panel, answer)
        case BarChart():
            return _bar_chart(panel, answer)
        case BarGauge():
            return _bar_gauge(answer)
        case StateTimeline():
            return _state_timeline(answer)
        case HeatMap():
            return _heat_map(answer)
        case _:
            return None


# Figures and tables --------------------------------------------------------------------------


def _figures(panel: Stat, answer: _Answer) -> list[Figure]:
    if not answer.result.rows:
        return [Figure("", panel.shown.no_value.spoken_in(answer.language), None)]
    figures = []
    for name, value in zip(answer.result.columns, answer.result.rows[-1], strict=True):
        look = answer.look(name)
        if name != _TIME and not look.is_hidden:
            label = look.title if panel.has_names else ""
            colour = look.colour_of(value) or look.colour
            figures.append(Figure(label, look.text(value), colour))
    return figures


def _table(answer: _Answer, variables: Mapping[str, Value]) -> Table:
    shown = [name for name in answer.result.columns if not answer.look(name).is_hidden]
    heads = [
        Head(answer.look(name).title, _is_number(answer.result.column(name))) for name in shown
    ]
    rows = []
    for row in answer.result.rows[:ROWS_SHOWN]:
        values = dict(zip(answer.result.columns, row, strict=True))
        rows.append([_cell(answer, name, values, variables) for name in shown])
    return Table(heads, rows, max(0, len(answer.result.rows) - ROWS_SHOWN))


def _cell(
    answer: _Answer, name: str, values: Mapping[str, Any], variables: Mapping[str, Value]
) -> Cell:
    look = answer.look(name)
    address = _address(look.link, values, variables) if look.link else None
    value = values[name]
    return Cell(look.text(value), look.colour_of(value), address)


def _address(
    link: ValueLink, values: Mapping[str, Any], variables: Mapping[str, Value]
) -> str | None:
    """A link as one of the console's; None where a value that it needs is missing."""
    of_row = {parameter_of(name): column for name, column in link.columns.items()}
    if link.span is not None:
        of_row["from"], of_row["to"] = link.span
    if any(values[column] is None for column in of_row.values()):
        return None
    parts = [
        f"{parameter_of(name)}={formatted(name, variables[name], 'percentencode')}"
        for name in link.variables
    ]
    parts += [f"{name}={quote(str(values[column]), safe='')}" for name, column in of_row.items()]
    return f"/panels/{link.uid}?{'&'.join(parts)}"


def _wide_table(answer: _Answer) -> Table:
    """A row for each moment, newest first, and a column for each series."""
    series = _series(answer)
    moments = sorted({moment for each in series for moment in each.points}, reverse=True)
    looks = [answer.look(each.name) for each in series]
    heads = [Head(WHEN.spoken_in(answer.language), is_number=False)]
    heads += [
        Head(_title(look, each.name), is_number=True)
        for look, each in zip(looks, series, strict=True)
    ]
    say = _civil_words(moments)
    rows = [
        [
            Cell(say(moment), None, None),
            *(
                Cell(look.text(each.points.get(moment)), None, None)
                for look, each in zip(looks, series, strict=True)
            ),
        ]
        for moment in moments[:ROWS_SHOWN]
    ]
    return Table(heads, rows, max(0, len(moments) - ROWS_SHOWN))


# Charts --------------------------------------------------------------------------------------


def _series(answer: _Answer) -> list[_Series]:
    """Of rows with `time` and perhaps `metric`: one for each metric and number."""
    numbers = answer.numbers()
    times = _moments(answer.result)
    has_metric = _METRIC in answer.result.columns
    metrics = answer.result.column(_METRIC) if has_metric else [None] * len(times)
    found: dict[str, dict[datetime, Any]] = {}
    for name in numbers:
        for moment, metric, value in zip(times, metrics, answer.result.column(name), strict=True):
            of_metric = str(metric) if len(numbers) == 1 else f"{name} {metric}"
            found.setdefault(of_metric if has_metric else name, {})[moment] = value
    return [_Series(name, points) for name, points in found.items()]


def _title(look: Look, name: str) -> str:
    return look.title or name


def _time_series(panel: TimeSeries, answer: _Answer) -> dict[str, Any]:
    is_line = panel.style == "lines"
    series = _series(answer)
    moments = sorted({moment for each in series for moment in each.points})
    if not is_line:
        moments = _without_holes(moments, answer.time_range)
    say = _civil_words(moments)
    return {
        "kind": "timeseries",
        "style": "line" if is_line else "bars",
        "stacking": "normal" if panel.style == "stacked bars" else "none",
        "begins": _milliseconds(answer.time_range.begins_at),
        "ends": _milliseconds(answer.time_range.ends_at),
        "moments": [_milliseconds(moment) for moment in moments],
        "names": [say(moment) for moment in moments],
        "series": [
            {
                "name": _title(answer.look(each.name), each.name),
                "colour": answer.look(each.name).colour,
                "isLine": answer.look(each.name).is_line,
                "values": [_plain(each.points.get(moment)) for moment in moments],
            }
            for each in series
        ],
        **_scale(answer),
    }


def _bar_chart(panel: BarChart, answer: _Answer) -> dict[str, Any]:
    category = panel.category
    look = answer.look(category)
    return {
        "kind": "barchart",
        "isHorizontal": panel.style == "bars",
        "stacking": "normal" if panel.style == "stacked columns" else "none",
        "names": [look.text(value) for value in answer.result.column(category)],
        "series": [
            {
                "name": answer.look(name).title,
                "colour": answer.look(name).colour,
                "values": [_plain(value) for value in answer.result.column(name)],
            }
            for name in answer.numbers()
            if name != category and not answer.look(name).is_hidden
        ],
        **_scale(answer),
    }


def _bar_gauge(answer: _Answer) -> dict[str, Any]:
    number = answer.numbers()[-1]
    label = next(name for name in answer.result.columns if name != number)
    look = answer.look(number)
    values = answer.result.column(number)
    names = answer.result.column(label)
    return {
        "kind": "bargauge",
        "names": [answer.look(label).text(value) for value in names],
        "values": [_plain(value) for value in values],
        "texts": [look.text(value) for value in values],
        "colours": [look.colour_of(value) or look.colour for value in values],
        **_scale(answer),
    }


def _state_timeline(answer: _Answer) -> dict[str, Any]:
    """Bands: a state lasts until the next row of its series, the last until the range ends."""
    series = _series(answer)
    states: dict[str, str | None] = {}
    bands: list[tuple[int, int, int, int]] = []
    ends_at = answer.time_range.ends_at
    for row, each in enumerate(series):
        look = answer.look(each.name)
        moments = sorted(each.points)
        for moment, until in zip(moments, [*moments[1:], max(ends_at, *moments[-1:])], strict=True):
            value = each.points[moment]
            if value is None:
                continue
            text = look.text(value)
            states.setdefault(text, look.colour_of(value) or look.colour)
            state = list(states).index(text)
            begins, ends = _milliseconds(moment), _milliseconds(until)
            if bands and bands[-1][0] == row and bands[-1][2:] == (begins, state):
                bands[-1] = (row, bands[-1][1], ends, state)
            else:
                bands.append((row, begins, ends, state))
    return {
        "kind": "state-timeline",
        "names": [_title(answer.look(each.name), each.name) for each in series],
        "begins": _milliseconds(answer.time_range.begins_at),
        "ends": _milliseconds(ends_at),
        "bands": bands,
        "states": [{"text": text, "colour": colour} for text, colour in states.items()],
    }


def _heat_map(answer: _Answer) -> dict[str, Any]:
    rows = answer.numbers()
    heard = _moments(answer.result)
    moments = _without_holes(heard, answer.time_range)
    places = {moment: place for place, moment in enumerate(moments)}
    say = _civil_words(moments)
    cells = [
        (places[moment], y, float(value))
        for y, name in enumerate(rows)
        for moment, value in zip(heard, answer.result.column(name), strict=True)
        if value
    ]
    return {
        "kind": "heatmap",
        "columns": [say(moment) for moment in moments],
        "rows": [answer.look(name).title for name in rows],
        "isReversed": True,
        "max": max((cell[2] for cell in cells), default=1),
        "cells": cells,
    }


def _scale(answer: _Answer) -> dict[str, Any]:
    """Of the axis of values."""
    shown = answer.panel.shown
    look = look_of(shown, "", answer.language)
    is_drawn = isinstance(answer.panel, TimeSeries) and answer.panel.draws_thresholds
    return {
        "isShare": look.is_share,
        "unit": look.unit_in_words(),
        "min": shown.minimum,
        "max": shown.maximum,
        "thresholds": [
            {"value": step.value, "colour": step.colour}
            for step in look.steps
            if step.value is not None and is_drawn
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
