"""SIGTERM while requests run: each is answered, and says whether anything was stored."""

import asyncio
import signal
import threading
from typing import Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.web.ending import AnsweredAtTheEnd, committing
from api.web.language import DefaultLanguage
from api.web.services import Services
from jieru.database import connect
from tests.support.callers import bearer
from tests.support.fleet import wait_until
from tests.support.processes import free_port
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import registry_csv, uscc_of
from tests.support.served import jieru_serve

_STOP_S: Final = 30
_WAITS_FOR_DEVICES: Final = """
    SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'devices'::regclass
"""


def test_an_import_under_way_at_sigterm_is_answered_and_stores_nothing(
    embedded_database_url: str,
) -> None:
    """With a problem document that says so, and the server ends well (finding C9)."""
    with connect(embedded_database_url) as connection:
        builder = RegistryBuilder(connection)
        builder.connection(builder.platform("alpha"), builder.enterprise(1))
        key = bearer(connection, Role.ADMIN)
    port = free_port()
    row = ["alpha", "d1", uscc_of(1), "铣床", "一号", "2026-01-01", ""]
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(
            httpx.post(
                f"http://127.0.0.1:{port}/api/v1/imports/devices",
                content=registry_csv("devices", row).encode(),
                headers={**key, "content-type": "text/csv", "accept-language": "en"},
                timeout=60,
            )
        )

    with (
        jieru_serve(embedded_database_url, port) as process,
        psycopg.connect(embedded_database_url) as holder,
        connect(embedded_database_url, autocommit=True) as looker,
    ):
        holder.execute("LOCK TABLE devices IN ACCESS EXCLUSIVE MODE")
        sender = threading.Thread(target=send)
        sender.start()
        wait_until(
            lambda: looker.execute(_WAITS_FOR_DEVICES).fetchone() == (1,), "the import waits"
        )
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=_STOP_S)
        sender.join(_STOP_S)
        holder.rollback()
        assert looker.execute("SELECT count(*) FROM devices").fetchone() == (0,)
        assert looker.execute("SELECT count(*) FROM imports").fetchone() == (0,)
    assert process.returncode == 0, (output, errors)
    assert "Traceback" not in errors
    (answer,) = answers
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"] == "/docs#problem-ending"
    assert "nothing of this request was stored" in answer.json()["detail"]


async def _told(*, commits: bool, is_done: bool) -> str:
    """What a request is told that is cancelled before, in or after its commit."""
    app = FastAPI()
    app.state.services = Services(DefaultLanguage("en"))
    app.add_middleware(AnsweredAtTheEnd)

    @app.post("/")
    async def _cut_off() -> None:
        if commits and is_done:
            with committing():
                pass
        if commits and not is_done:
            with committing():
                raise asyncio.CancelledError
        raise asyncio.CancelledError

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        answer = await client.post("/", headers={"accept-language": "en"})
    assert answer.status_code == 503
    return str(answer.json()["detail"])


@pytest.mark.parametrize(
    ("commits", "is_done", "sentence"),
    [
        (False, False, "nothing of this request was stored"),
        (True, False, "not known whether"),
        (True, True, "was stored: look at it"),
    ],
)
async def test_a_request_that_is_cut_off_is_told_what_is_known(
    *, commits: bool, is_done: bool, sentence: str
) -> None:
    """Its answer is never the two words of the server."""
    assert sentence in await _told(commits=commits, is_done=is_done)
