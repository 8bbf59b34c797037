"""Every rule of the dashboards holds, and every rule would notice."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from dashboards.grafana_json import grafana_dashboards
from tests.support import dashboard_invariants as rules
from tests.support.dashboard_invariants import INVARIANTS, Dashboards, panels_of

Json = dict[str, Any]
Rule = Callable[[Dashboards], Any]


@pytest.mark.parametrize("rule", INVARIANTS, ids=lambda rule: rule.__name__)
def test_holds_for_every_dashboard(rule: Rule) -> None:
    """Nothing is found."""
    assert list(rule(grafana_dashboards())) == []


def test_building_again_gives_the_same() -> None:
    """Nothing of one call leaks into the next."""
    first = grafana_dashboards()
    first[0]["panels"].clear()
    assert grafana_dashboards() == grafana_dashboards()
    assert grafana_dashboards() != first


def _set(key: str, value: object) -> Callable[[Json], None]:
    return lambda document: document.__setitem__(key, value)


def _first_panel(change: Callable[[Json], None]) -> Callable[[list[Json]], None]:
    return lambda dashboards: change(panels_of(dashboards[0])[0])


def _first_query(text: str) -> Callable[[list[Json]], None]:
    return _first_panel(lambda panel: panel["targets"][0].__setitem__("rawSql", text))


def _first_variable(change: Callable[[Json], None]) -> Callable[[list[Json]], None]:
    return lambda dashboards: change(dashboards[0]["templating"]["list"][0])


def _last_variable(dashboards: list[Json]) -> list[Json]:
    found: list[Json] = dashboards[0]["templating"]["list"]
    return found


def _first_link(url: str) -> Callable[[list[Json]], None]:
    return lambda dashboards: dashboards[0]["links"][0].__setitem__("url", url)


def _override(key: str, value: object) -> Callable[[list[Json]], None]:
    """Give the first column of the first panel that has any another property."""

    def change(dashboards: list[Json]) -> None:
        panel = next(each for each in panels_of(dashboards[0]) if each["fieldConfig"]["overrides"])
        panel["fieldConfig"]["overrides"][0]["properties"] = [{"id": key, "value": value}]

    return change


def _rename_column(dashboards: list[Json]) -> None:
    panel = next(each for each in panels_of(dashboards[0]) if each["fieldConfig"]["overrides"])
    panel["fieldConfig"]["overrides"][0]["matcher"]["options"] = "nmae"


_BREAKS: list[tuple[Rule, Callable[[list[Json]], None]]] = [
    (rules.uids_are_unique, lambda all_: all_.append(deepcopy(all_[0]))),
    (rules.uids_are_unique, lambda all_: all_[0].update(uid="x" * 41)),
    (rules.panels_have_ids_of_their_own, _first_panel(_set("id", 100))),
    (rules.every_datasource_is_ours, _first_panel(_set("datasource", {"uid": "other"}))),
    (
        rules.every_datasource_is_ours,
        _first_panel(lambda panel: panel["targets"][0].update(datasource=None)),
    ),
    (rules.every_datasource_is_ours, _first_variable(_set("datasource", {"uid": "other"}))),
    (rules.panels_do_not_overlap, _first_panel(_set("gridPos", {"x": 4, "y": 1, "w": 4, "h": 4}))),
    (
        rules.panels_do_not_overlap,
        _first_panel(_set("gridPos", {"x": 22, "y": 90, "w": 4, "h": 4})),
    ),
    (
        rules.every_variable_is_defined,
        _first_query("SELECT 1 FROM audit.counts WHERE ${yaer:sqlstring}"),
    ),
    (rules.every_variable_is_defined, _first_query("SELECT 1 FROM audit.counts WHERE ${year}")),
    (rules.every_variable_is_defined, _first_query("SELECT 1 FROM audit.counts WHERE ${year:raw}")),
    (rules.every_variable_is_defined, _first_query("SELECT 1 FROM audit.counts WHERE $year")),
    (rules.every_variable_is_defined, _first_query("SELECT $__timeFitler(x) FROM audit.counts")),
    (
        rules.every_variable_is_used,
        lambda all_: _last_variable(all_).append({**_last_variable(all_)[0], "name": "district"}),
    ),
    (rules.every_variable_is_used, lambda all_: _last_variable(all_).reverse()),
    (rules.every_panel_is_described, _first_panel(lambda panel: panel.pop("description"))),
    (rules.every_panel_is_described, _first_panel(_set("description", "只有中文 `audit.counts`"))),
    (rules.every_panel_is_described, _first_panel(_set("description", "证明。It proves it all."))),
    (rules.titles_are_chinese, _first_panel(_set("title", "State"))),
    (rules.titles_are_chinese, _override("displayName", "Platform")),
    (rules.titles_are_chinese, _first_variable(_set("label", "Year"))),
    (rules.queries_read_views_only, _first_query("SELECT state FROM counts")),
    (
        rules.queries_read_views_only,
        _first_query("SELECT 1 FROM audit.counts JOIN public.users ON true"),
    ),
    (rules.queries_read_views_only, _first_query("SELECT 1 FROM audit.counts; DROP TABLE counts")),
    (rules.queries_read_views_only, _first_query("SELECT 1")),
    (rules.queries_read_views_only, _first_variable(_set("query", "DELETE FROM audit.counts"))),
    (rules.links_lead_somewhere, _first_link("/d/jieru-nowhere")),
    (rules.links_lead_somewhere, _first_link("/d/jieru-platform?${device:queryparam}")),
    (rules.links_lead_somewhere, _first_link("/d/jieru-enterprise?${device:queryparam}")),
    (rules.links_lead_somewhere, _first_link("/d/jieru-platform?yaer=${year:percentencode}")),
    (
        rules.links_lead_somewhere,
        _override(
            "links", [{"url": "/d/jieru-platform?var-platform=${__data.fields.code:percentencode}"}]
        ),
    ),
    (rules.columns_are_there, _rename_column),
    (rules.units_are_known, _override("unit", "yuan")),
    (
        rules.units_are_known,
        _first_panel(lambda panel: panel["fieldConfig"]["defaults"].update(unit="x")),
    ),
    (rules.nothing_is_edited_in_place, lambda all_: all_[0].update(editable=True)),
    (rules.nothing_is_edited_in_place, lambda all_: all_[0].update(refresh="5s")),
    (rules.nothing_is_edited_in_place, lambda all_: all_[0].update(timezone="browser")),
]


@pytest.mark.parametrize(
    ("rule", "break_"), _BREAKS, ids=[f"{rule.__name__}-{n}" for n, (rule, _) in enumerate(_BREAKS)]
)
def test_a_broken_rule_is_noticed(rule: Rule, break_: Callable[[list[Json]], None]) -> None:
    """Each rule finds what it is there for."""
    dashboards = deepcopy(grafana_dashboards())
    break_(dashboards)
    assert list(rule(dashboards))


def test_every_rule_was_broken_once() -> None:
    """No rule is without a proof that it can fail."""
    assert {rule for rule, _ in _BREAKS} == set(INVARIANTS)
