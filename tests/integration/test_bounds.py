"""Whatever one caller asks, another's pages are answered: `jieru serve` as a process."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import psycopg

from api.access.roles import Role
from api.app import create_app
from api.web.bounds.admission import Admission, Limits
from api.web.bounds.bounds import Bounds
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.fleet import wait_until
from tests.support.people import session_of
from tests.support.processes import free_port
from tests.support.registry_builder import RegistryBuilder
from tests.support.served import jieru_serve
from tests.support.visiting import add_person, form_token_of

_PATIENCE_S: Final = 60
_WAIT_FOR: Final = """
    SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass
"""
_STANDING: Final = """
    SELECT count(*) FILTER (WHERE started_at IS NULL),
           count(*) FILTER (WHERE started_at IS NOT NULL)
    FROM heavy_work WHERE ended_at IS NULL
"""
_ORDER: Final = "SELECT caller FROM heavy_work WHERE started_at IS NOT NULL ORDER BY started_at, id"


class _Asker:
    """Somebody who asks many things at once, each on a connection of its own."""

    def __init__(self, ports: list[int], key: dict[str, str]) -> None:
        self._ports = ports
        self._key = key
        self._threads: list[threading.Thread] = []
        self.statuses: Counter[int] = Counter()
        self.answers: list[httpx.Response] = []

    def ask(self, path: str) -> None:
        """Ask, and do not wait."""
        port = self._ports[len(self._threads) % len(self._ports)]
        thread = threading.Thread(target=self._ask, args=(f"http://127.0.0.1:{port}{path}",))
        self._threads.append(thread)
        thread.start()

    def _ask(self, address: str) -> None:
        answer = httpx.get(address, headers=self._key, timeout=_PATIENCE_S)
        self.answers.append(answer)
        self.statuses[answer.status_code] += 1

    def join(self) -> None:
        """Wait for all answers."""
        for each in self._threads:
            each.join(_PATIENCE_S)
            assert not each.is_alive()


@contextmanager
def _locked(url: str, table: str) -> Iterator[psycopg.Connection]:
    """Nobody reads this table meanwhile; gives a connection to look with."""
    with (
        psycopg.connect(url) as holder,
        psycopg.connect(url, autocommit=True) as looker,
    ):
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield looker


def _standing(looker: psycopg.Connection) -> tuple[int, int]:
    row = looker.execute(_STANDING).fetchone()
    assert row is not None
    return row[0], row[1]


def _callers(url: str) -> tuple[dict[str, str], dict[str, str]]:
    with connect(url) as connection:
        builder = RegistryBuilder(connection)
        builder.connection(builder.platform("alpha"), builder.enterprise(1))
        connection.commit()
        return bearer(connection, Role.AUDITOR), bearer(connection, Role.AUDITOR)


def test_counts_with_varying_days_keep_nobody_else_waiting(database_url: str) -> None:
    """Of twenty by one key, at two servers, one runs; another's count and pages are answered (C2).

    What nobody could keep waiting is refused, with the seconds after which to ask again.
    """
    key, others = _callers(database_url)
    ports = [free_port(), free_port()]
    with jieru_serve(database_url, ports[0]), jieru_serve(database_url, ports[1]):
        abuser, other = _Asker(ports, key), _Asker(ports, others)
        with _locked(database_url, "decisions") as looker:
            for day in range(1, 21):
                abuser.ask(f"/api/v1/counts/2026?as_of=2026-03-{day:02}")
            wait_until(lambda: _standing(looker)[1] == 1, "one runs")
            wait_until(
                lambda: sum(_standing(looker)) + abuser.statuses[429] == 20, "the others wait"
            )
            assert abuser.statuses.keys() <= {429}
            waiting = _standing(looker)[0]
            assert waiting <= 12 + 2, "the bound, and what two servers let in at one moment"
            for port in ports:
                for path in ("/api/v1/platforms", "/healthz", "/enterprises"):
                    answer = httpx.get(
                        f"http://127.0.0.1:{port}{path}",
                        headers={**others, "accept": "text/html"},
                        timeout=_PATIENCE_S,
                    )
                    assert answer.status_code == 200, (path, answer.text)
            other.ask("/api/v1/counts/2026?as_of=2026-04-01")
            wait_until(lambda: _standing(looker) == (waiting, 2), "the other's turn has come")
        abuser.join()
        other.join()
        with connect(database_url) as connection:
            order = [row[0] for row in connection.execute(_ORDER)]
    assert other.statuses == {200: 1}
    assert set(abuser.statuses) == {200, 429}
    assert order[1] != order[0] == order[2]
    for refusal in (each for each in abuser.answers if each.status_code == 429):
        assert refusal.headers["content-type"] == "application/problem+json"
        assert refusal.json()["type"] == "/docs#problem-too_many_requests"
        assert int(refusal.headers["retry-after"]) > 0


def test_64_connections_of_one_key_leave_room_for_others(database_url: str) -> None:
    """They stand in a line of their own, whatever keeps their answers (C11)."""
    key, others = _callers(database_url)
    port = free_port()
    with jieru_serve(database_url, port):
        known = httpx.get(f"http://127.0.0.1:{port}/api/v1/platforms", headers=key)
        assert known.status_code == 200
        abuser = _Asker([port], key)
        with _locked(database_url, "rejections") as looker:
            for _number in range(64):
                abuser.ask("/api/v1/rejections")
            wait_until(
                lambda: looker.execute(_WAIT_FOR, ("rejections",)).fetchone() == (4,),
                "as many ask the database as may at once",
            )
            for _number in range(10):
                answer = httpx.get(
                    f"http://127.0.0.1:{port}/api/v1/platforms", headers=others, timeout=_PATIENCE_S
                )
                assert answer.status_code == 200
            assert looker.execute(_WAIT_FOR, ("rejections",)).fetchone() == (4,)
        abuser.join()
    # The four that the lock kept waiting for too long were told that it is busy.
    assert abuser.statuses.keys() <= {200, 503}
    assert abuser.statuses.total() == 64


def test_a_count_ends_when_its_client_has_gone(database_url: str) -> None:
    """Its statement too, while what it waits for is still locked, and its place is free."""
    key, _others = _callers(database_url)
    port = free_port()
    with jieru_serve(database_url, port), _locked(database_url, "decisions") as looker:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(
                b"GET /api/v1/counts/2026?as_of=2026-03-01 HTTP/1.1\r\nHost: jieru.test\r\n"
                + f"Authorization: {key['authorization']}\r\n\r\n".encode()
            )
            wait_until(
                lambda: looker.execute(_WAIT_FOR, ("decisions",)).fetchone() == (1,), "it waits"
            )
        wait_until(
            lambda: looker.execute(_WAIT_FOR, ("decisions",)).fetchone() == (0,), "it was cancelled"
        )
        wait_until(lambda: _standing(looker) == (0, 0), "its place is free")


def test_own_heavy_work_is_listed_and_cancelled_at_any_server(database_url: str) -> None:
    """Its request is told so; another's work is not found."""
    key, others = _callers(database_url)
    ports = [free_port(), free_port()]
    with jieru_serve(database_url, ports[0]), jieru_serve(database_url, ports[1]):
        asker = _Asker(ports[:1], key)
        second = f"http://127.0.0.1:{ports[1]}/api/v1/heavy-work"
        with _locked(database_url, "decisions") as looker:
            asker.ask("/api/v1/counts/2026?as_of=2026-03-01")
            wait_until(
                lambda: looker.execute(_WAIT_FOR, ("decisions",)).fetchone() == (1,), "it waits"
            )
            assert httpx.get(second, headers=others).json() == {"items": []}
            (work,) = httpx.get(second, headers=key).json()["items"]
            assert work["kind"] == "GET /api/v1/counts/{year}"
            assert work["started_at"] is not None
            cancel = f"{second}/{work['id']}/cancel"
            assert httpx.post(cancel, headers=others).status_code == 404
            assert httpx.post(cancel, headers=key).status_code == 202
            asker.join()
    (answer,) = asker.answers
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("This work was cancelled")


