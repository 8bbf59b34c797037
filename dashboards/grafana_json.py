"""Dashboards as Grafana takes them: classic JSON, in Chinese, descriptions in both languages.

Each panel's options stand there in full, so that no default of Grafana's decides.
"""

from collections.abc import Sequence
from typing import Final

from dashboards.catalogue import all_dashboards
from dashboards.fields import Column, Shown, Step, Unit, ValueLink, steps
from dashboards.grafana_source import DATASOURCE, Json, QueryFormat, target
from dashboards.layout import Dashboard, DashboardLink, Place, Row
from dashboards.panels import (
    FULL,
    BarChart,
    BarGauge,
    HeatMap,
    Panel,
    Stat,
    StateTimeline,
    Table,
    TimeSeries,
    query_in,
)
from dashboards.variables import Variable
from dashboards.words import Labels
from jieru.i18n import Language
from jieru.vocabulary import Text

__all__ = ["dashboard_json", "grafana_dashboards", "panel_json"]

SCHEMA_VERSION: Final = 42
"""The classic JSON as Grafana has written it since 12.2."""
TAG: Final = "jieru"

_LANGUAGE: Final[Language] = "zh"
_SHOWN: Final = 0
_ON_DASHBOARD_LOAD: Final = 1
_NOT_SORTED: Final = 0


def grafana_dashboards() -> list[Json]:
    """All dashboards, in the order in which a reader goes through them."""
    return [dashboard_json(each) for each in all_dashboards()]


def dashboard_json(dashboard: Dashboard) -> Json:
    """One dashboard."""
    return {
        "annotations": {"list": []},
        "description": _in_a_line(dashboard.description),
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": [_link(each) for each in dashboard.links],
        "panels": [_placed(each) for each in dashboard.places()],
        "preload": False,
        "refresh": dashboard.refresh,
        "schemaVersion": SCHEMA_VERSION,
        "tags": [TAG],
        "templating": {"list": [_variable(each) for each in dashboard.variables]},
        "time": {"from": dashboard.period.start, "to": dashboard.period.end},
        "timepicker": {"hidden": dashboard.period.is_hidden},
        "timezone": "Asia/Shanghai",
        "title": _chinese(dashboard.title),
        "uid": dashboard.uid,
        "weekStart": "monday",
    }


def _chinese(text: Text) -> str:
    return text.spoken_in(_LANGUAGE)


def _in_a_line(text: Text) -> str:
    """Both languages: an English sentence follows the Chinese full stop."""
    return text.zh + text.en


def _link(link: DashboardLink) -> Json:
    query = "&".join(f"${{{name}:queryparam}}" for name in link.variables)
    return {
        "asDropdown": False,
        "icon": "dashboard",
        "includeVars": False,
        "keepTime": False,
        "tags": [],
        "targetBlank": False,
        "title": _chinese(link.title),
        "tooltip": _chinese(link.title),
        "type": "link",
        "url": f"/d/{link.uid}?{query}".rstrip("?"),
    }


def _variable(variable: Variable) -> Json:
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        # A value that the query did not give is not one of the registry's.
        "allowCustomValue": False,
        **({"current": everything} if variable.is_multi else {}),
        "datasource": DATASOURCE,
        "description": _in_a_line(variable.description),
        "hide": _SHOWN,
        "includeAll": variable.is_multi,
        "label": _chinese(variable.label),
        "multi": variable.is_multi,
        "name": variable.name,
        "options": [],
        "query": query_in(variable.sql, _LANGUAGE),
        "refresh": _ON_DASHBOARD_LOAD,
        "regex": "",
        "skipUrlSync": False,
        "sort": _NOT_SORTED,
        "type": "query",
    }


def _placed(place: Place) -> Json:
    if isinstance(place.what, Panel):
        panel = panel_json(place.what)
        width, height = place.what.size
        return {**panel, "gridPos": {"h": height, "w": width, "x": place.x, "y": place.y}}
    return _heading(place.what, place.y)


def _heading(row: Row, y: int) -> Json:
    return {
        "collapsed": False,
        "gridPos": {"h": 1, "w": FULL, "x": 0, "y": y},
        "id": row.number,
        "panels": [],
        "title": _chinese(row.title),
        "type": "row",
    }


# Panels ---------------------------------------------------------------------------------------


