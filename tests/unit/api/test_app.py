"""The whole application without a database: what it can say all the same, and how it fails."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from psycopg_pool import ConnectionPool

from api.account.answers import ApiKey, ApiKeyList, CallerAnswer, NewApiKey, NewApiKeyAnswer
from api.app import create_app
from api.console.assets import Assets
from api.counts.answers import CountAnswer, ExplanationAnswer
from api.health.routes import Health
from api.web.problems import ProblemDocument
from jieru.errors import UserError
from jieru.settings import Settings
from tests.unit.api.asking import ask

BROWSER = {"accept": "text/html,application/xhtml+xml"}
KEY = {"authorization": f"Bearer jieru_00000000_{'A' * 43}"}
SESSION = {"cookie": f"jieru_session={'A' * 43}"}


@pytest.fixture
def app() -> Iterator[FastAPI]:
    """The application with a pool that was never opened: the database is away."""
    pool = ConnectionPool("postgresql://nobody@127.0.0.1:1/nothing", open=False, min_size=1)
    yield create_app(Settings(), pool, as_of=lambda: date(2026, 7, 1))
    pool.close()


async def test_health_is_503_while_the_database_is_away(app: FastAPI) -> None:
    """Whatever watches the process sees which part is missing."""
    answer = await ask(app, "/healthz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "database": "unreachable",
        "schema": "unknown",
    }


@pytest.mark.parametrize(
    "address", ["/api/v1/counts/2026", "/api/v1/counts/2026/xielian/91350300MA2XN0T34K"]
)
async def test_a_count_is_a_503_problem_while_the_database_is_away(
    app: FastAPI, address: str
) -> None:
    """With Retry-After, and without the address of the database."""
    answer = await ask(app, address, headers=KEY)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert "127.0.0.1" not in answer.text


async def test_the_page_says_that_the_database_is_away(app: FastAPI) -> None:
    """A person gets a page, in his own language."""
    answer = await ask(app, "/counts/2026", headers=BROWSER | SESSION | {"accept-language": "en"})
    assert answer.status_code == 503
    assert "Database unavailable" in answer.text
    assert '<html lang="en">' in answer.text


@pytest.mark.parametrize(
    "address", ["/healthz", "/", "/sign-in", "/docs", "/openapi.json", "/nowhere", "/counts/2026"]
)
async def test_head_is_answered_as_get_without_the_body(app: FastAPI, address: str) -> None:
    """Load balancers ask so (finding B7)."""
    headers = {name: value for name, value in BROWSER.items() if address != "/healthz"}
    wanted = await ask(app, address, headers=headers)
    answer = await ask(app, address, headers=headers, method="HEAD")
    assert answer.status_code == wanted.status_code
    assert answer.content == b""
    assert answer.headers.get("content-type") == wanted.headers.get("content-type")


async def test_an_unknown_address_is_a_page_for_people(app: FastAPI) -> None:
    """With the menu, so that they find back."""
    answer = await ask(app, "/nowhere?lang=zh", headers=BROWSER)
    assert answer.status_code == 404
    assert '<html lang="zh-CN">' in answer.text
    assert 'href="/"' in answer.text


async def test_a_language_in_the_address_is_remembered(app: FastAPI) -> None:
    """By a cookie that no script can read."""
    answer = await ask(app, "/docs?lang=en")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("jieru_language=en;")
    assert "HttpOnly" in cookie
    assert "set-cookie" not in (await ask(app, "/docs")).headers


async def test_pages_load_only_versioned_files_of_our_own_that_exist(app: FastAPI) -> None:
    """Nothing from another machine, nothing inline."""
    page = (await ask(app, "/docs?lang=en")).text
    addresses = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert not [address for address in addresses if not address.startswith("/")]
    static = [address for address in addresses if address.startswith("/static/")]
    assert any("htmx" in address for address in static)
    for address in static:
        answer = await ask(app, address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"\son[a-z]+=|\sstyle=|<style", page)


async def test_a_file_asked_for_by_an_old_version_is_not_kept(app: FastAPI) -> None:
    """Otherwise yesterday's address would keep today's file for a year."""
    answer = await ask(app, "/static/console.css?v=000000000000")
    assert answer.headers["cache-control"] == "no-cache"


async def test_nothing_outside_the_static_folder_is_served(app: FastAPI) -> None:
    """Neither up nor absolute."""
    for address in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"):
        assert (await ask(app, address)).status_code == 404


@pytest.mark.parametrize("address", ["/docs", "/healthz", "/nowhere", "/api/v1/me", "/sign-in"])
async def test_every_answer_forbids_foreign_content(app: FastAPI, address: str) -> None:
    """Errors and redirects too."""
    headers = (await ask(app, address)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_the_api_document_names_the_problems_of_every_route(app: FastAPI) -> None:
    """As what they are sent as, and those of the gate and of the database everywhere."""
    document = (await ask(app, "/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            if path.startswith("/api/"):
                assert {"401", "403", "503"} <= set(responses), (method, path)
                for status, response in responses.items():
                    if not status.startswith("2"):
                        assert list(response["content"]) == ["application/problem+json"]


async def test_nobody_comes_in_without_a_key_or_a_session(app: FastAPI) -> None:
    """A program is told how, a person is led to the door; the database is not asked."""
    program = await ask(app, "/api/v1/counts/2026")
    assert program.status_code == 401
    assert program.headers["www-authenticate"] == "Bearer"
    assert program.json()["type"] == "/docs#problem-unauthenticated"
    person = await ask(app, "/counts/2026", headers=BROWSER)
    assert person.status_code == 303
    assert person.headers["location"] == "/sign-in?next=%2Fcounts%2F2026"


@pytest.mark.parametrize(
    "authorization", ["Basic bGluOng=", "Bearer", "Bearer x", "jieru_00000000_x", "Bearer \xff"]
)
async def test_what_is_no_key_is_refused_without_asking_the_database(
    app: FastAPI, authorization: str
) -> None:
    """Also beside a cookie, for whoever sends a key means it."""
    headers = {
        b"authorization": authorization.encode("latin-1"),
        b"cookie": SESSION["cookie"].encode(),
    }
    answer = await ask(app, "/api/v1/counts/2026", headers=headers)
    assert answer.status_code == 401


def test_the_examples_fit_their_own_schemas() -> None:
    """An example that lies is worse than none."""
    for model in (
        ApiKey,
        ApiKeyList,
        CallerAnswer,
        CountAnswer,
        ExplanationAnswer,
        Health,
        NewApiKey,
        NewApiKeyAnswer,
        ProblemDocument,
    ):
        examples = model.model_json_schema()["examples"]
        for example in examples:
            shown = json.loads(model.model_validate(example).model_dump_json())
            assert shown == example


async def test_the_reference_page_shows_every_request_and_every_problem(app: FastAPI) -> None:
    """And the anchor that a problem's type points to is there."""
    page = (await ask(app, "/docs?lang=en")).text
    for path in ("/healthz", "/api/v1/counts/{year}", "/api/v1/counts/{year}/{platform}/{uscc}"):
        assert f"<code>{path}</code>" in page
    problem = (await ask(app, "/nowhere")).json()
    assert f'id="{problem["type"].partition("#")[2]}"' in page


def test_missing_assets_are_told_at_the_start(tmp_path: Path) -> None:
    """Not by a page without its chart."""
    with pytest.raises(UserError, match="make setup"):
        Assets("/static", tmp_path)


def test_a_policy_that_does_not_exist_is_told_at_the_start() -> None:
    """Not at the first request."""
    pool = ConnectionPool("", open=False, min_size=1)
    with pytest.raises(UserError, match="nowhere-2026"):
        create_app(Settings(policy="nowhere-2026"), pool)
