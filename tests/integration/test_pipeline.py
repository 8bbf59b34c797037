"""The pipeline: where each enterprise of an operator stands in the year, and what to do next."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import httpx
import psycopg
import pytest

from api.access.caller import Caller
from api.access.roles import Role
from api.app import create_app
from api.pipeline.source import PipelineSource
from api.web.clock import Clock
from api.web.database import RequestDatabase
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.year_city import (
    AS_OF,
    AT_RISK,
    BARE,
    COUNTED,
    ELSEWHERE,
    NOW,
    RUNNING,
    SILENT,
    build_year_city,
)
from verifier.counting.outlook import Result
from verifier.policy import load_policy

ZH: Final = {"accept-language": "zh"}
EN: Final = {"accept-language": "en"}


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a city of six enterprises, five of them on alpha."""
    with connect(database_url) as opened:
        build_year_city(opened)
        opened.commit()
        yield opened


@asynccontextmanager
async def _console(database_url: str, headers: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A console that knows where each enterprise stands; until then its answers say nothing."""
    with open_pool(as_role(database_url, API), size=2) as pool:
        app = create_app(Settings(), pool, as_of=lambda: AS_OF, clock=Clock(lambda: NOW))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://jieru.test", headers=headers
        ) as client:
            while (await client.get("/api/v1/pipeline/year")).json()["computed_at"] is None:
                pass
            yield client


async def _answer(
    database_url: str, headers: dict[str, str], address: str, language: dict[str, str] = EN
) -> httpx.Response:
    async with _console(database_url, headers | language) as client:
        return await client.get(address)


@pytest.fixture
def operator(connection: psycopg.Connection) -> dict[str, str]:
    """Who runs alpha."""
    return bearer(connection, Role.OPERATOR, "alpha")


def _by_number(items: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    numbers = {uscc_of(number): number for number in range(1, 7)}
    return {numbers[each["uscc"]]: each for each in items}


async def test_an_operator_sees_the_year_of_the_own_platform_in_one_look(
    database_url: str, operator: dict[str, str]
) -> None:
    """What is counted earns now, what runs would earn more, and the cap is far."""
    year = (await _answer(database_url, operator, "/api/v1/pipeline/year")).json()
    assert (year["year"], year["as_of"], year["enterprises"]) == (2026, "2026-05-31", 5)
    assert year["results"] == {
        "counted": 1,
        "pending": 1,
        "at_risk": 1,
        "not_yet": 2,
        "not_this_year": 0,
    }
    assert year["passed"] == {
        "confirmed": 0,
        "devices": 4,
        "credential": 3,
        "heard": 3,
        "running": 3,
        "complete": 1,
    }
    assert year["award_yuan"] == 10_000
    assert year["award_if_all_hold_yuan"] == 30_000
    assert (year["cap_yuan"], year["left_yuan"]) == (150_000, 140_000)


async def test_each_row_says_how_far_the_window_is_and_by_when(
    database_url: str, operator: dict[str, str]
) -> None:
    """The active days so far, the gap left, the earliest end and the last beginning."""
    page = (await _answer(database_url, operator, "/api/v1/pipeline")).json()
    rows = _by_number(page["items"])
    assert [_by_number([each]).popitem()[0] for each in page["items"]] == [
        AT_RISK,
        BARE,
        SILENT,
        RUNNING,
        COUNTED,
    ]
    risky = rows[AT_RISK]
    assert (risky["active_days"], risky["active_days_required"]) == (19, 60)
    assert (risky["silent_days"], risky["gap_left_days"]) == (12, 8)
    assert risky["window_from"] == "2026-05-01"
    assert risky["complete_on"] == "2026-07-29"
    assert risky["last_start_on"] == "2026-12-31"
    assert rows[COUNTED]["outcome"] == "counted"
    assert rows[BARE]["complete_on"] == "2026-08-29"


@pytest.mark.parametrize(
    ("number", "english", "chinese"),
    [
        (
            AT_RISK,
            "Look after 2 of 3 devices: silent since Friday (2026-05-29); 8 days of gap left.",
            "3 台设备中有 2 台自周五（2026-05-29）起没有心跳，请尽快恢复；还可静默 8 天。",
        ),
        (
            BARE,
            "Register 3 more devices: 3 must be active on the same day.",
            "还需登记 3 台设备：同一天至少要有 3 台活跃。",
        ),
        (
            SILENT,
            "Issue credentials: 3 of 3 devices cannot publish yet.",
            "请签发凭据：3 台设备中有 3 台还不能上报。",
        ),
        (
            COUNTED,
            "Nothing more to do: it counts for this year.",
            "已计入本年，无需再做什么。",
        ),
    ],
)
async def test_the_one_thing_to_do_next_is_said_in_words(
    database_url: str, operator: dict[str, str], number: int, english: str, chinese: str
) -> None:
    """In the reader's language."""
    address = f"/api/v1/pipeline?text={uscc_of(number)}"
    for language, words in ((EN, english), (ZH, chinese)):
        (row,) = (await _answer(database_url, operator, address, language)).json()["items"]
        assert row["next_step"]["text"] == words


async def test_what_the_pipeline_says_of_an_outcome_is_what_the_count_says(
    database_url: str, operator: dict[str, str]
) -> None:
    """Of every enterprise, on the same day."""
    async with _console(database_url, operator) as client:
        rows = (await client.get("/api/v1/pipeline")).json()["items"]
        count = (await client.get("/api/v1/counts/2026")).json()
    (platform,) = count["platforms"]
    assert {each["uscc"]: each["outcome"] for each in rows} == {
        each["uscc"]: each["outcome"] for each in platform["enterprises"]
    }


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("result=at_risk", [AT_RISK]),
        ("lacks=devices", [BARE]),
        ("lacks=heard", [BARE, SILENT]),
        ("text=第3鞋", [RUNNING]),
        ("sort=active_days&result=pending", [RUNNING]),
        ("sort=active_days", [COUNTED, RUNNING, AT_RISK, BARE, SILENT]),
        ("sort=gap_left&limit=1", [AT_RISK]),
    ],
)
async def test_each_stage_and_each_result_is_a_filter_and_the_list_is_sorted(
    database_url: str, operator: dict[str, str], query: str, numbers: list[int]
) -> None:
    """What asks for something comes first."""
    items = (await _answer(database_url, operator, f"/api/v1/pipeline?{query}")).json()["items"]
    assert list(_by_number(items)) == numbers


