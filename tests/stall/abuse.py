"""What one caller does who thinks of nobody else: each kind of abuse, for some seconds."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx
import psycopg

from api.access.cookies import derived
from jieru.audit import Actor, changing
from jieru.database import connect
from jieru.errors import WorldError
from tests.stall.books import Asked
from tests.stall.schedule import Event, Kind
from tests.stall.stage import Stage
from tests.support.command import clean_environment
from tests.support.hostile_files import HOSTILE
from tests.support.registry_files import registry_csv, uscc_of
from tests.support.roles import VERIFIER, as_role

__all__ = ["HELD_SERIAL", "LARGE_ROWS", "Abuse"]

LARGE_ROWS: Final = 4_000
"""Devices of a large import; all of them are stored, or none."""
HELD_SERIAL: Final = "held"
"""Of the device that is registered in a transaction which is never committed."""

_PATIENCE_S: Final = 60.0
_TRICKLE_S: Final = 0.5
_SLOW_CONNECTIONS: Final = 60
_IDLE_CONNECTIONS: Final = 400
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WORKBOOKS: Final = ("a million shared strings", "one string in every cell", "deep XML", "a bomb")
_FIRST_AS_OF: Final = date(2026, 1, 1)
_INSERT_HELD: Final = """
    INSERT INTO devices (platform_id, serial) SELECT id, %s FROM platforms WHERE code = 'xielian'