def panel_json(panel: Panel) -> Json:
    """One panel, in the corner of its dashboard."""
    kind, options, custom = _of_its_kind(panel)
    width, height = panel.size
    views = "、".join(f"`audit.{name}`" for name in panel.views)
    is_over_time = isinstance(panel, TimeSeries | StateTimeline | HeatMap)
    query_format: QueryFormat = "time_series" if is_over_time else "table"
    document: Json = {
        "datasource": DATASOURCE,
        "description": f"{panel.proof.zh}\n\n{panel.proof.en}\n\n数据来源 Source: {views}",
        "fieldConfig": _field_config(panel.shown, custom),
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "id": panel.number,
        "options": options,
        "targets": [target(query_in(panel.sql, _LANGUAGE), query_format=query_format)],
        "title": _chinese(panel.title),
        "type": kind,
    }
    if isinstance(panel, TimeSeries) and panel.interval is not None:
        document["interval"] = panel.interval
    return document


def _of_its_kind(  # noqa: PLR0911 - a case for each kind
    panel: Panel,
) -> tuple[str, Json, Json]:
    """Grafana's name of a kind of panel, its options, and what only it knows of a field."""
    match panel:
        case Stat():
            return "stat", _stat(panel), {}
        case Table():
            return "table", *_table(panel)
        case TimeSeries():
            return "timeseries", *_time_series(panel)
        case BarChart():
            return "barchart", *_bar_chart(panel)
        case BarGauge():
            return "bargauge", _bar_gauge(), {}
        case StateTimeline():
            return "state-timeline", *_state_timeline()
        case HeatMap():
            return "heatmap", *_heat_map()
        case _:
            raise TypeError(f"a panel of no kind: {panel!r}")


def _stat(panel: Stat) -> Json:
    return {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        # Every column, texts too: Grafana takes numbers only where no field is named.
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
        "showPercentChange": False,
        "textMode": "value_and_name" if panel.has_names else "value",
        "wideLayout": True,
    }


def _table(panel: Table) -> tuple[Json, Json]:
    options: Json = {
        "cellHeight": "sm",
        "enablePagination": panel.page_size is not None,
        "frameIndex": 0,
        "showHeader": True,
        "sortBy": [],
    }
    if panel.page_size is not None:
        options["pageSize"] = panel.page_size
    custom = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": True,
        "inspect": False,
    }
    return options, custom


def _legend(*calcs: str, is_shown: bool = True) -> Json:
    return {
        "calcs": list(calcs),
        "displayMode": "list",
        "placement": "bottom",
        "showLegend": is_shown,
    }


def _time_series(panel: TimeSeries) -> tuple[Json, Json]:
    is_line = panel.style == "lines"
    options = {
        "legend": _legend("max", "lastNotNull"),
        "tooltip": {"hideZeros": False, "mode": "multi", "sort": "desc"},
    }
    custom = {
        "axisPlacement": "auto",
        "axisSoftMin": 0,
        "barAlignment": 0,
        "drawStyle": "line" if is_line else "bars",
        "fillOpacity": 10 if is_line else 70,
        "lineInterpolation": "linear",
        "lineWidth": 2 if is_line else 0,
        "pointSize": 5,
        "showPoints": "auto",
        # A gap is a finding: it stays a gap.
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if panel.style == "stacked bars" else "none"},
        "thresholdsStyle": {"mode": "dashed" if panel.draws_thresholds else "off"},
    }
    return options, custom


def _bar_chart(panel: BarChart) -> tuple[Json, Json]:
    options = {
        "barRadius": 0,
        "barWidth": 0.8,
        "fullHighlight": False,
        "groupWidth": 0.7,
        "legend": _legend(),
        "orientation": "horizontal" if panel.style == "bars" else "vertical",
        "showValue": "auto",
        "stacking": "normal" if panel.style == "stacked columns" else "none",
        "tooltip": {"hideZeros": False, "mode": "multi", "sort": "none"},
        "xField": panel.category,
        "xTickLabelMaxLength": 24,
        "xTickLabelRotation": 0,
        "xTickLabelSpacing": 0,
    }
    custom = {
        "axisPlacement": "auto",
        "axisSoftMin": 0,
        "fillOpacity": 80,
        "gradientMode": "none",
        "lineWidth": 1,
        "thresholdsStyle": {"mode": "off"},
    }
    return options, custom


