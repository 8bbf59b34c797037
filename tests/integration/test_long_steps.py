"""Long steps of counts where a `jieru serve` is killed or ended, two of them on one database."""

import re
import signal
from typing import Any, Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from jieru.database import connect
from tests.support.fleet import wait_until
from tests.support.people import session_of
from tests.support.processes import free_port
from tests.support.served import jieru_serve
from tests.support.small_city import AS_OF, build_small_city
from tests.support.visiting import add_person, form_token_of

_STOP_S: Final = 30
_DRAFT_WAITS: Final = """
    SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'enterprises'::regclass
"""
_NEWEST: Final = "SELECT person, ending FROM long_steps ORDER BY id DESC LIMIT 1"
_WORK: Final = "/counts/2026/work"


class _Person:
    """Somebody at one of the servers."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port = port
        self._headers = {"cookie": f"jieru_session={cookie}", "accept-language": "en"}

    def read(self, path: str) -> httpx.Response:
        """A page."""
        return httpx.get(self._address(path), headers=self._headers, timeout=60)

    def draft(self) -> httpx.Response:
        """Begin a draft."""
        fields = {"as_of": str(AS_OF), "form_token": form_token_of(self.read("/counts"))}
        address = self._address("/counts/2026/draft")
        return httpx.post(address, data=fields, headers=self._headers, timeout=60)

    def _address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}"


@pytest.fixture
def url(embedded_simulation_url: str) -> str:
    """The small city, with two verifiers."""
    with connect(embedded_simulation_url) as connection:
        build_small_city(connection)
        for name in ("zheng", "wu"):
            add_person(connection, name, Role.VERIFIER)
    return embedded_simulation_url


def _newest(connection: psycopg.Connection) -> Any:  # noqa: ANN401 - a row
    return connection.execute(_NEWEST).fetchone()


def _cookie(url: str, name: str) -> str:
    with connect(url) as connection:
        return session_of(connection, name)


def test_a_killed_servers_step_is_told_at_the_other_and_begun_there_again(url: str) -> None:
    """It is followed there while it runs, and interrupted once the lease is over."""
    first, second = free_port(), free_port()
    with (
        jieru_serve(url, second),
        connect(url, autocommit=True) as looker,
        psycopg.connect(url) as holder,
    ):
        wu = _Person(second, _cookie(url, "wu"))
        with jieru_serve(url, first) as killed:
            zheng = _Person(first, _cookie(url, "zheng"))
            holder.execute("LOCK TABLE enterprises IN ACCESS EXCLUSIVE MODE")
            assert zheng.draft().status_code == 303
            wait_until(lambda: looker.execute(_DRAFT_WAITS).fetchone() == (True,), "it waits")
            assert "zheng" in wu.read(_WORK).text
            assert wu.draft().status_code == 409
            killed.kill()
            killed.wait()
        holder.rollback()
        assert _newest(looker) == ("zheng", None)
        # As if half a minute had gone: what decides is the database's clock.
        looker.execute("UPDATE long_steps SET heard_at = heard_at - interval '31 seconds'")
        told = wu.read(_WORK)
        assert told.status_code == 200
        assert "nothing was kept of the step" in told.text
        assert re.search(r'href="/counts/2026/draft">\s*Begin it again', told.text)
        assert wu.draft().status_code == 303
        wait_until(lambda: _newest(looker) == ("wu", "done"), "the draft is made")
        assert wu.read(_WORK).headers["location"].startswith("/counts/2026")


def test_a_step_at_sigterm_is_told_at_once_by_the_server_that_comes_after(url: str) -> None:
    """It needs no lease to run out, and is no outage of the new server."""
    port = free_port()
    with connect(url, autocommit=True) as looker, psycopg.connect(url) as holder:
        with jieru_serve(url, port) as ended:
            holder.execute("LOCK TABLE enterprises IN ACCESS EXCLUSIVE MODE")
            assert _Person(port, _cookie(url, "zheng")).draft().status_code == 303
            wait_until(lambda: looker.execute(_DRAFT_WAITS).fetchone() == (True,), "it waits")
            ended.send_signal(signal.SIGTERM)
            _output, errors = ended.communicate(timeout=_STOP_S)
            assert ended.returncode == 0, errors
        holder.rollback()
        assert _newest(looker) == ("zheng", "interrupted")
        with jieru_serve(url, port):
            person = _Person(port, _cookie(url, "zheng"))
            assert "nothing was kept of the step" in person.read(_WORK).text
            assert person.read("/healthz").status_code == 200
            assert person.draft().status_code == 303
            wait_until(lambda: _newest(looker) == ("zheng", "done"), "the draft is made")
