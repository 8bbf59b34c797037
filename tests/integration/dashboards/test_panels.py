"""Every panel and every variable, read by the auditors' role, against what the verifier says.

The same year is on TimescaleDB and on the embedded server. A reader's transaction stays open, so
that `now()` is one moment for all that is compared.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg
import pytest

from dashboards.grafana_json import grafana_dashboards
from dashboards.grafana_sql import ALL, TimeRange
from jieru.auditor.fence import ROLE, fence_in
from jieru.database import connect
from jieru.schema import migrate
from tests.integration.dashboards.expected_enterprise import ENTERPRISE
from tests.integration.dashboards.expected_integrity import INTEGRITY
from tests.integration.dashboards.expected_operations import OPERATIONS
from tests.integration.dashboards.expected_overview import OVERVIEW
from tests.integration.dashboards.expected_platform import PLATFORM
from tests.integration.dashboards.expected_signature import SIGNATURE
from tests.integration.dashboards.expected_trust import TRUST
from tests.integration.dashboards.truth import Asked, Expectation, Truth, midnight
from tests.support.audited_city import HANDED_OVER, LATE, WAIVED, build_audited_city
from tests.support.auditors import AUDITOR_PASSWORD, auditor_address
from tests.support.grafana_reader import Given, GrafanaReader, panels_of, sql_of
from tests.support.registry_files import uscc_of
from tests.support.small_city import HELD, PENDING

Json: TypeAlias = Mapping[str, Any]
Kinds: TypeAlias = Mapping[str, str]
"""PostgreSQL's name of the type of each column."""

_DASHBOARDS: Final = {each["uid"]: each for each in grafana_dashboards()}
_EXPECTED: Final[Mapping[str, Mapping[int, Expectation]]] = {
    "jieru-overview": {**SIGNATURE, **OVERVIEW},
    "jieru-platform": {**SIGNATURE, **PLATFORM},
    "jieru-enterprise": {**SIGNATURE, **ENTERPRISE},
    "jieru-integrity": {**SIGNATURE, **INTEGRITY},
    "jieru-trust": TRUST,
    "jieru-operations": OPERATIONS,
}
_MINUTE: Final = timedelta(minutes=1)
_NEVER_ENDING: Final = "SET LOCAL idle_in_transaction_session_timeout = 0"
_FAR_AWAY: Final = "SET LOCAL TimeZone = 'America/Los_Angeles'"
_VACUUM: Final = "VACUUM (ANALYZE)"

_NUMBERS: Final = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric"})
_TIMES: Final = _NUMBERS | {"timestamptz"}
_SHOWN: Final = _NUMBERS | {"timestamptz", "text", "bool"}
_NUMBERS_OR_DATES: Final = frozenset({"year", "month"})
"""Variables whose values are cast."""
_FIELD: Final = re.compile(r"\$\{__data\.fields\.(\w+)")
_QUOTED: Final = "x' OR 'a'='a\"; --"
_YEAR_AND_MORE: Final = TimeRange(midnight(date(2026, 1, 1)), midnight(date(2027, 3, 31)))
_TWO_YEARS: Final = TimeRange(midnight(date(2025, 1, 1)), midnight(date(2027, 6, 1)))


@dataclass(frozen=True, slots=True)
class City:
    """One database, read by an auditor and by us."""

    reader: GrafanaReader
    truth: Truth


class Scenario(NamedTuple):
    """What a reader has chosen on one dashboard."""

    uid: str
    chosen: Mapping[str, str | Sequence[str]]
    span: TimeRange | None = None
    """None: as the dashboard opens."""
    interval: timedelta = _MINUTE

    @property
    def name(self) -> str:
        """For the name of the test."""
        said = " ".join(f"{name}={value}" for name, value in self.chosen.items())
        return f"{self.uid} {said}".strip()


_XIELIAN: Final = {"year": "2026", "platform": "xielian"}


def _enterprise(number: int, *, stage: str = "draft", **more: str | Sequence[str]) -> Scenario:
    chosen = {**_XIELIAN, "stage": stage, "enterprise": uscc_of(number), **more}
    return Scenario("jieru-enterprise", chosen, _YEAR_AND_MORE)


