"""What a request gets when something went wrong."""

from typing import Annotated

import psycopg
import pytest
from fastapi import FastAPI, Query
from psycopg_pool import PoolTimeout

from api.console.assets import Assets
from api.console.problem_answers import install_problems
from api.web.civil import CivilDate
from api.web.headers import SecurityHeaders
from api.web.language import DefaultLanguage
from api.web.problems import Kind, Problem
from api.web.services import Services
from jieru.errors import UserError, WorldError
from tests.unit.api.asking import ask


def failing_app(error: Exception | None = None) -> FastAPI:
    """An application whose `/fail` ends in this exception."""
    app = FastAPI()
    app.state.services = Services(Assets("/static"), DefaultLanguage("zh"))
    app.add_middleware(SecurityHeaders)
    install_problems(app)

    @app.get("/fail")
    @app.get("/api/v1/fail")
    def fail() -> None:
        if error is not None:
            raise error

    @app.get("/typed")
    def typed(day: CivilDate, number: Annotated[int, Query(ge=1, le=9)] = 1) -> None: ...

    return app


async def test_a_problem_is_a_document_with_type_title_status_and_detail() -> None:
    """RFC 9457, with values filled in."""
    app = failing_app(Problem(Kind.NOT_FOUND, "Nothing called {name}.", name="x<y"))
    answer = await ask(app, "/fail?lang=en")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/docs#problem-not_found",
        "title": "Not found",
        "status": 404,
        "detail": "Nothing called x<y.",
        "errors": [],
    }


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("connection to 10.0.0.7 refused for user jieru"),
        psycopg.InterfaceError("the connection is closed"),
        PoolTimeout("couldn't get a connection after 5 sec"),
        WorldError("The broker at {address} is away.", address="10.0.0.7"),
    ],
)
async def test_a_database_that_is_away_is_a_503_that_says_when_to_ask_again(
    error: Exception,
) -> None:
    """And it keeps addresses and driver messages to itself."""
    answer = await ask(failing_app(error), "/api/v1/fail?lang=en")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["title"] == "Database unavailable"
    assert "10.0.0.7" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_bug_is_a_500_without_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """The log has the details, the reader has not; the security headers are there all the same."""
    answer = await ask(failing_app(KeyError("a secret")), "/fail?lang=en")
    assert answer.status_code == 500
    assert answer.json()["title"] == "Internal error"
    assert "a secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "a secret" in capsys.readouterr().out


async def test_a_users_error_is_told_as_it_stands() -> None:
    """It is one clear sentence already."""
    answer = await ask(failing_app(UserError("Do {what}.", what="this")), "/fail?lang=en")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Do this."


async def test_an_unknown_address_is_a_404_problem() -> None:
    """Also where no route is concerned."""
    answer = await ask(failing_app(), "/nowhere?lang=en")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/docs#problem-not_found"


async def test_a_wrong_method_is_a_405_problem_that_names_the_right_one() -> None:
    """The Allow header stays."""
    answer = await ask(failing_app(), "/fail?lang=en", method="DELETE")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.json()["title"] == "Method not allowed"


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("", "day", "is required"),
        ("day=2026-02-30", "day", "must be a date of the form YYYY-MM-DD"),
        ("day=20260302", "day", "must be a date of the form YYYY-MM-DD"),
        ("day=0", "day", "must be a date of the form YYYY-MM-DD"),
        ("day=2026-03-02&number=ten", "number", "must be a whole number"),
        ("day=2026-03-02&number=10", "number", "must be at most 9"),
        ("day=2026-03-02&number=0", "number", "must be at least 1"),
    ],
)
async def test_a_wrong_value_is_a_422_that_names_the_field(
    query: str, field: str, message: str
) -> None:
    """In words, with the field's own name."""
    answer = await ask(failing_app(), f"/typed?lang=en&{query}")
    assert answer.status_code == 422
    document = answer.json()
    assert document["errors"] == [{"location": "query", "field": field, "message": message}]
    assert document["detail"] == f"{field} {message}."


async def test_every_wrong_value_is_named() -> None:
    """Not only the first."""
    answer = await ask(failing_app(), "/typed?lang=en&day=x&number=y")
    assert [error["field"] for error in answer.json()["errors"]] == ["day", "number"]


async def test_a_person_gets_a_page_and_a_program_a_document() -> None:
    """By what it accepts; under /api/ always a document."""
    app = failing_app(Problem(Kind.NOT_FOUND, "Nothing called {name}.", name="<b>x</b>"))
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = await ask(app, "/fail?lang=en", headers=browser)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "Nothing called &lt;b&gt;x&lt;/b&gt;." in page.text
    part = await ask(app, "/fail?lang=en", headers={**browser, "hx-request": "true"})
    assert part.headers["content-type"] == "application/problem+json"
    document = await ask(app, "/api/v1/fail?lang=en", headers=browser)
    assert document.headers["content-type"] == "application/problem+json"
