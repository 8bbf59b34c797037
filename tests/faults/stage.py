"""The parts that a schedule plays with: servers, the two links that can be broken, ingesters."""

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, LiteralString, Self, TypeVar
from urllib.parse import urlsplit

import psycopg

from jieru.schema import migrate
from tests.faults.hostile import HOSTILE_PLATFORM, Hostile
from tests.faults.load import DEVICES, Gateway, Message
from tests.faults.mqtt_tap import MqttTap
from tests.faults.posting import POSTING, Poster
from tests.faults.schedule import HOSTILE, Kind, Schedule
from tests.faults.servers import DATA, LOG, CrampedServer
from tests.faults.verdict import remember_apart
from tests.support.credentials import issue_to
from tests.support.debian_root import DebianRoot
from tests.support.fleet import PLATFORM, ingester, register_devices
from tests.support.mosquitto import MosquittoBroker
from tests.support.processes import StartError, free_port
from tests.support.tcp_proxy import TcpProxy

__all__ = ["Ingester", "Servers", "Stage", "stage"]

_SETTINGS: Final = {
    "ingest_batch_size": "200",
    "ingest_batch_age_ms": "100",
    "ingest_receive_maximum": "1000",
    "device_state_interval_s": "2",
    # A schedule may play for longer than the burst of its few devices lasts.
    "ingest_device_rate": "0",
}
_PATIENCE_S: Final = 120.0
_POLL_S: Final = 0.1
_SUPERVISOR_S: Final = 1.0
"""How long a supervisor of services waits before it starts one again."""

_PRELUDE: Final = """
import os, threading, time
def _end_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
def _ahead_s(real=time.time, real_ns=time.time_ns):
    def ahead():
        with open({path!r}) as clock:
            return int(clock.read() or 0)
    time.time = lambda: real() + ahead()
    time.time_ns = lambda: real_ns() + ahead() * 1_000_000_000
_ahead_s()
"""
"""Runs in the ingester before anything else: its clock is as far ahead as a file says, and it
ends with whoever started it, however that ends."""

_Result = TypeVar("_Result")