async def test_pages_hold_every_row_once(database_url: str, operator: dict[str, str]) -> None:
    """In the order of the whole list, two at a time."""
    async with _console(database_url, operator) as client:
        whole = (await client.get("/api/v1/pipeline")).json()["items"]
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            values: dict[str, str | int] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/v1/pipeline", params=values)).json()
            found += page["items"]
            cursor = page["next_cursor"]
    assert found == whole


async def test_an_operator_is_told_nothing_of_another_platform(
    database_url: str, operator: dict[str, str]
) -> None:
    """As if there were none; the bureau sees both."""
    assert (
        await _answer(database_url, operator, "/api/v1/pipeline?platform=beta")
    ).status_code == 404
    with connect(database_url) as connection:
        auditor = bearer(connection, Role.AUDITOR)
    items = (await _answer(database_url, auditor, "/api/v1/pipeline?platform=beta")).json()["items"]
    assert list(_by_number(items)) == [ELSEWHERE]


async def test_a_cursor_of_another_list_is_refused(
    database_url: str, operator: dict[str, str]
) -> None:
    """With a sentence that says what to do."""
    answer = await _answer(database_url, operator, "/api/v1/pipeline?cursor=WzFd")
    assert answer.status_code == 422
    assert "cursor" in answer.text


def test_outlooks_are_kept_until_something_is_registered(
    database_url: str, connection: psycopg.Connection
) -> None:
    """A visit computes nothing that is known; a registration is followed after a pause."""
    seconds = [0.0]
    everybody = Caller(Actor("user:chen", "tests"), "Chen", Role.AUDITOR, None)
    with open_pool(as_role(database_url, API), size=4) as pool:
        source = PipelineSource(
            RequestDatabase(pool),
            policy=load_policy("putian-2026"),
            as_of=lambda: AS_OF,
            year=None,
            clock=lambda: seconds[0],
        )

        def look() -> tuple[datetime | None, int]:
            found = source.pipeline(everybody, NOW, wait_s=60)
            counted = sum(row.result is Result.COUNTED for row in found.rows)
            assert len(found.rows) == 6
            return found.computed_at, counted

        first, counted = look()
        assert counted == 1
        seconds[0] += 400
        assert look() == (first, 1)
        with changing(connection, Actor("command:tests", "command line")):
            connection.execute(
                "UPDATE enterprises SET district = 'other' WHERE uscc = %s", (uscc_of(COUNTED),)
            )
        connection.commit()
        second, counted = look()
        assert second != first
        assert counted == 0