def _bar_gauge() -> Json:
    return {
        "displayMode": "basic",
        "legend": _legend(is_shown=False),
        "maxVizHeight": 40,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "left",
        "orientation": "horizontal",
        # A gauge for each row, and so not one for each column.
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "limit": 100, "values": True},
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "text",
    }


def _state_timeline() -> tuple[Json, Json]:
    options = {
        "alignValue": "left",
        "legend": _legend(),
        "mergeValues": True,
        "perPage": 20,
        "rowHeight": 0.8,
        "showValue": "never",
        "tooltip": {"hideZeros": False, "mode": "single", "sort": "none"},
    }
    return options, {"fillOpacity": 80, "lineWidth": 0}


def _heat_map() -> tuple[Json, Json]:
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellRadius": 0,
        "cellValues": {"decimals": 0, "unit": "none"},
        "color": {
            "exponent": 0.5,
            "fill": "dark-green",
            "min": 0,
            "mode": "scheme",
            "reverse": False,
            "scale": "linear",
            "scheme": "Greens",
            "steps": 16,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "selectionMode": "x",
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": True, "unit": "none"},
    }
    return options, {"scaleDistribution": {"type": "linear"}}


# Fields ---------------------------------------------------------------------------------------


def _field_config(shown: Shown, custom: Json) -> Json:
    is_judged = shown.thresholds is not None and not shown.has_palette
    color = {"mode": "thresholds" if is_judged else "palette-classic"}
    if shown.colour is not None:
        color = {"fixedColor": shown.colour, "mode": "fixed"}
    optional = {"decimals": shown.decimals, "max": shown.maximum, "min": shown.minimum}
    return {
        "defaults": {
            "color": color,
            "custom": custom,
            **{name: value for name, value in optional.items() if value is not None},
            "mappings": _mappings(shown.words) if shown.words else [],
            "noValue": _chinese(shown.no_value),
            "thresholds": _thresholds(shown.thresholds or steps("green")),
            "unit": _unit(shown.unit),
        },
        "overrides": [_override(each) for each in shown.columns],
    }


def _override(column: Column) -> Json:
    colour, thresholds = column.colour, column.thresholds
    color = {"fixedColor": colour, "mode": "fixed"} if colour else {"mode": "thresholds"}
    properties: Json = {
        "displayName": None if column.title is None else _chinese(column.title),
        "unit": None if column.unit is None else _unit(column.unit),
        "decimals": column.decimals,
        "mappings": None if column.words is None else _mappings(column.words),
        "thresholds": None if thresholds is None else _thresholds(thresholds),
        "color": color if colour or thresholds is not None else None,
        "links": None if column.link is None else [_value_link(column.link)],
        "custom.width": column.width,
        "custom.cellOptions": None if column.cell is None else {"type": column.cell},
        "custom.hideFrom.viz": column.is_hidden or None,
    }
    if column.is_line:
        properties |= {"custom.drawStyle": "line", "custom.fillOpacity": 0, "custom.lineWidth": 2}
    return {
        "matcher": {"id": "byName", "options": column.name},
        "properties": [
            {"id": key, "value": value} for key, value in properties.items() if value is not None
        ],
    }


def _unit(unit: Unit) -> str:
    """Grafana takes any text after `suffix:`."""
    return f"suffix:{_chinese(unit)}" if isinstance(unit, Text) else unit


def _thresholds(higher: Sequence[Step]) -> Json:
    return {
        "mode": "absolute",
        "steps": [{"color": each.colour, "value": each.value} for each in higher],
    }


def _mappings(labels: Labels) -> list[Json]:
    """A value mapping that shows each code as its word, in its colour."""
    options = {
        code: {"color": label.colour, "index": index, "text": _chinese(label.text)}
        for index, (code, label) in enumerate(labels.items())
    }
    return [{"options": options, "type": "value"}]


def _value_link(link: ValueLink) -> Json:
    values = [f"var-{name}=${{{name}:percentencode}}" for name in link.variables]
    values += [
        f"var-{name}=${{__data.fields.{column}:percentencode}}"
        for name, column in link.columns.items()
    ]
    if link.span is not None:
        begins, ends = link.span
        values.append(f"from=${{__data.fields.{begins}.numeric}}")
        values.append(f"to=${{__data.fields.{ends}.numeric}}")
    return {
        "targetBlank": False,
        "title": _chinese(link.title),
        "url": f"/d/{link.uid}?{'&'.join(values)}",
    }
