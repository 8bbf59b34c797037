"""The console's pages of the dashboards: the same queries, asked with the auditors' rights."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.panels.source import PanelSource
from dashboards import all_dashboards
from dashboards.grafana_sql import TimeRange
from dashboards.layout import Row
from jieru.database import connect, open_pool
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.audited_city import QUOTED_NAME, build_audited_city
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role

_ADDRESSES: Final = [
    f"/panels/{dashboard.uid}/{panel.number}"
    for dashboard in all_dashboards()
    for panel in dashboard.panels
]
_NOW: Final = datetime.now(UTC)
_SPAN: Final = TimeRange(_NOW, _NOW)
_HOSTILE: Final = "x' OR 'a'='a"
_WINDOW: Final = """
    SELECT connected_on::date - 7, (entry ->> 'window_last_day')::date + 8
    FROM count_determinations JOIN counts ON counts.id = count_id
    WHERE platform = 'xielian' AND uscc = %s AND state = 'published'
"""
_CHOSEN: Final = re.compile(r'<option value="([^"]+)" selected>')


@pytest.fixture(scope="module")
def city_url(embedded_server: DatabaseServer) -> Iterator[str]:
    """The audited city."""
    with embedded_server.database() as url:
        migrate(url)
        with connect(url) as connection:
            build_audited_city(connection)
        yield url


@pytest.fixture(scope="module")
def app(city_url: str) -> Iterator[FastAPI]:
    """A console on it."""
    with open_pool(as_role(city_url, API), size=2) as pool:
        yield create_app(Settings(), pool)


@pytest.fixture
async def auditor(app: FastAPI, city_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who only reads."""
    with connect(city_url) as connection:
        headers = {**bearer(connection, Role.AUDITOR), "accept-language": "en"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://jieru.test", headers=headers
    ) as client:
        yield client


def source_of(app: FastAPI) -> PanelSource:
    """Where the application's panels come from."""
    source = app.state.services.get(PanelSource)
    assert isinstance(source, PanelSource)
    return source


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("address", _ADDRESSES)
async def test_every_panel_is_drawn(
    auditor: httpx.AsyncClient, address: str, language: str
) -> None:
    """As a part of its dashboard: figures, a chart with its table, a table, or that it is empty."""
    headers = {"hx-request": "true", "accept-language": language}
    answer = await auditor.get(address, headers=headers)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    kinds = ('class="figures"', "data-chart=", "panel-table", 'class="empty"')
    assert any(kind in answer.text for kind in kinds)
    assert ("What it proves" in answer.text) is (language == "en")


@pytest.mark.parametrize(
    ("address", "chinese", "english"),
    [
        ("jieru-overview", "有效核定 2026", "Standing count 2026"),
        ("jieru-overview/20", "12 月", "December"),
        ("jieru-integrity/20", "12 月", "December"),
        ("jieru-integrity?var-year=2026&var-month=2026-08", " 台，", " devices, "),
        ("jieru-platform/11?var-platform=xielian", "没有有效服务窗口", "no effective window"),
    ],
)
async def test_words_in_an_answer_are_in_the_readers_language(
    auditor: httpx.AsyncClient, address: str, chinese: str, english: str
) -> None:
    """Names of months, counts and rhythms, and several reasons in one cell."""
    for language, said, unsaid in (("zh", chinese, english), ("en", english, chinese)):
        answer = await auditor.get(f"/panels/{address}", headers={"accept-language": language})
        assert said in answer.text
        assert unsaid not in answer.text


async def test_without_scripts_a_panel_is_a_page_of_its_own(auditor: httpx.AsyncClient) -> None:
    """To which the dashboard links."""
    page = await auditor.get("/panels/jieru-overview")
    assert 'href="/panels/jieru-overview/10?var-year=2026' in page.text
    panel = await auditor.get("/panels/jieru-overview/10?var-year=2026")
    assert "<h1" in panel.text
    assert "平台 guolian" in panel.text


async def test_the_first_dashboard_stands_for_all(auditor: httpx.AsyncClient) -> None:
    """Where the menu leads."""
    page = await auditor.get("/panels")
    assert page.status_code == 200
    assert "State of the count" in page.text


async def test_a_quote_in_a_name_is_shown_and_in_a_value_is_no_value(
    auditor: httpx.AsyncClient,
) -> None:
    """Neither is ever SQL."""
    query = f"var-platform=xielian&var-enterprise={uscc_of(1)}"
    page = await auditor.get(f"/panels/jieru-enterprise?{query}")
    assert page.status_code == 200
    assert QUOTED_NAME.split('"')[0].replace("'", "&#39;") in page.text
    for name in ("year", "stage", "platform", "enterprise", "device"):
        answer = await auditor.get("/panels/jieru-enterprise", params={f"var-{name}": _HOSTILE})
        assert answer.status_code == 404, name