_SCENARIOS: Final = (
    *(Scenario(uid, {}) for uid in _EXPECTED),
    Scenario("jieru-overview", {"year": "2026", "stage": "draft", "platform": [ALL]}),
    Scenario("jieru-overview", {"year": "2026", "stage": "draft", "platform": ["guolian"]}),
    Scenario("jieru-overview", {"year": "2026", "platform": ["guolian", "xielian"]}),
    Scenario("jieru-overview", {"year": "2025", "stage": "standing"}),
    Scenario("jieru-overview", {"year": "2027"}),
    Scenario("jieru-platform", {**_XIELIAN, "stage": "draft"}),
    Scenario("jieru-platform", {**_XIELIAN, "stage": "standing"}, _TWO_YEARS),
    Scenario("jieru-platform", {"year": "2025", "stage": "standing", "platform": "xielian"}),
    Scenario("jieru-platform", {"year": "2027", "platform": "wuming"}),
    _enterprise(1),
    _enterprise(5, stage="standing"),
    _enterprise(5, stage="standing", year="2025"),
    _enterprise(6),
    _enterprise(5, device=[HANDED_OVER]),
    _enterprise(LATE, device=[f"m{LATE}-0", f"m{LATE}-2"]),
    _enterprise(WAIVED),
    _enterprise(HELD),
    _enterprise(PENDING),
    Scenario(
        "jieru-enterprise",
        {"year": "2027", "platform": "xielian", "enterprise": uscc_of(PENDING)},
        _YEAR_AND_MORE,
    ),
    Scenario("jieru-integrity", {"year": "2026", "stage": "draft", "month": "2026-05"}, _TWO_YEARS),
    Scenario("jieru-integrity", {"year": "2026", "platform": ["guolian"], "month": "2026-08"}),
    Scenario("jieru-integrity", {"year": "2025", "month": "2025-10"}),
    Scenario("jieru-trust", {"platform": ["guolian"]}),
    Scenario("jieru-operations", {"ingester": ["ingest-2"]}, interval=timedelta(minutes=5)),
)


@pytest.fixture(scope="module", params=["timescale_server", "embedded_server"])
def city(request: pytest.FixtureRequest) -> Iterator[City]:
    """The audited city, with a reader who logged in as auditors do."""
    with request.getfixturevalue(request.param).database() as url:
        migrate(url)
        with connect(url) as connection:
            build_audited_city(connection)
        with connect(url, autocommit=True) as owner:
            fence_in(owner, passwords={ROLE: AUDITOR_PASSWORD})
            owner.execute(_VACUUM)  # so that no size changes while it is compared
            with connect(auditor_address(url)) as auditor:
                auditor.execute(_NEVER_ENDING)
                auditor.execute(_FAR_AWAY)  # no day may depend on the session's time zone
                (now,) = auditor.execute("SELECT now()").fetchone() or (datetime.now(UTC),)
                yield City(GrafanaReader(auditor, now), Truth(owner, now))


def test_every_panel_has_something_to_be_compared_with() -> None:
    """A new panel fails here until somebody has said what it must show."""
    panels = {uid: {each["id"] for each in panels_of(_DASHBOARDS[uid])} for uid in _DASHBOARDS}
    assert panels == {uid: set(found) for uid, found in _EXPECTED.items()}


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=[each.name for each in _SCENARIOS])
def test_panels_show_what_the_verifier_says(city: City, scenario: Scenario) -> None:
    """Row for row, whoever looks at what."""
    dashboard = _DASHBOARDS[scenario.uid]
    span = scenario.span or city.reader.span_of(dashboard)
    reader = replace(city.reader, interval=scenario.interval)
    values = reader.values(dashboard, scenario.chosen, span)
    asked = Asked(values, span, scenario.interval)
    disagreements = {}
    for panel in panels_of(dashboard):
        given = reader.given(sql_of(panel), values, span)
        expected = _EXPECTED[scenario.uid][panel["id"]](city.truth, asked)
        if _plain(given.rows) != _plain(expected):
            disagreements[panel["id"], panel["title"]] = _differences(given.rows, expected)
    assert disagreements == {}


@pytest.mark.parametrize("uid", _EXPECTED)
def test_every_panel_is_compared_with_something(city: City, uid: str) -> None:
    """Two empty tables agree too: so each panel has rows, and figures, for some reader."""
    shown = set()
    for scenario in (each for each in _SCENARIOS if each.uid == uid):
        span = scenario.span or city.reader.span_of(_DASHBOARDS[uid])
        values = city.reader.values(_DASHBOARDS[uid], scenario.chosen, span)
        asked = Asked(values, span, scenario.interval)
        for number, expected in _EXPECTED[uid].items():
            if any(value is not None for row in expected(city.truth, asked) for value in row):
                shown.add(number)
    assert shown == _EXPECTED[uid].keys()


@pytest.mark.parametrize("uid", _EXPECTED)
def test_panels_give_what_their_kind_draws(city: City, uid: str) -> None:
    """Columns, types and order; and every column that the panel or a link names is there."""
    dashboard = _DASHBOARDS[uid]
    span = city.reader.span_of(dashboard)
    values = city.reader.values(dashboard, {}, span)
    for panel in panels_of(dashboard):
        _require_shape(panel, city.reader.given(sql_of(panel), values, span))


