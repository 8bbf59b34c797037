"""What strangers, and a platform that means harm, can do to heartbeats over HTTPS."""

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from jieru.credentials.records import IssuedCredential
from tests.attacks.book import Attack, Book
from tests.support.credentials import issue_to
from tests.support.fleet import PLATFORM, Sent, register_devices, stored_heartbeats
from tests.support.http_ingester import HttpIngester, Poster, basic, http_ingester

_HOSTILE: Final = "hostile"
_DEVICES: Final = [f"CNC-{number:03}" for number in range(20)]
_SHORT: Final = """
import ingest.http.body, ingest.http.protocol
ingest.http.body._BODY_S = 1.0
ingest.http.protocol._HEAD_S = 1.0
"""
"""Less patience, so that a test need have none."""
_MEGABYTES_MAX: Final = 400


def _bomb() -> bytes:
    """Half a gigabyte of zeros, made a piece at a time."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    piece = bytes(1024 * 1024)
    return b"".join([*(packer.compress(piece) for _ in range(512)), packer.flush()])


@dataclass(slots=True)
class _Honest:
    """Equipment that posts all the time, and remembers each 200."""

    poster: Poster
    promised: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Post until stopped."""
        first, number = time.time_ns() // 1_000_000, 0
        while not self.stop.wait(0.02):
            number += 1
            rows = [Sent(serial, first - number) for serial in _DEVICES]
            began = time.monotonic()
            response = self.poster.post(
                [{"serial": each.serial, "ts": each.ts_ms} for each in rows]
            )
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            if response.status_code == 200 and response.json()["accepted"] == len(rows):
                self.promised += rows
            else:
                self.refused.append(response.text)


@dataclass(frozen=True, slots=True)
class _Scene:
    ingester: HttpIngester
    hostile: IssuedCredential
    connection: psycopg.Connection
    book: Book

    @contextmanager
    def attacked(self, name: str, tries: str, status: int) -> Iterator[None]:
        """Whatever the block does, the honest lose nothing, and who watches sees the status."""
        issued = issue_to(self.connection, PLATFORM)
        with self.ingester.equipment(issued) as poster:
            poster.when_known([])
            honest = _Honest(poster)
            thread = threading.Thread(target=honest.run)
            thread.start()
            try:
                yield
            finally:
                honest.stop.set()
                thread.join()
        stored = stored_heartbeats(self.connection)
        lost = [each for each in honest.promised if stored.get(each) != 1]
        assert not honest.refused, honest.refused[:3]
        metrics = httpx.get(f"{self.ingester.status_url}/metrics").text
        seen = f'jieru_ingest_http_answers_total{{status="{status}"}}'
        self.book.enter(
            Attack(
                name,
                tries,
                published=len(honest.promised),
                lost=len(lost),
                delay_s=honest.longest_s,
                seen=f"Prometheus: {seen}" if not status or seen in metrics else "",
            )
        )
        assert _peak_megabytes(self.ingester.pid) < _MEGABYTES_MAX