"""


class Abuse:
    """One kind, done by one caller from one address."""

    def __init__(self, event: Event, parts: Stage) -> None:
        """Choose what; nothing happens yet."""
        self._event = event
        self._parts = parts
        self.answers: Counter[int] = Counter()
        """How often each status was answered; 0: none."""
        self.imports: list[Asked] = []
        """The large ones, which are in the books too."""
        self._made = 0

    @property
    def kind(self) -> Kind:
        """What it is."""
        return self._event.kind

    def happen(self) -> None:
        """Do it until its time is over; returns then, whatever has not been answered yet."""
        match self._event.kind:
            case Kind.HELD_AUDIT_HEAD:
                self._hold_audit_head()
            case Kind.SIGNALS:
                self._look_for_signals()
            case _:
                asyncio.run(self._ask())

    # One transaction, one process

    def _hold_audit_head(self) -> None:
        actor = Actor("command:tests", "command line")
        # It may lose its server, or find none.
        with (
            suppress(psycopg.OperationalError, WorldError),
            connect(self._parts.url) as connection,
            changing(connection, actor),
        ):
            connection.execute(_INSERT_HELD, (HELD_SERIAL,))
            time.sleep(self._event.for_s)
            raise psycopg.Rollback

    def _look_for_signals(self) -> None:
        ends_s = time.monotonic() + self._event.for_s
        environment = clean_environment(database_url=as_role(self._parts.url, VERIFIER))
        while (left_s := ends_s - time.monotonic()) > 0:
            command = [sys.executable, "-m", "jieru", "signals", "--as-of", "2026-11-30", "--json"]
            with suppress(subprocess.TimeoutExpired):
                done = subprocess.run(
                    command, env=environment, capture_output=True, timeout=left_s, check=False
                )
                self.answers[200 if done.returncode == 0 else 0] += 1

    # Requests

    async def _ask(self) -> None:
        abuses: dict[Kind, Callable[[], Awaitable[None]]] = {
            Kind.DRAFTS: lambda: self._many(12, self._draft),
            Kind.COUNTS_AS_OF: lambda: self._many(6, self._count_as_of),
            Kind.SINGLE_PDFS: lambda: self._many(4, self._single_pdf),
            Kind.REPORTS: lambda: self._many(10, self._report),
            Kind.COMPARISONS: lambda: self._many(4, self._compare),
            Kind.LARGE_IMPORT: lambda: self._many(1, self._large_import),
            Kind.HOSTILE_WORKBOOKS: lambda: self._many(3, self._hostile_workbook),
            Kind.CONNECTIONS_OF_ONE_KEY: lambda: self._many(64, self._list),
            Kind.SIGN_IN_STORM: lambda: self._many(16, self._guess),
            Kind.OIDC_STARTS: lambda: self._many(24, self._start_oidc),
            Kind.DEAF_READERS: lambda: self._hold(24, self._deaf),
            Kind.SLOW_HEADS: lambda: self._hold(_SLOW_CONNECTIONS, self._slow_head),
            Kind.SLOW_BODIES: lambda: self._hold(_SLOW_CONNECTIONS, self._slow_body),
            Kind.IDLE_CONNECTIONS: lambda: self._hold(_IDLE_CONNECTIONS, self._idle),
        }
        with suppress(TimeoutError):
            await asyncio.wait_for(abuses[self._event.kind](), self._event.for_s)

    async def _many(
        self, at_once: int, one: Callable[[httpx.AsyncClient], Awaitable[None]]
    ) -> None:
        """Have so many go on asking, each again as soon as it was answered."""
        limits = httpx.Limits(max_connections=at_once)
        headers = {"x-forwarded-for": self._parts.abuser.address, "accept-language": "en"}
        async with (
            httpx.AsyncClient(limits=limits, headers=headers, timeout=_PATIENCE_S) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for _place in range(at_once):
                tasks.create_task(self._again(client, one))

    async def _again(
        self, client: httpx.AsyncClient, one: Callable[[httpx.AsyncClient], Awaitable[None]]
    ) -> None:
        while True:
            await one(client)
            # Nobody waits, and nobody spins where nothing answers.
            await asyncio.sleep(0.05)

    async def _send(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        **sent: Any,  # noqa: ANN401 - httpx's own
    ) -> int:
        status = 0
        try:
            status = (await client.request(method, self._base + path, **sent)).status_code
        except httpx.HTTPError:
            pass
        finally:
            self.answers[status] += 1
        return status

    @property
    def _base(self) -> str:
        self._made += 1
        serves = self._parts.serves
        return f"http://127.0.0.1:{serves[self._made % len(serves)].port}"

    @property
    def _key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._parts.abuser.key}"}

    async def _draft(self, client: httpx.AsyncClient) -> None:
        session = self._parts.abuser.session
        headers = {"cookie": f"jieru_session={session}", "x-form-token": derived(session, "form")}
        path = "/api/v1/counts/2025/draft"
        await self._send(client, "POST", path, headers=headers, json={"reason": "复核"})

    async def _count_as_of(self, client: httpx.AsyncClient) -> None:
        day = _FIRST_AS_OF + timedelta(days=self._made % 300)
        await self._send(client, "GET", f"/api/v1/counts/2026?as_of={day}", headers=self._key)

    async def _single_pdf(self, client: httpx.AsyncClient) -> None:
        uscc = uscc_of(1 + self._made % 17)
        path = f"/api/v1/counts/2026/report?kind=enterprise&revision=1&platform=xielian&uscc={uscc}"
        await self._send(client, "GET", path, headers=self._key)

    async def _report(self, client: httpx.AsyncClient) -> None:
        kind = ("notice", "workbook", "signed")[self._made % 3]
        path = f"/api/v1/counts/2026/report?kind={kind}&revision=1"
        await self._send(client, "GET", path, headers=self._key)

    async def _compare(self, client: httpx.AsyncClient) -> None:
        path = "/api/v1/counts/compare?before=2026-1&after=2026-2"
        await self._send(client, "GET", path, headers=self._key)

    async def _large_import(self, client: httpx.AsyncClient) -> None:
        mark = f"big{self._event.at_s:.2f}-{self._made}-"
        today = datetime.now(UTC).date()
        rows = [
            ("xielian", f"{mark}{place}", uscc_of(1), "CNC", f"机床 {place}", today, None)
            for place in range(LARGE_ROWS)
        ]
        content = registry_csv("devices", *rows).encode()
        headers = {**self._key, "content-type": "text/csv"}
        path, status, began_s = "/api/v1/imports/devices", 0, time.monotonic()
        try:
            status = await self._send(client, "POST", path, headers=headers, content=content)
        finally:  # where the time is over first, nobody knows what came of it
            self.imports.append(
                Asked(
                    who=self._parts.abuser.name,
                    what="import",
                    subject=mark,
                    value=str(LARGE_ROWS),
                    serve=0,
                    began_s=began_s,
                    ended_s=time.monotonic(),
                    status=status,
                    said="",
                )
            )

    async def _hostile_workbook(self, client: httpx.AsyncClient) -> None:
        name = _WORKBOOKS[self._made % len(_WORKBOOKS)]
        content = await asyncio.to_thread(_workbook, name)
        headers = {**self._key, "content-type": _XLSX}
        path = "/api/v1/imports/devices"
        await self._send(client, "POST", path, headers=headers, content=content)

    async def _list(self, client: httpx.AsyncClient) -> None:
        path = ("/api/v1/devices", "/api/v1/enterprises", "/api/v1/overview")[self._made % 3]
        await self._send(client, "GET", path, headers=self._key)

    async def _guess(self, client: httpx.AsyncClient) -> None:
        # Whoever storms does not look at the form: it is asked for each time.
        page = await client.get(f"{self._base}/sign-in")
        with suppress(IndexError):
            token = page.text.split('name="form_token" value="')[1].split('"')[0]
            name = self._parts.people[self._made % len(self._parts.people)].name
            fields = {"form_token": token, "name": name, "password": f"guess {self._made}"}
            await self._send(client, "POST", "/sign-in", data=fields)

    async def _start_oidc(self, client: httpx.AsyncClient) -> None:
        await self._send(client, "GET", "/sign-in/oidc")

    # Connections that are held

    async def _hold(self, number: int, one: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _place in range(number):
                tasks.create_task(self._hold_again(one))

    async def _hold_again(self, one: Callable[[], Awaitable[None]]) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await one()
            self.answers[0] += 1
            await asyncio.sleep(0.2)

    async def _deaf(self) -> None:
        with _connected(self._port, receive_bytes=4_096) as connection:
            key = self._parts.abuser.key
            request = (
                f"GET /api/v1/devices.csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            )
            await self._send_raw(connection, f"{request}\r\n" * 4)
            await asyncio.sleep(_PATIENCE_S)

    async def _slow_head(self) -> None:
        with _connected(self._port) as connection:
            await self._send_raw(connection, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            while True:
                await asyncio.sleep(_TRICKLE_S)
                await self._send_raw(connection, "x")

    async def _slow_body(self) -> None:
        with _connected(self._port) as connection:
            await self._send_raw(
                connection,
                "POST /api/v1/imports/devices HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                f"Authorization: Bearer {self._parts.abuser.key}\r\n"
                "Content-Length: 1000000\r\n\r\n",
            )
            while True:
                await asyncio.sleep(_TRICKLE_S)
                await self._send_raw(connection, "x")

    async def _idle(self) -> None:
        with _connected(self._port):
            await asyncio.sleep(_PATIENCE_S)

    @property
    def _port(self) -> int:
        self._made += 1
        return self._parts.serves[self._made % len(self._parts.serves)].port

    @staticmethod
    async def _send_raw(connection: socket.socket, text: str) -> None:
        await asyncio.get_running_loop().sock_sendall(connection, text.encode())


@contextmanager
def _connected(port: int, *, receive_bytes: int = 0) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(0)
        yield connection


_made_workbooks: Final[dict[str, bytes]] = {}
_making: Final = threading.Lock()


def _workbook(name: str) -> bytes:
    with _making:
        if name not in _made_workbooks:
            _made_workbooks[name] = HOSTILE[name].make()
        return _made_workbooks[name]
