"""The dashboards as pages: what auditors without Grafana look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.datastructures import QueryParams

from api.access.gate import GatedRoute
from api.console.visit import CurrentVisit, Visit
from api.panels.choices import (
    PERIODS,
    Chosen,
    Option,
    chosen,
    depends_on,
    parameter_of,
    query_of,
)
from api.panels.drawing import Result, draw
from api.panels.source import TIMEOUT_S, CurrentPanels, PanelSource
from api.web.instants import instant
from api.web.problems import Kind, Problem
from dashboards.grafana_sql import TimeRange, Value
from dashboards.grafana_time import time_range
from dashboards.layout import Dashboard
from dashboards.panels import Panel, query_in
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)


_PERIOD_WORDS: Final = {
    "now-6h": _("last 6 hours"),
    "now-24h": _("last 24 hours"),
    "now-7d": _("last 7 days"),
    "now-30d": _("last 30 days"),
    "now-90d": _("last 90 days"),
    "now-120d": _("last 120 days"),
    "now-1y": _("last year"),
    "now-2y": _("last two years"),
}
_NOW: Final = "now"
_PERIOD: Final = "period"
_WAS: Final = "was-"
"""Before a parameter: what it was when the form was shown."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A dashboard, and all that is chosen above it."""

    dashboard: Dashboard
    choices: Sequence[Chosen]
    period: Mapping[str, str]
    time_range: TimeRange

    @property
    def variables(self) -> dict[str, Value]:
        return {each.name: each.value for each in self.choices}

    @property
    def query(self) -> str:
        return query_of(self.choices, self.period)


@router.get("/panels")
def show_first_dashboard(visit: CurrentVisit, source: CurrentPanels) -> HTMLResponse:
    """The overview."""
    return show_dashboard(visit, source, next(iter(source.dashboards)))


@router.get("/panels/{dashboard}")
def show_dashboard(visit: CurrentVisit, source: CurrentPanels, dashboard: str) -> HTMLResponse:
    """A dashboard: its choices at once, its panels one by one."""
    asked = _asked(visit, source, dashboard)
    return visit.render(
        "panels/dashboard.html",
        {
            **_shared_values(source, asked),
            "periods": _periods(visit, asked),
        },
    )


@router.get("/panels/{dashboard}/{panel}")
def show_panel(
    visit: CurrentVisit, source: CurrentPanels, dashboard: str, panel: int
) -> HTMLResponse:
    """One panel, for htmx as a part of its dashboard."""
    asked = _asked(visit, source, dashboard)
    found = next((each for each in asked.dashboard.panels if each.number == panel), None)
    if found is None:
        raise Problem(Kind.NOT_FOUND)
    try:
        sql = query_in(found.sql, visit.language)
        result = source.result(sql, asked.variables, asked.time_range)
    except psycopg.errors.QueryCanceled:
        drawing = None
    else:
        drawing = draw(found, result, asked.time_range, asked.variables, visit.language)
    is_part = "hx-request" in visit.request.headers
    values = {
        **_shared_values(source, asked),
        "panel": found,
        "sources": _sources(found),
        "drawing": drawing,
        "locale": "ZH" if visit.language == "zh" else "EN",
        "timeout_s": TIMEOUT_S,
    }
    return visit.render("panels/part.html" if is_part else "panels/panel.html", values)


def _asked(visit: Visit, source: PanelSource, uid: str) -> _Asked:
    """What an address names.

    Raises:
        Problem: there is no such dashboard or value, or the span of time is none.
    """
    dashboard = source.dashboards.get(uid)
    if dashboard is None:
        raise Problem(Kind.NOT_FOUND)
    query = visit.request.query_params
    period = {"from": dashboard.period.start, "to": dashboard.period.end}
    if not dashboard.period.is_hidden:
        period = _period(query, period)
    try:
        span = time_range(period["from"], period["to"], _minute(visit.now))
    except (ValueError, OverflowError):
        raise Problem(Kind.INVALID_REQUEST, _("This is not a span of time.")) from None
    choices: list[Chosen] = []
    changed: set[str] = set()
    for variable in dashboard.variables:
        values = {each.name: each.value for each in choices}
        found = chosen(
            variable,
            _options(source.result(query_in(variable.sql, visit.language), values, span)),
            query.getlist(parameter_of(variable.name)),
            is_stale=not changed.isdisjoint(depends_on(variable)),
        )
        if found is None:
            raise Problem(
                Kind.NOT_FOUND,
                _("The choice “{label}” has no such value here."),
                label=variable.label.spoken_in(visit.language),
            )
        choices.append(found)
        before = query.getlist(_WAS + found.parameter)
        if before and before != list(found.values):
            changed.add(found.name)
    return _Asked(dashboard, choices, period, span)


def _period(query: QueryParams, usual: Mapping[str, str]) -> dict[str, str]:
    """Of the form, which sends both ends as one, or of a link as Grafana writes it."""
    begins, comma, ends = query.get(_PERIOD, "").partition(",")
    if comma:
        return {"from": begins, "to": ends}
    return {name: query.get(name, usual[name]) for name in ("from", "to")}


def _options(result: Result) -> list[Option]:
    pairs = zip(result.column("__text"), result.column("__value"), strict=True)
    return [Option(text, value) for text, value in pairs]


def _minute(now: datetime) -> datetime:
    """The end of this minute, so that everybody asks the same for a while."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _shared_values(source: PanelSource, asked: _Asked) -> dict[str, object]:
    """What a dashboard's page and a panel's have in common."""
    return {
        "dashboard": asked.dashboard,
        "tabs": [
            (each, query_of(_kept(asked.choices, each), {})) for each in source.dashboards.values()
        ],
        "choices": asked.choices,
        "query": asked.query,
    }


def _sources(panel: Panel) -> str:
    """The views that a panel reads."""
    return ", ".join(f"audit.{name}" for name in panel.views)


def _kept(choices: Sequence[Chosen], dashboard: Dashboard) -> list[Chosen]:
    """Of the choices, those that another dashboard can take over."""
    multi = {each.name: each.is_multi for each in dashboard.variables}
    return [
        each
        for each in choices
        if each.name in multi and (multi[each.name] or (len(each.values) == 1 and not each.is_all))
    ]


def _periods(visit: Visit, asked: _Asked) -> list[tuple[str, str, bool]]:
    """Spans of time that can be chosen: as the form sends them, in words, whether chosen."""
    if asked.dashboard.period.is_hidden:
        return []
    begins, ends = asked.period["from"], asked.period["to"]
    known = [
        (f"{each},{_NOW}", visit.translate(_PERIOD_WORDS[each]), (begins, ends) == (each, _NOW))
        for each in PERIODS
    ]
    if any(is_chosen for _value, _label, is_chosen in known):
        return known
    span = f"{instant(asked.time_range.begins_at)} – {instant(asked.time_range.ends_at)}"
    return [(f"{begins},{ends}", span, True), *known]
