"""Lanes, with `jieru serve` as a process: what is locked or hangs stops nothing else."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from jieru.database import connect
from jieru.schema import migrate
from tests.support.callers import bearer
from tests.support.fleet import wait_until
from tests.support.people import session_of
from tests.support.processes import free_port
from tests.support.registry_builder import RegistryBuilder
from tests.support.served import jieru_serve
from tests.support.timescaledb import TimescaleServer
from tests.support.visiting import add_person, form_token_of

_PATIENCE_S: Final = 60
_QUICK_S: Final = 20
"""For what must not wait for a lock that is held all the time: any answer at all."""
_EDITS: Final = 8
_WAITING: Final = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def keys(database_url: str) -> list[dict[str, str]]:
    """Of an administrator's programs; there is one platform."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("alpha")
        add_person(connection, "lin", Role.ADMIN)
        connection.commit()
        return [bearer(connection, Role.ADMIN) for _number in range(_EDITS)]


@contextmanager
def _head_held(url: str) -> Iterator[None]:
    """Somebody at a terminal began to change something, and went for lunch (C1)."""
    with psycopg.connect(url) as holder:
        holder.execute("SELECT hold_audit_head()")
        yield


def _address(port: int, path: str) -> str:
    return f"http://127.0.0.1:{port}{path}"


def _edit(port: int, key: dict[str, str], number: int) -> httpx.Response:
    body = {"code": f"p{number}", "name": f"平台{number}"}
    return httpx.post(
        _address(port, "/api/v1/platforms"), json=body, headers=key, timeout=_PATIENCE_S
    )


def test_what_waits_for_an_open_transaction_stops_nothing_else(
    database_url: str, keys: list[dict[str, str]]
) -> None:
    """Each edit is told that it is busy; health and pages are answered, at another server too."""
    ports = [free_port(), free_port()]
    answers: list[httpx.Response] = []
    with jieru_serve(database_url, ports[0]), jieru_serve(database_url, ports[1]):
        with _head_held(database_url), psycopg.connect(database_url, autocommit=True) as looker:
            edits = [
                threading.Thread(
                    target=lambda n=n, key=key: answers.append(_edit(ports[0], key, n))
                )
                for n, key in enumerate(keys)
            ]
            for each in edits:
                each.start()
            wait_until(lambda: looker.execute(_WAITING).fetchone() != (0,), "the edits wait")
            for port in ports:
                for path in ("/healthz", "/platforms", "/api/v1/platforms"):
                    answer = httpx.get(_address(port, path), headers=keys[0], timeout=_QUICK_S)
                    assert answer.status_code == 200, (path, answer.text)
            for each in edits:
                each.join(_PATIENCE_S)
        assert len(answers) == _EDITS
        for answer in answers:
            assert answer.status_code == 503, answer.text
            assert answer.json()["type"] == "/docs#problem-busy"
            assert int(answer.headers["retry-after"]) > 0
        listed = httpx.get(_address(ports[1], "/api/v1/platforms"), headers=keys[0])
        assert [each["code"] for each in listed.json()["items"]] == ["alpha"], "nothing was stored"
        assert _edit(ports[0], keys[0], 1).status_code == 201


def test_a_form_that_found_no_turn_keeps_its_content(
    database_url: str, keys: list[dict[str, str]]
) -> None:
    """The page sends it again by itself."""
    del keys  # only what it set up
    port = free_port()
    with connect(database_url) as connection:
        cookies = {"jieru_session": session_of(connection, "lin")}
    headers = {"accept": "text/html", "accept-language": "en"}
    with (
        jieru_serve(database_url, port),
        httpx.Client(cookies=cookies, headers=headers, timeout=_PATIENCE_S) as browser,
    ):
        form = browser.get(_address(port, "/platforms/alpha/gateways/new"))
        fields = {"name": "gate-1", "form_token": form_token_of(form)}
        with _head_held(database_url):
            answer = browser.post(_address(port, "/platforms/alpha/gateways/new"), data=fields)
        assert answer.status_code == 503
        assert 'name="name" value="gate-1"' in answer.text
        assert "data-send-again-after" in answer.text
        assert "Others are at work on the same" in answer.text
        again = browser.post(_address(port, "/platforms/alpha/gateways/new"), data=fields)
        assert again.status_code == 303, again.text


def test_a_server_that_was_killed_lets_go_of_what_it_held(
    database_url: str, keys: list[dict[str, str]]
) -> None:
    """Though the statement of its change still waits for somebody else (C11)."""
    port = free_port()
    with (
        jieru_serve(database_url, port) as server,
        psycopg.connect(database_url) as holder,
        psycopg.connect(database_url, autocommit=True) as looker,
    ):
        holder.execute("LOCK TABLE platforms IN EXCLUSIVE MODE")
        edit = threading.Thread(target=_lost, args=(port, keys[0]))
        edit.start()
        wait_until(lambda: looker.execute(_WAITING).fetchone() != (0,), "the edit waits")
        server.send_signal(signal.SIGKILL)
        edit.join(_PATIENCE_S)
        looker.execute(f"SET lock_timeout = '{_PATIENCE_S}s'")
        looker.execute("SELECT hold_audit_head()")


def _lost(port: int, key: dict[str, str]) -> None:
    with pytest.raises(httpx.TransportError):
        _edit(port, key, 1)


def test_health_is_told_while_the_database_hangs(own_timescale_server: TimescaleServer) -> None:
    """It does not answer, and takes what is sent to it: that is unreachable, not no answer."""
    port = free_port()
    with own_timescale_server.database() as url:
        migrate(url)
        with jieru_serve(url, port):
            own_timescale_server.suspend()
            try:
                for _number in range(3):
                    answer = httpx.get(_address(port, "/healthz"), timeout=_QUICK_S)
                    assert answer.status_code == 503
                    assert answer.json()["database"] == "unreachable"
            finally:
                own_timescale_server.resume()
            wait_until(
                lambda: httpx.get(_address(port, "/healthz"), timeout=_QUICK_S).status_code == 200,
                "it is well again",
            )