async def test_a_page_that_was_refused_asks_again_and_a_form_keeps_its_content(
    embedded_database_url: str,
) -> None:
    """The page by its header; the form by itself, with what was written, but for secrets."""
    with connect(embedded_database_url) as connection:
        add_person(connection, "wu", Role.ADMIN)
        cookie = session_of(connection, "wu")
    with open_pool(embedded_database_url, size=2) as pool:
        app = create_app(Settings(), pool)
        services = app.state.services
        transport = httpx.ASGITransport(app=app)
        headers = {
            "accept": "text/html",
            "accept-language": "en",
            "cookie": f"jieru_session={cookie}",
        }
        async with httpx.AsyncClient(
            transport=transport, base_url="http://jieru.test", headers=headers
        ) as browser:
            form = await browser.get("/platforms/_new")
            token = form_token_of(form)
            bounds = services.get(Bounds)
            bounds.admission = Admission(Limits(cost_per_minute=1), clock=lambda: 0.0)
            bounds.admission.charge("user:wu", 1)
            page = await browser.get("/enterprises?text=x%22y")
            sent = await browser.post(
                "/platforms/_new", data={"code": "a<b", "name": "某平台", "form_token": token}
            )
            secret = await browser.post("/account/password", data={"new_password": "s3cret"})
            program = await browser.get("/api/v1/platforms")
            health = await browser.get("/healthz")
    assert page.status_code == sent.status_code == secret.status_code == 429
    assert page.headers["refresh"] == page.headers["retry-after"]
    assert 'href="/enterprises?text=x%22y"' in page.text
    assert "refresh" not in sent.headers
    assert 'action="/platforms/_new"' in sent.text
    assert 'value="a&lt;b"' in sent.text
    assert "某平台" in sent.text
    assert "s3cret" not in secret.text
    assert program.status_code == 429
    assert program.json()["type"] == "/docs#problem-too_many_requests"
    assert health.status_code == 200
    assert bounds.refused == {"per_minute": 4}
