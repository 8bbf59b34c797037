"""The kinds of panels, each with its options in full, so that no default of Grafana's decides.

A panel's number is its id for good: addresses of single panels and alert rules hold it. Its place
comes from the layout.
"""

from typing import Final, Literal, NamedTuple

from dashboards.fields import field_config
from dashboards.queries import DATASOURCE, Json, target, views_read

__all__ = [
    "FULL",
    "HALF",
    "Proof",
    "bar_chart",
    "bar_gauge",
    "heatmap",
    "stat",
    "state_timeline",
    "table",
    "time_series",
]

FULL: Final = 24
"""Columns of Grafana's grid."""
HALF: Final = 12

_STAT_HEIGHT: Final = 4
_CHART_HEIGHT: Final = 9


class Proof(NamedTuple):
    """What a panel proves, for a reader of either language."""

    zh: str
    en: str


def _panel(
    kind: str,
    number: int,
    title: str,
    proof: Proof,
    target_: Json,
    field: Json,
    options: Json,
    size: tuple[int, int],
) -> Json:
    width, height = size
    views = "、".join(f"`audit.{name}`" for name in views_read(target_["rawSql"]))
    return {
        "datasource": DATASOURCE,
        "description": f"{proof.zh}\n\n{proof.en}\n\n数据来源 Source: {views}",
        "fieldConfig": field,
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "id": number,
        "options": options,
        "targets": [target_],
        "title": title,
        "type": kind,
    }


def _with_custom(field: Json | None, custom: Json) -> Json:
    """The panel's field configuration, or the plain one, with what its kind needs in it."""
    field = field or field_config()
    defaults = field["defaults"]
    return {**field, "defaults": {**defaults, "custom": {**custom, **defaults["custom"]}}}


def stat(
    number: int,
    title: str,
    proof: Proof,
    sql: str,
    *,
    field: Json | None = None,
    width: int = 4,
    has_names: bool = False,
) -> Json:
    """One figure, or one for each column of the only row."""
    field = field or field_config()
    options = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        # Every column, texts too: Grafana takes numbers only where no field is named.
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
        "showPercentChange": False,
        "textMode": "value_and_name" if has_names else "value",
        "wideLayout": True,
    }
    return _panel("stat", number, title, proof, target(sql), field, options, (width, _STAT_HEIGHT))


def table(
    number: int,
    title: str,
    proof: Proof,
    sql: str,
    *,
    field: Json | None = None,
    size: tuple[int, int] = (FULL, 10),
    page_size: int | None = None,
) -> Json:
    """Rows as they are; a header sorts them, and filters where the reader clicks on it."""
    custom = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": True,
        "inspect": False,
    }
    options: Json = {
        "cellHeight": "sm",
        "enablePagination": page_size is not None,
        "frameIndex": 0,
        "showHeader": True,
        "sortBy": [],
    }
    if page_size is not None:
        options["pageSize"] = page_size
    return _panel(
        "table", number, title, proof, target(sql), _with_custom(field, custom), options, size
    )


def _legend(*calcs: str, is_shown: bool = True) -> Json:
    return {
        "calcs": list(calcs),
        "displayMode": "list",
        "placement": "bottom",
        "showLegend": is_shown,
    }


def time_series(
    number: int,
    title: str,
    proof: Proof,
    sql: str,
    *,
    field: Json | None = None,
    size: tuple[int, int] = (HALF, _CHART_HEIGHT),
    style: Literal["lines", "bars", "stacked bars"] = "lines",
    interval: str | None = None,
) -> Json:
    """Lines or bars over time; thresholds of the field are drawn as dashed lines.

    Args:
        number: the panel's id.
        title: in Chinese.
        proof: what it proves.
        sql: `time`, a text `metric` where there are several series, and numbers.
        field: how values are shown.
        size: width and height.
        style: lines, or bars for what belongs to a span of time.
        interval: the finest `$__interval` that makes sense.
    """
    field = field or field_config()
    is_line = style == "lines"
    has_thresholds = len(field["defaults"]["thresholds"]["steps"]) > 1
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
        "stacking": {"group": "A", "mode": "normal" if style == "stacked bars" else "none"},
        "thresholdsStyle": {"mode": "dashed" if has_thresholds else "off"},
    }
    options = {
        "legend": _legend("max", "lastNotNull"),
        "tooltip": {"hideZeros": False, "mode": "multi", "sort": "desc"},
    }
    target_ = target(sql, query_format="time_series")
    panel = _panel(
        "timeseries", number, title, proof, target_, _with_custom(field, custom), options, size
    )
    return panel if interval is None else {**panel, "interval": interval}


