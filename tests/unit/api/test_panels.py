"""Panels of the dashboards as the console draws them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from api.panels.choices import Chosen, Option, chosen, depends_on, query_of
from api.panels.drawing import ROWS_SHOWN, Drawing, Result, draw
from dashboards.fields import Column, Shown, Unit, ValueLink, steps
from dashboards.grafana_sql import ALL, TimeRange, Value
from dashboards.panels import BarGauge, HeatMap, Panel, Stat, StateTimeline, Table, TimeSeries
from dashboards.variables import Variable
from dashboards.words import Label
from jieru.calendar import SHANGHAI
from jieru.i18n import Language
from jieru.vocabulary import Text

_TITLE: Final = Text("题", "Title")
_PROOF: Final = Text("证明。", "It proves.")


def at(day: int, hour: int = 0) -> datetime:
    """An hour of March 2026 by the city's clock."""
    return datetime(2026, 3, day, hour, tzinfo=SHANGHAI)


_SPAN: Final = TimeRange(at(1), at(6))


def drawn(
    panel: Panel,
    columns: Sequence[str],
    *rows: tuple[Any, ...],
    variables: Mapping[str, Value] | None = None,
    language: Language = "zh",
) -> Drawing:
    """A panel with the rows of its query."""
    return draw(panel, Result(tuple(columns), rows), _SPAN, variables or {}, language)


def texts(drawing: Drawing) -> list[list[str]]:
    """The cells of its table."""
    assert drawing.table is not None
    return [[cell.text for cell in row] for row in drawing.table.rows]


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("locale", 1_234_567, "1,234,567"),
        ("locale", 12.345, "12.35"),
        ("locale", Decimal("7.00"), "7"),
        ("percentunit", 0.1234, "12.3%"),
        ("s", 90, "90 秒"),
        ("bytes", 512, "512.0 B"),
        ("bytes", 11_953_767, "11.4 MiB"),
        (Text("条/秒", "per second"), 37.7, "37.70 条/秒"),
        ("none", at(2, 8), "2026-03-02 08:00:00"),
        ("none", "莆田'厂", "莆田'厂"),
        ("none", None, "—"),
    ],
)
def test_a_value_is_said_in_its_unit(unit: Unit, value: object, text: str) -> None:
    """Whole numbers to the last digit, shares as per cent, instants by the city's clock."""
    panel = Stat(1, _TITLE, _PROOF, "", shown=Shown(unit=unit))
    assert [figure.text for figure in drawn(panel, ["n"], (value,)).figures] == [text]


def test_a_figure_has_the_colour_of_its_word_or_of_its_threshold() -> None:
    """A fixed colour stands for all values."""
    words = Shown(words={"held": Label(Text("暂缓", "Held"), "orange")})
    (figure,) = drawn(Stat(1, _TITLE, _PROOF, "", shown=words), ["o"], ("held",)).figures
    assert (figure.text, figure.colour) == ("暂缓", "orange")
    limits = Shown(thresholds=steps("green", (1, "yellow"), (5, "red")))
    panel = Stat(1, _TITLE, _PROOF, "", shown=limits)
    colours = [drawn(panel, ["n"], (value,)).figures[0].colour for value in (0, 1, 4, 5)]
    assert colours == ["green", "yellow", "yellow", "red"]
    fixed = Stat(1, _TITLE, _PROOF, "", shown=Shown(colour="blue"))
    assert drawn(fixed, ["n"], (3,)).figures[0].colour == "blue"


def test_a_panel_speaks_the_readers_language() -> None:
    """Titles, words, units, and what stands where there is nothing."""
    shown = Shown(
        unit="s",
        no_value=Text("从未", "never"),
        columns=(
            Column("o", Text("结果", "Outcome"), words={"held": Label(Text("暂缓", "Held"))}),
        ),
    )
    panel = Table(1, _TITLE, _PROOF, "", shown=shown)
    drawing = drawn(panel, ["o", "n", "m"], ("held", 5, None), language="en")
    assert drawing.table is not None
    assert drawing.table.heads[0].title == "Outcome"
    assert texts(drawing) == [["Held", "5 s", "never"]]


def test_a_stat_without_a_row_says_so() -> None:
    """In the panel's own words."""
    panel = Stat(1, _TITLE, _PROOF, "", shown=Shown(no_value=Text("尚无核定", "no count yet")))
    drawing = drawn(panel, ["state"])
    assert (drawing.is_empty, drawing.figures[0].text) == (True, "尚无核定")