@pytest.mark.parametrize(
    "address",
    [
        "/panels/nothing",
        "/panels/jieru-overview/999",
        "/panels/jieru-overview/100",
        "/panels/jieru-platform?var-platform=nowhere",
        "/panels/jieru-platform/2?var-platform=$__all",
    ],
)
async def test_what_there_is_not_is_not_found(auditor: httpx.AsyncClient, address: str) -> None:
    """A dashboard, a panel, a row's heading, a value; All where one is to be chosen."""
    assert (await auditor.get(address)).status_code == 404


@pytest.mark.parametrize("begins", ["yesterday", "now+1h", "now-1y'--", "9" * 15])
async def test_a_span_of_time_that_is_none_is_refused(
    auditor: httpx.AsyncClient, begins: str
) -> None:
    """And none that runs backwards, or beyond all years."""
    answer = await auditor.get("/panels/jieru-platform", params={"from": begins})
    assert answer.status_code == 422


async def test_a_link_opens_the_evidence_on_its_window(
    auditor: httpx.AsyncClient, city_url: str
) -> None:
    """With a week before it and one after, whatever the dashboard opens with by itself."""
    with connect(city_url) as connection:
        span = connection.execute(_WINDOW, (uscc_of(1),)).fetchone()
    assert span is not None
    table = await auditor.get("/panels/jieru-platform/11?var-platform=xielian")
    links = re.findall(r'href="(/panels/jieru-enterprise\?[^"]+)"', table.text)
    link = next(each for each in links if uscc_of(1) in each)
    page = await auditor.get(link.replace("&amp;", "&"))
    assert page.status_code == 200
    assert uscc_of(1) in _CHOSEN.findall(page.text)
    assert "{} 00:00:00 – {} 00:00:00".format(*span) in page.text


async def test_the_form_keeps_the_span_of_time_that_a_link_opened(
    auditor: httpx.AsyncClient,
) -> None:
    """Both ends are one choice of it."""
    address = "/panels/jieru-enterprise?from=1767196800000&to=1782835200000"
    page = await auditor.get(address)
    (period,) = [each for each in _CHOSEN.findall(page.text) if "," in each]
    again = await auditor.get("/panels/jieru-enterprise", params={"period": period})
    assert "from=1767196800000&amp;to=1782835200000" in again.text


async def test_another_platform_has_other_enterprises(auditor: httpx.AsyncClient) -> None:
    """Whoever changes the platform is not told that the enterprise is unknown there."""
    query = {"was-var-platform": "xielian", "var-enterprise": uscc_of(1)}
    changed = {**query, "var-platform": "guolian"}
    page = await auditor.get("/panels/jieru-enterprise", params=changed)
    assert page.status_code == 200
    assert uscc_of(31) in _CHOSEN.findall(page.text)
    unchanged = {**query, "was-var-platform": "guolian", "var-platform": "guolian"}
    assert (await auditor.get("/panels/jieru-enterprise", params=unchanged)).status_code == 404


async def test_what_depends_on_a_choice_that_gave_way_gives_way_too(
    auditor: httpx.AsyncClient,
) -> None:
    """Another year has other months, and they other rhythms."""
    page = await auditor.get("/panels/jieru-integrity?var-year=2026&var-month=2026-08")
    _year, _stage, _month, rhythm, *_period = _CHOSEN.findall(page.text)
    before = {"was-var-year": "2026", "was-var-month": "2026-08", "was-var-rhythm": rhythm}
    now = {"var-year": "2025", "var-month": "2026-08", "var-rhythm": rhythm}
    changed = await auditor.get("/panels/jieru-integrity", params=before | now)
    assert changed.status_code == 200
    assert rhythm not in _CHOSEN.findall(changed.text)


async def test_a_panel_that_takes_too_long_says_so(
    app: FastAPI, auditor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own place; the dashboard stays."""
    hasty = PanelSource(source_of(app)._database, timeout_s=0.2)
    (overview, *_others) = hasty.dashboards.values()
    slow = replace(next(overview.panels), number=998, sql="SELECT pg_sleep(60)::text")
    rows = (*overview.rows, Row(997, slow.title, (slow,)))
    hasty.dashboards[overview.uid] = replace(overview, rows=rows)
    monkeypatch.setitem(app.state.services._given, PanelSource, hasty)
    answer = await auditor.get("/panels/jieru-overview/998")
    assert answer.status_code == 200
    assert "was stopped" in answer.text


def test_queries_are_asked_by_the_auditors_role(app: FastAPI) -> None:
    """Whatever stands in them: no table, no change."""
    source = source_of(app)
    assert source.result("SELECT current_user", {}, _SPAN).rows == [("jieru_auditor",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        source.result("SELECT * FROM public.users", {}, _SPAN)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        source.result("CREATE TABLE audit.mine ()", {}, _SPAN)


def test_where_the_program_may_not_act_as_that_role_it_still_only_reads(app: FastAPI) -> None:
    """By its own rights."""
    source = PanelSource(source_of(app)._database)
    source._may_act_as_auditor = False
    assert source.result("SELECT current_user", {}, _SPAN).rows != [("jieru_auditor",)]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        source.result("CREATE TABLE public.mine ()", {}, _SPAN)