@pytest.mark.parametrize(
    ("uid", "name"),
    [(uid, each["name"]) for uid in _EXPECTED for each in _DASHBOARDS[uid]["templating"]["list"]],
)
def test_whatever_a_variable_is_worth_all_panels_can_be_asked(
    city: City, uid: str, name: str
) -> None:
    """All, one, several; and what nobody offers is a value that nothing has, never SQL."""
    dashboard = _DASHBOARDS[uid]
    span = city.reader.span_of(dashboard)
    variable = next(each for each in dashboard["templating"]["list"] if each["name"] == name)
    given = city.reader.given(variable["query"], city.reader.values(dashboard, {}, span), span)
    assert given.columns == ("__text", "__value")
    assert set(given.types) <= {"text"}
    options = given.column("__value")
    assert len(set(given.column("__text"))) == len(options)
    for chosen in _choices(options, is_multi=variable["multi"]):
        _ask_everything(city.reader, dashboard, {name: chosen}, span)
    hostile = [_QUOTED] if variable["multi"] else _QUOTED
    if name in _NUMBERS_OR_DATES:
        with pytest.raises(psycopg.DataError):
            _ask_everything(city.reader, dashboard, {name: hostile}, span)
    else:
        _ask_everything(city.reader, dashboard, {name: hostile}, span)


def _choices(options: list[str], *, is_multi: bool) -> list[str | Sequence[str]]:
    if is_multi:
        return [[ALL], options[:1], options[:2]]
    return [*options[:1], *options[-1:]]


def _ask_everything(reader: GrafanaReader, dashboard: Json, chosen: Json, span: TimeRange) -> None:
    values = reader.values(dashboard, chosen, span)
    for panel in panels_of(dashboard):
        reader.given(sql_of(panel), values, span)


def _plain(rows: Sequence[Sequence[object]]) -> list[tuple[object, ...]]:
    """Rows whose numbers are equal where they differ by the last digits of a float only."""
    return [tuple(_plain_value(value) for value in row) for row in rows]


def _plain_value(value: object) -> object:
    return round(float(value), 6) if isinstance(value, float | Decimal) else value


def _differences(given: Sequence[object], expected: Sequence[object]) -> str:
    """What a person needs to see of two lists that differ."""
    places = [
        at for at, pair in enumerate(zip(given, expected, strict=False)) if pair[0] != pair[1]
    ]
    at = places[0] if places else min(len(given), len(expected))
    said = f"{len(given)} rows, expected {len(expected)}; first difference in row {at}: "
    return f"{said}{given[at : at + 2]}, expected {expected[at : at + 2]}"


def _require_shape(panel: Json, given: Given) -> None:
    named = f"{panel['id']} {panel['title']}"
    kinds = dict(zip(given.columns, given.types, strict=True))
    assert set(kinds.values()) <= _SHOWN, named
    assert len(kinds) == len(given.columns), named
    overridden = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
    if panel["targets"][0]["format"] == "time_series":
        assert kinds["time"] in _TIMES, named
        assert kinds.get("metric", "text") == "text", named
        assert _numbers(kinds) == kinds.keys() - {"time", "metric"}, named
        assert overridden <= kinds.keys() or "metric" in kinds, named
        times = given.column("time")
        assert None not in times, named
        assert times == sorted(times), named
    else:
        assert overridden <= kinds.keys(), named
    assert set(_FIELD.findall(str(panel["fieldConfig"]))) <= kinds.keys(), named
    _SHAPES[panel["type"]](panel, kinds, given)


def _require_stat(_panel: Json, kinds: Kinds, given: Given) -> None:
    assert len(given.rows) <= 1
    assert set(kinds.values()) <= _NUMBERS | {"text"}


def _require_bars(panel: Json, kinds: Kinds, _given: Given) -> None:
    assert kinds[panel["options"]["xField"]] == "text"
    assert _numbers(kinds)


def _require_gauges(_panel: Json, kinds: Kinds, _given: Given) -> None:
    assert sorted(each in _NUMBERS for each in kinds.values()) == [False, True]


def _require_states(panel: Json, kinds: Kinds, given: Given) -> None:
    (state,) = _numbers(kinds)
    assert "metric" in kinds
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert {str(each) for each in given.column(state)} <= words.keys()


def _require_cells(_panel: Json, kinds: Kinds, _given: Given) -> None:
    assert list(kinds) == ["time", *sorted(_numbers(kinds))]


def _require_series(_panel: Json, kinds: Kinds, _given: Given) -> None:
    assert _numbers(kinds)


def _numbers(kinds: Kinds) -> set[str]:
    return {name for name, kind in kinds.items() if kind in _NUMBERS and name != "time"}


_SHAPES: Final = {
    "stat": _require_stat,
    "table": lambda *_any: None,
    "timeseries": _require_series,
    "barchart": _require_bars,
    "bargauge": _require_gauges,
    "state-timeline": _require_states,
    "heatmap": _require_cells,
}