def test_a_link_goes_to_the_same_dashboard_of_the_console() -> None:
    """With the row's columns and the choices in it, encoded; without where a column is empty."""
    link = ValueLink(_TITLE, "jieru-x", ("year",), {"of": "uscc"}, ("from_ms", "to_ms"))
    hidden = (Column("from_ms", is_hidden=True), Column("to_ms", is_hidden=True))
    columns = (Column("name", Text("企业", "Enterprise"), link=link), *hidden)
    panel = Table(1, _TITLE, _PROOF, "", shown=Shown(columns=columns))
    drawing = drawn(
        panel,
        ["name", "uscc", "from_ms", "to_ms"],
        ("厂", "a&b=${year:raw}", 7, 8),
        ("厂", None, 7, 8),
        variables={"year": "20 26"},
    )
    assert drawing.table is not None
    assert [head.title for head in drawing.table.heads] == ["企业", "uscc"]
    assert [row[0].address for row in drawing.table.rows] == [
        "/panels/jieru-x?var-year=20%2026&var-of=a%26b%3D%24%7Byear%3Araw%7D&from=7&to=8",
        None,
    ]


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    """The page stays one that a browser can show."""
    panel = Table(1, _TITLE, _PROOF, "")
    drawing = drawn(panel, ["n"], *((n,) for n in range(ROWS_SHOWN + 3)))
    assert drawing.table is not None
    assert (len(drawing.table.rows), drawing.table.left_out) == (ROWS_SHOWN, 3)


def test_series_are_told_apart_by_metric_and_named_by_the_fields() -> None:
    """Each moment is a row of the table, the newest first; a hole stays one."""
    shown = Shown(columns=(Column("b", Text("乙", "B"), colour="red"),))
    panel = TimeSeries(1, _TITLE, _PROOF, "", shown=shown)
    rows = [(at(1, 3), "a", 1), (at(1, 3), "b", 2), (at(1, 4), "a", Decimal("3.5"))]
    drawing = drawn(panel, ["time", "metric", "n"], *rows)
    assert drawing.chart is not None
    assert drawing.chart["series"] == [
        {"name": "a", "colour": None, "isLine": False, "values": [1, 3.5]},
        {"name": "乙", "colour": "red", "isLine": False, "values": [2, None]},
    ]
    assert texts(drawing) == [["2026-03-01 04:00", "3.50", "—"], ["2026-03-01 03:00", "1", "2"]]


def test_bars_stand_for_every_day_of_the_span() -> None:
    """A day without evidence is a finding; seconds since the epoch are instants too."""
    panel = TimeSeries(1, _TITLE, _PROOF, "", style="bars")
    epoch = Decimal(int(at(2).timestamp()))
    drawing = drawn(panel, ["time", "n"], (epoch, 5), (at(4), 7))
    assert drawing.chart is not None
    assert drawing.chart["names"] == [f"2026-03-0{day}" for day in range(1, 7)]
    assert drawing.chart["series"][0]["values"] == [None, 5, None, 7, None, None]
    # By the city's clock: what JavaScript takes for UTC is the city's midnight.
    assert drawing.chart["moments"][0] == datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000


def test_the_day_in_which_a_span_begins_is_drawn_too() -> None:
    """Though its midnight lies before the span."""
    panel = HeatMap(1, _TITLE, _PROOF, "")
    span = TimeRange(at(1, 15), at(3, 15))
    result = Result(("time", "00"), [(at(1), 4), (at(3), 5)])
    chart = draw(panel, result, span, {}, "zh").chart
    assert chart is not None
    assert chart["columns"] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert chart["cells"] == [(0, 0, 4.0), (2, 0, 5.0)]


def test_a_chart_without_a_number_is_empty() -> None:
    """Rows that hold nothing are none to a reader."""
    shown = Shown()
    for panel in (TimeSeries(1, _TITLE, _PROOF, ""), BarGauge(1, _TITLE, _PROOF, "", shown=shown)):
        assert drawn(panel, ["time", "n"], (at(1), None)).is_empty