def _peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [each for each in status.splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@pytest.fixture
def scene(database_url: str, tmp_path: Path, book: Book) -> Iterator[_Scene]:
    """Honest equipment, a hostile platform with a credential of its own, an ingester."""
    with closing(psycopg.connect(database_url)) as connection:
        register_devices(connection, _DEVICES)
        register_devices(connection, ["x-1"], _HOSTILE)
        hostile = issue_to(connection, _HOSTILE)
        settings = {"prelude": _SHORT, "ingest_device_rate": "0"}
        with http_ingester(database_url, tmp_path / "http.log", **settings) as ingester:
            yield _Scene(ingester, hostile, connection, book)


def test_a_credential_of_another_platform_writes_nothing_of_it(scene: _Scene) -> None:
    """By the address, by a serial that names a publisher, or by a topic hidden in one."""
    now = time.time_ns() // 1_000_000
    with (
        scene.attacked("another's credential", "write heartbeats of others", 403),
        scene.ingester.equipment(scene.hostile) as hostile,
    ):
        hostile.when_known([])
        row = {"serial": _DEVICES[0], "ts": now + 1}
        assert hostile.post(row, platform=PLATFORM).status_code == 403
        assert hostile.post(row, platform=f"{_HOSTILE}%2F..%2F{PLATFORM}").status_code == 404
        for serial in (f"../{PLATFORM}/{_DEVICES[0]}", f"own/{_DEVICES[0]}", "via/x/x-1", "+", "#"):
            answer = hostile.answer({"serial": serial, "ts": now})
            assert [each["reason"] for each in answer["rejected"]] == ["malformed_payload"]
        assert hostile.answer(row)["rejected"][0]["reason"] == "unknown_device"
        for path in ("/..%2F..%2Fin", "/in", "/own", "/via", "/heartbeat", "/ab/own%2Fx"):
            assert hostile.post(row, path=path).status_code == 404
    assert Sent(_DEVICES[0], now + 1) not in stored_heartbeats(scene.connection)


def test_guessing_secrets_costs_a_bounded_time_and_locks_nobody_out(scene: _Scene) -> None:
    """Known names and others alike; from the address from which honest equipment posts too."""
    with scene.attacked("brute force", "find a secret, burn the CPU, lock others out", 429):
        statuses = []
        with httpx.Client(base_url=scene.ingester.url) as client:
            for number in range(500):
                name = PLATFORM if number % 2 else f"nobody-{number}"
                header = {"Authorization": basic(name, f"guess-{number}")}
                response = client.post(f"/ingest/v1/{name}", content=b"[]", headers=header)
                statuses.append(response.status_code)
                if response.status_code == 429:
                    assert int(response.headers["retry-after"]) > 0
        assert statuses[0] == 401
        assert statuses.count(429) > 450
        assert set(statuses) == {401, 429}


def test_a_bomb_and_huge_arrays_are_refused_in_bounded_memory(scene: _Scene) -> None:
    """Half a gigabyte in half a megabyte, too many rows, brackets without end."""
    with (
        scene.attacked("gzip bomb", "fill the memory", 413),
        scene.ingester.equipment(scene.hostile) as hostile,
    ):
        hostile.when_known([])
        packed_zeros = _bomb()
        for _turn in range(5):
            bomb = hostile.post(packed_zeros, headers={"Content-Encoding": "gzip"})
            assert bomb.status_code == 413
        many = gzip.compress(b"[" + b"0," * 1_000_000 + b"0]")
        assert hostile.post(many, headers={"Content-Encoding": "gzip"}).status_code == 413
        deep = b"[" * 500_000 + b"]" * 500_000
        assert hostile.post(deep).status_code in (200, 400)
        assert hostile.post(b'{"serial":' * 90_000).status_code in (200, 400)
        wide = [{"serial": "x-1", "ts": 1, "metrics": {"a": "b" * 80}}] * 10_000
        packed = gzip.compress(json.dumps(wide).encode())
        answer = hostile.post(packed, headers={"Content-Encoding": "gzip"}).json()
        assert len(answer["rejected"]) == 10_000


def test_whoever_sends_slowly_is_hung_up_on(scene: _Scene) -> None:
    """A head byte by byte, a second head on a connection, a body that does not come."""
    authorization = basic(scene.hostile.username, scene.hostile.secret)
    head = (
        f"POST /ingest/v1/{_HOSTILE} HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n"
        "Content-Type: application/json\r\n"
    )
    with scene.attacked("slow senders", "hold connections and memory", 408), ExitStack() as stack:
        slow = [stack.enter_context(_connected(scene)) for _ in range(200)]
        for each in slow:
            each.sendall(b"POST /ingest/v1/hostile HTTP/1.1\r\nHost: a\r\nX: ")
        body = _connected(scene)
        body.sendall(f"{head}Content-Length: 1000\r\n\r\n[".encode())
        again = _connected(scene)
        again.sendall(f"{head}Content-Length: 2\r\n\r\n[]POST /ingest".encode())
        assert b" 408 " in _all_of(body)
        assert b" 200 " in _all_of(again)
        for each in slow:
            assert _all_of(each) == b""


def test_a_flood_of_headers_is_cut_off(scene: _Scene) -> None:
    """A megabyte of head, in one header or in many, from nobody."""
    with scene.attacked("header flood", "fill the memory", 200):
        for line in (b"X-A: " + b"a" * 1_000_000, b"X-A: a\r\n" * 100_000) * 20:
            flood = _connected(scene)
            try:
                flood.sendall(b"POST /ingest/v1/hostile HTTP/1.1\r\nHost: a\r\n" + line)
                assert b" 400 " in _all_of(flood)
            except ConnectionError:
                pass  # cut off while it was sending


def _connected(scene: _Scene) -> socket.socket:
    address = httpx.URL(scene.ingester.url)
    return socket.create_connection((address.host, address.port or 0), timeout=30)


def _all_of(connection: socket.socket) -> bytes:
    """What came until the other end hung up."""
    parts = []
    with connection:
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)
