"""The dashboards are what Grafana's own schema asks for, down to the last key."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana_json import grafana_dashboards
from tests.support.dashboard_invariants import panels_of
from tests.support.grafana_schema import type_errors

Json = dict[str, Any]


def test_every_dashboard_type_checks(tmp_path: Path) -> None:
    """As literals, so that a key the schema does not know is an error."""
    assert type_errors(grafana_dashboards(), tmp_path) == []


def rename(*path: str | int, to: str) -> Callable[[Json], None]:
    """A change that gives the key at the end of a path another name."""

    def change(document: Any) -> None:  # noqa: ANN401 - a path leads through objects and lists
        *outer, key = path
        for each in outer:
            document = document[each]
        document[to] = document.pop(key)

    return change


def put(*path: str | int, value: object) -> Callable[[Json], None]:
    """A change that puts another value at the end of a path."""

    def change(document: Any) -> None:  # noqa: ANN401 - a path leads through objects and lists
        *outer, key = path
        for each in outer:
            document = document[each]
        document[key] = value

    return change


_KINDS = ("stat", "table", "timeseries", "barchart", "bargauge", "heatmap", "state-timeline")
_IN_EVERY_PANEL = {
    "key of a panel": rename("gridPos", to="gridpos"),
    "key of its place": rename("gridPos", "w", to="width"),
    "key of its field configuration": rename("fieldConfig", "defaults", "noValue", to="novalue"),
    "key of a target": rename("targets", 0, "rawSql", to="rawSQL"),
    "colour mode": put("fieldConfig", "defaults", "color", "mode", value="palette"),
    "threshold": put("fieldConfig", "defaults", "thresholds", "steps", 0, "value", value="0"),
    "property of a column": put(
        "fieldConfig",
        "overrides",
        value=[
            {
                "matcher": {"id": "byName", "options": "x"},
                "properties": [{"id": "displayNmae", "value": "平台"}],
            }
        ],
    ),
    "value of such a property": put(
        "fieldConfig",
        "overrides",
        value=[
            {
                "matcher": {"id": "byName", "options": "x"},
                "properties": [{"id": "decimals", "value": "2"}],
            }
        ],
    ),
}
_OPTION_OF = {
    "stat": ("wideLayout", "colorMode"),
    "table": ("enablePagination", "cellHeight"),
    "timeseries": ("tooltip", "legend"),
    "barchart": ("xField", "stacking"),
    "bargauge": ("minVizWidth", "displayMode"),
    "heatmap": ("cellGap", "selectionMode"),
    "state-timeline": ("mergeValues", "showValue"),
}
_CUSTOM_OF = {
    "table": "filterable",
    "timeseries": "spanNulls",
    "barchart": "fillOpacity",
    "heatmap": "scaleDistribution",
    "state-timeline": "lineWidth",
}
_IN_THE_DASHBOARD = {
    "key of the dashboard": rename("schemaVersion", to="schemaVersoin"),
    "key of a variable": rename("templating", "list", 0, "includeAll", to="includeall"),
    "kind of a variable": put("templating", "list", 0, "type", value="querry"),
    "refresh of a variable": put("templating", "list", 0, "refresh", value=7),
    "key of a link": rename("links", 0, "keepTime", to="keeptime"),
    "kind of a panel": put("panels", 1, "type", value="singlestat"),
    "key of a row": rename("panels", 0, "collapsed", to="colapsed"),
    "time range": put("time", "from", value=7),
}


def of_kind(kind: str, change: Callable[[Json], None]) -> Callable[[Json], None]:
    """A change of the first panel of a kind, wherever it is; the rest of its dashboard stays."""

    def changed(dashboard: Json) -> None:
        change(next(panel for panel in panels_of(dashboard) if panel["type"] == kind))

    return changed


def _changes() -> dict[str, tuple[str, Callable[[Json], None]]]:
    """Every mistake, by what is misspelt, with the kind of panel that its dashboard must have."""
    changes = {name: ("stat", change) for name, change in _IN_THE_DASHBOARD.items()}
    for kind in _KINDS:
        misspelt, misvalued = _OPTION_OF[kind]
        mistakes = {
            **_IN_EVERY_PANEL,
            "option": rename("options", misspelt, to=misspelt[:-1]),
            "value of an option": put("options", misvalued, value="nonsense"),
        }
        if kind in _CUSTOM_OF:
            custom = _CUSTOM_OF[kind]
            mistakes["key of its own configuration"] = rename(
                "fieldConfig", "defaults", "custom", custom, to=custom[:-1]
            )
        changes |= {
            f"{kind}: {name}": (kind, of_kind(kind, change)) for name, change in mistakes.items()
        }
    return changes


def test_each_mistake_is_an_error(tmp_path: Path) -> None:
    """Whatever is misspelt, in whichever kind of panel, the compiler sees it; one run sees all."""
    broken = []
    for kind, change in _changes().values():
        dashboard = deepcopy(
            next(
                each
                for each in grafana_dashboards()
                if any(panel["type"] == kind for panel in panels_of(each))
            )
        )
        # Only what is changed and its row: the compiler need not read the rest a hundred times.
        row, *_ = dashboard["panels"]
        first = next(panel for panel in panels_of(dashboard) if panel["type"] == kind)
        dashboard["panels"] = [row, first]
        change(dashboard)
        broken.append(dashboard)
    found = "\n".join(type_errors(broken, tmp_path))
    lines = (tmp_path / "dashboards.ts").read_text(encoding="utf-8").splitlines()
    seen = {
        _dashboard_at(lines, int(each.split("(")[1].split(",")[0])) for each in found.splitlines()
    }
    missed = [name for number, name in enumerate(_changes()) if number not in seen]
    assert missed == []


def _dashboard_at(lines: list[str], number: int) -> int:
    """Which dashboard the line of an error belongs to."""
    for line in reversed(lines[:number]):
        if line.startswith("export const dashboard"):
            return int(line.removeprefix("export const dashboard").split(":")[0])
    pytest.fail("an error outside of every dashboard")