def test_a_state_lasts_until_the_next_one_and_the_last_until_the_span_ends() -> None:
    """The same state day after day is one band."""
    words = {"0": Label(Text("无", "none")), "1": Label(Text("有", "some"), "green")}
    panel = StateTimeline(1, _TITLE, _PROOF, "", shown=Shown(words=words))
    rows = [(at(1), "m1", 1), (at(2), "m1", 1), (at(3), "m1", 0)]
    chart = drawn(panel, ["time", "metric", "state"], *rows).chart
    assert chart is not None
    day = timedelta(days=1) // timedelta(milliseconds=1)
    begins = chart["begins"]
    assert chart["bands"] == [
        (0, begins, begins + 2 * day, 0),
        (0, begins + 2 * day, begins + 5 * day, 1),
    ]
    assert [state["text"] for state in chart["states"]] == ["有", "无"]


def test_a_heat_map_has_a_cell_for_whatever_is_not_nothing() -> None:
    """Days without a row keep their place."""
    panel = HeatMap(1, _TITLE, _PROOF, "")
    chart = drawn(panel, ["time", "00", "01"], (at(1), 0, 3), (at(3), 2, 0)).chart
    assert chart is not None
    assert chart["columns"] == [f"2026-03-0{day}" for day in range(1, 7)]
    assert sorted(chart["cells"]) == [(0, 1, 3.0), (2, 0, 2.0)]
    assert (chart["max"], chart["isReversed"]) == (3.0, True)


def test_a_gauge_is_coloured_by_its_threshold() -> None:
    """And says its figure in words."""
    shown = Shown(unit="percentunit", maximum=1, thresholds=steps("green", (1, "orange")))
    chart = drawn(BarGauge(1, _TITLE, _PROOF, "", shown=shown), ["p", "s"], ("甲", 1.4)).chart
    assert chart is not None
    assert (chart["names"], chart["texts"], chart["colours"], chart["max"]) == (
        ["甲"],
        ["140.0%"],
        ["orange"],
        1,
    )


_OPTIONS: Final = [Option("甲", "a"), Option("乙", "b")]


def _choice(*, many: bool = False) -> Variable:
    sql = "SELECT 1 WHERE x = ${platform:sqlstring}"
    return Variable("enterprise", _TITLE, _PROOF, sql, is_multi=many)


@pytest.mark.parametrize(
    ("asked", "value"), [([], "a"), (["b"], "b"), (["x"], None), (["a' OR 1=1"], None)]
)
def test_one_value_is_chosen_of_those_that_there_are(asked: list[str], value: str | None) -> None:
    """The first where none is asked for; nothing else gets into a query."""
    found = chosen(_choice(), _OPTIONS, asked, is_stale=False)
    assert (found.value if found else None) == value


def test_a_value_that_another_choice_made_stale_gives_way() -> None:
    """Nobody is told that an enterprise does not exist who has just chosen another platform."""
    found = chosen(_choice(), _OPTIONS, ["x"], is_stale=True)
    assert found is not None
    assert found.value == "a"
    assert depends_on(_choice()) == {"platform"}


@pytest.mark.parametrize(
    ("asked", "values", "value"),
    [
        ([], [ALL], ["a", "b"]),
        ([ALL], [ALL], ["a", "b"]),
        (["b", "b"], ["b"], ["b"]),
        (["a", "b"], ["a", "b"], ["a", "b"]),
    ],
)
def test_several_values_may_be_chosen_where_the_dashboard_says_so(
    asked: list[str], values: list[str], value: list[str]
) -> None:
    """None stands for all."""
    found = chosen(_choice(many=True), _OPTIONS, asked, is_stale=False)
    assert found is not None
    assert (found.values, found.value) == (values, value)
    assert chosen(_choice(many=True), _OPTIONS, ["a", "x"], is_stale=False) is None


def test_where_nothing_can_be_chosen_the_value_is_empty() -> None:
    """A dashboard of an empty database still opens."""
    found = chosen(_choice(), [], [], is_stale=False)
    assert found is not None
    assert found.value == ""


def test_choices_are_a_query_as_grafana_writes_it() -> None:
    """So that an address of the one is nearly one of the other."""
    one = Chosen("year", _TITLE, [], ["2026"], is_multi=False)
    many = Chosen("platform", _TITLE, [], ["a", "b&c"], is_multi=True)
    assert query_of([one, many], {"from": "now-7d", "to": "now"}) == (
        "var-year=2026&var-platform=a&var-platform=b%26c&from=now-7d&to=now"
    )