def bar_chart(
    number: int,
    title: str,
    proof: Proof,
    sql: str,
    *,
    category: str,
    field: Json | None = None,
    size: tuple[int, int] = (HALF, _CHART_HEIGHT),
    style: Literal["columns", "stacked columns", "bars"] = "columns",
) -> Json:
    """Bars by category: one for each numeric column of a row.

    Args:
        number: the panel's id.
        title: in Chinese.
        proof: what it proves.
        sql: a row for each category.
        category: the column that names it.
        field: how values are shown.
        size: width and height.
        style: upright columns, beside or on one another; or lying bars, for long names.
    """
    custom = {
        "axisPlacement": "auto",
        "axisSoftMin": 0,
        "fillOpacity": 80,
        "gradientMode": "none",
        "lineWidth": 1,
        "thresholdsStyle": {"mode": "off"},
    }
    options = {
        "barRadius": 0,
        "barWidth": 0.8,
        "fullHighlight": False,
        "groupWidth": 0.7,
        "legend": _legend(),
        "orientation": "horizontal" if style == "bars" else "vertical",
        "showValue": "auto",
        "stacking": "normal" if style == "stacked columns" else "none",
        "tooltip": {"hideZeros": False, "mode": "multi", "sort": "none"},
        "xField": category,
        "xTickLabelMaxLength": 24,
        "xTickLabelRotation": 0,
        "xTickLabelSpacing": 0,
    }
    return _panel(
        "barchart", number, title, proof, target(sql), _with_custom(field, custom), options, size
    )


def bar_gauge(
    number: int,
    title: str,
    proof: Proof,
    sql: str,
    *,
    field: Json,
    size: tuple[int, int] = (HALF, _CHART_HEIGHT),
) -> Json:
    """A horizontal gauge for each row, filled up to the maximum of the field: a text, a number."""
    options = {
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
    return _panel("bargauge", number, title, proof, target(sql), field, options, size)


def state_timeline(
    number: int,
    title: str,
    proof: Proof,
    sql: str,
    *,
    field: Json,
    size: tuple[int, int] = (FULL, 10),
) -> Json:
    """A band for each series, its colour the state: `time`, `metric`, a number that has a word."""
    custom = {"fillOpacity": 80, "lineWidth": 0}
    options = {
        "alignValue": "left",
        "legend": _legend(),
        "mergeValues": True,
        "perPage": 20,
        "rowHeight": 0.8,
        "showValue": "never",
        "tooltip": {"hideZeros": False, "mode": "single", "sort": "none"},
    }
    target_ = target(sql, query_format="time_series")
    return _panel(
        "state-timeline", number, title, proof, target_, _with_custom(field, custom), options, size
    )


def heatmap(
    number: int,
    title: str,
    proof: Proof,
    sql: str,
    *,
    maximum: int | None = None,
    size: tuple[int, int] = (FULL, 12),
) -> Json:
    """A cell for each time and row: `time`, then a numeric column for each row, lowest first."""
    color: Json = {
        "exponent": 0.5,
        "fill": "dark-green",
        "min": 0,
        "mode": "scheme",
        "reverse": False,
        "scale": "linear",
        "scheme": "Greens",
        "steps": 16,
    }
    if maximum is not None:
        color["max"] = maximum
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellRadius": 0,
        "cellValues": {"decimals": 0, "unit": "none"},
        "color": color,
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "selectionMode": "x",
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": True, "unit": "none"},
    }
    target_ = target(sql, query_format="time_series")
    custom = {"scaleDistribution": {"type": "linear"}}
    return _panel(
        "heatmap", number, title, proof, target_, _with_custom(None, custom), options, size
    )