class Ingester:
    """One ingester under a supervisor, which starts it again when it did not get going."""

    def __init__(
        self,
        database_url: str,
        mqtt_url: str,
        log: Path,
        prelude: str,
        *arguments: str,
        **settings: str,
    ) -> None:
        """Start it, and watch it in a thread of its own."""
        self.log: Final = log
        self.crashes: list[str] = []
        """What it said at the end when it left by itself though it had been running."""
        self._start_it: Callable[[], AbstractContextManager[subprocess.Popen[bytes]]] = partial(
            ingester,
            database_url,
            mqtt_url,
            log,
            *arguments,
            prelude=prelude,
            **_SETTINGS,
            **settings,
        )
        self._lock = threading.Lock()
        self._lives = ExitStack()
        self._said = 0
        self._is_down = False
        self._process = self._lives.enter_context(self._start_it())
        self._is_watched = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor")
        self._watcher.start()

    def kill(self) -> None:
        """SIGKILL; it stays away until `start`."""
        with self._lock:
            self._is_down = True
            self._process.kill()
            self._process.wait()

    def start(self) -> None:
        """Start it again after `kill`."""
        with self._lock:
            self._start()
            self._is_down = False

    def suspend(self) -> None:
        """SIGSTOP."""
        with self._lock:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        with self._lock:
            self._process.send_signal(signal.SIGCONT)

    def leave(self) -> int | None:
        """SIGTERM, and its exit code; None when it does not leave."""
        self._unwatch()
        self._process.terminate()
        try:
            return self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """End it, in whatever state it is."""
        self._unwatch()
        self._lives.close()

    @property
    def says(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def _start(self) -> None:
        self._said = len(self.says)
        self._lives.close()
        self._process = self._lives.enter_context(self._start_it())

    def _unwatch(self) -> None:
        self._is_watched.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._is_watched.wait(_POLL_S):
            with self._lock:
                if self._is_down or self._process.poll() is None:
                    continue
                said = self.says[self._said :]
                if 'ingester_started"' in said or "Traceback" in said:
                    self.crashes.append(f"exit code {self._process.returncode}: {said[-2000:]}")
            if not self._is_watched.wait(_SUPERVISOR_S):
                with self._lock:
                    self._start()


class Servers:
    """The database server of many schedules, mended after each, and a new broker for each."""

    def __init__(self, root: DebianRoot) -> None:
        """Nothing runs yet."""
        self._root = root

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.database = stack.enter_context(CrampedServer(self._root))
            self.template = stack.enter_context(self.database.database())
            migrate(self.template)
            self.database.seal(self.template)
            self._on_exit = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._on_exit.close()

    def broker(self) -> MosquittoBroker:
        """A broker for one schedule: it starts in a moment, and with nothing in its queues."""
        return MosquittoBroker(self._root)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that one schedule plays with."""

    database: CrampedServer
    database_url: str
    """Past the link that breaks: for whoever looks on."""
    database_link: TcpProxy
    broker: MosquittoBroker
    broker_link: TcpProxy
    tap: MqttTap
    gateway: Gateway
    ingesters: Sequence[Ingester]
    http_ingester: Ingester
    poster: Poster
    clock: Path
    hostiles: Mapping[Kind, Hostile]
    """Those of the schedule."""

    @property
    def gateways(self) -> Sequence[Gateway]:
        """Whoever publishes what is in the books: the honest one, and the hostile."""
        others = [each.gateway for each in self.hostiles.values() if each.gateway is not None]
        return [self.gateway, *others]

    @property
    def acknowledged(self) -> frozenset[Message]:
        """What the broker has taken of all of them."""
        return self.poster.acknowledged.union(*(each.acknowledged for each in self.gateways))

    @property
    def published_s(self) -> dict[Message, float]:
        """When each message of all of them was published first."""
        everybody: list[Gateway | Poster] = [*self.gateways, self.poster]
        return {message: at_s for each in everybody for message, at_s in each.published_s.items()}

    def wait_until_acknowledged(self) -> None:
        """Wait until the broker has taken everything."""
        for each in self.gateways:
            each.wait_until_acknowledged()

    def set_clock(self, ahead_s: int) -> None:
        """Let the ingesters' clock be so far ahead of this machine's."""
        changed = self.clock.with_suffix(".new")
        changed.write_text(str(ahead_s), encoding="ascii")
        changed.rename(self.clock)

    def patiently(self, act: Callable[[psycopg.Connection], _Result]) -> _Result:
        """Do something in the database as soon as it can be reached.

        Raises:
            psycopg.Error: it cannot be for long.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with psycopg.connect(
                    self.database_url, autocommit=True, connect_timeout=10
                ) as connection:
                    return act(connection)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)

    def execute(self, statement: LiteralString, *parameters: object) -> None:
        """Run one statement as soon as the database can be reached."""
        self.patiently(lambda connection: connection.execute(statement, parameters or None))

    def end_sessions(self) -> None:
        """Have the ingesters connect anew, so that changed settings of the database hold."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )


@contextmanager
def stage(
    servers: Servers,
    schedule: Schedule,
    folder: Path,
    *,
    prelude: str = "",
    http_prelude: str = "",
) -> Iterator[Stage]:
    """Set up what a schedule plays with; the ingesters are connected, nothing is published.

    Args:
        servers: of all schedules.
        schedule: says which ingesters run.
        folder: for logs.
        prelude: Python that runs in each ingester of the broker, to break it on purpose.
        http_prelude: the same for the one that takes posts.
    """
    with ExitStack() as stack:
        url = servers.database.create_database(template=servers.template)
        stack.callback(_drop, servers.database, url)
        with psycopg.connect(url) as connection:
            register_devices(connection, [*DEVICES, *POSTING])
            register_devices(connection, [*map(Hostile.serial_of, HOSTILE)], HOSTILE_PLATFORM)
            remember_apart(connection)
            connection.commit()
            issued = issue_to(connection, PLATFORM)
        broker = stack.enter_context(servers.broker())
        tap = MqttTap()
        broker_link = stack.enter_context(TcpProxy(broker.ingest_port, observer=tap.connection))
        database_link = stack.enter_context(TcpProxy(servers.database.port))
        clock = folder / "clock"
        clock.write_text("0", encoding="ascii")
        ingesters = []
        for number in range(1, schedule.ingesters + 1):
            each = Ingester(
                _through(url, database_link),
                _through(broker.url(), broker_link),
                folder / f"ingest-{number}.log",
                _PRELUDE.format(path=str(clock)) + prelude,
                ingest_client_id=f"jieru-ingest-{number}",
                ingest_group=schedule.group,
                mqtt_protocol=schedule.protocol,
            )
            stack.callback(each.close)
            ingesters.append(each)
        port = free_port()
        http_ingester = Ingester(
            _through(url, database_link),
            "mqtt://127.0.0.1:1",
            folder / "ingest-http.log",
            _PRELUDE.format(path=str(clock)) + http_prelude,
            "--http",
            ingest_post_port=str(port),
        )
        stack.callback(http_ingester.close)
        poster = Poster(port, issued, schedule.seed)
        stack.callback(poster.close)
        gateway = Gateway(broker.add_user(PLATFORM))
        stack.callback(gateway.close)
        hostiles: dict[Kind, Hostile] = {}
        for fault in schedule.faults:
            if fault.kind in HOSTILE:
                url_of_hostile = broker.add_user(Hostile.username_of(fault.kind))
                hostile = hostiles[fault.kind] = Hostile(fault, url_of_hostile)
                stack.callback(hostile.close)
        for each in ingesters:
            _wait_until_subscribed(each)
        yield Stage(
            servers.database,
            url,
            database_link,
            broker,
            broker_link,
            tap,
            gateway,
            ingesters,
            http_ingester,
            poster,
            clock,
            hostiles,
        )


def _through(url: str, link: TcpProxy) -> str:
    return re.sub(r":\d+(?=/|$)", f":{link.port}", urlsplit(url).geturl(), count=1)


def _wait_until_subscribed(each: Ingester) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while '"subscribed"' not in each.says:
        if time.monotonic() > deadline:
            raise StartError(f"An ingester does not connect (see {each.log}): {each.says[-2000:]}")
        time.sleep(_POLL_S)


def _drop(server: CrampedServer, url: str) -> None:
    with suppress(StartError):
        server.resume()
        for disk in (DATA, LOG):
            server.disks.free(disk)
        if not server.is_running:
            server.start()
    server.drop_database(url)
