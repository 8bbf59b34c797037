"""The parts that a schedule plays with: a city on TimescaleDB, people, `serve` processes."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import psycopg

from api.access.roles import Role
from jieru.database import connect
from jieru.schema import migrate
from tests.stall.books import Person
from tests.stall.schedule import Schedule
from tests.support.callers import key_of
from tests.support.command import clean_environment
from tests.support.debian_root import DebianRoot
from tests.support.kept_counts import keep_counts
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.support.people import session_of
from tests.support.procedure import write_key
from tests.support.processes import StartError, free_port
from tests.support.roles import API, as_role
from tests.support.small_city import build_small_city
from tests.support.small_disks import SmallDisks
from tests.support.timescaledb import TimescaleServer
from tests.support.visiting import add_person

__all__ = ["DOCUMENTS", "TEMPORARY", "Serve", "Servers", "Stage", "stage"]

TEMPORARY: Final = "temporary"
DOCUMENTS: Final = "documents"
_MEGABYTES: Final = {TEMPORARY: 64, DOCUMENTS: 16}

_CROWD: Final = (
    (Role.OPERATOR, "xielian", 12),
    (Role.OPERATOR, "guolian", 8),
    (Role.VERIFIER, None, 14),
    (Role.AUDITOR, None, 10),
    (Role.ADMIN, None, 6),
)
_ABUSER: Final = "zhuang"
_START_S: Final = 120.0
_STOP_S: Final = 60.0
_POLL_S: Final = 0.1
_DEATH: Final = """
import os, threading, time
def _end_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
"""
"""Runs before anything else: it ends with whoever started it, however that ends."""


class Serve:
    """One `jieru serve`, which can be killed, ended and started again."""

    def __init__(
        self, url: str, log: Path, disks: SmallDisks, folders: Path, prelude: str, **settings: str
    ) -> None:
        """Choose its port; it does not run yet.

        Args:
            url: of the database.
            log: takes what it says.
            disks: what it sees in place of two folders.
            folders: where these are.
            prelude: Python that runs in it before the command, to break it on purpose.
            settings: further ones.
        """
        self.port: Final = free_port()
        self.log: Final = log
        self.away: list[tuple[float, float]] = []
        """From when to when, by the monotonic clock, it was not to be reached."""
        self.exit_codes: list[int] = []
        """With which it left at SIGTERM."""
        argv = ["jieru", "serve", "--port", str(self.port)]
        code = f"{_DEATH}{prelude}\nimport sys; sys.argv = {argv}; from command import main; main()"
        self._command = disks.command([sys.executable, "-c", code])
        self._environment = clean_environment(
            database_url=as_role(url, API),
            language="en",
            document_folder=str(folders / DOCUMENTS),
            **settings,
        ) | {"TMPDIR": str(folders / TEMPORARY)}
        self._process: subprocess.Popen[bytes] | None = None
        self._left_s = 0.0

    def start(self) -> None:
        """Start it; returns when it answers, whatever it says of its health.

        Raises:
            StartError: it does not.
        """
        deadline = time.monotonic() + _START_S
        while True:  # a supervisor starts it again when the database is not there yet
            with self.log.open("ab") as output:
                self._process = subprocess.Popen(
                    self._command, env=self._environment, stdout=output, stderr=output
                )
            while self._process.poll() is None and time.monotonic() < deadline:
                if self.answers:
                    if self._left_s:
                        self.away.append((self._left_s, time.monotonic()))
                    return
                time.sleep(_POLL_S)
            if time.monotonic() > deadline:
                tail = self.says[-2_000:]
                raise StartError(f"jieru serve does not start (see {self.log}):\n{tail}")
            time.sleep(1.0)

    def start_again(self) -> None:
        """Start it after it was killed or ended."""
        self.start()

    @property
    def answers(self) -> bool:
        """Whether anything answers there."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).status_code > 0
        except httpx.TransportError:
            return False

    @property
    def says(self) -> str:
        """Everything it has said."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._left_s = time.monotonic()
            self._process.kill()
            self._process.wait()

    def terminate(self) -> None:
        """SIGTERM; its exit code is kept, -9 where it had to be killed."""
        if self._process is not None:
            self._left_s = time.monotonic()
            self._process.send_signal(signal.SIGTERM)
            try:
                self.exit_codes.append(self._process.wait(_STOP_S))
            except subprocess.TimeoutExpired:
                self.kill()
                self.exit_codes.append(-9)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything of one schedule."""

    server: TimescaleServer
    url: str
    """Of the database, a superuser's."""
    serves: list[Serve]
    disks: SmallDisks
    people: list[Person]
    abuser: Person
    """An administrator with a session and a program's key."""
    folder: Path

    @property
    def documents(self) -> Path:
        """Where this process finds the folder of documents."""
        return self.disks.path(DOCUMENTS)


class Servers:
    """What all schedules share: a server with a city to be copied, an OpenID provider."""

    def __init__(self, root: DebianRoot) -> None:
        """Nothing runs yet."""
        self._root = root

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.database = stack.enter_context(TimescaleServer(self._root))
            self.issuer = stack.enter_context(running_provider()).issuer
            self.template = self.database.create_database()
            migrate(self.template)
            with connect(self.template) as connection:
                build_small_city(connection)
                keep_counts(connection)
                for name, role, platform in _people():
                    add_person(connection, name, role, platform=platform)
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


def _people() -> Iterator[tuple[str, Role, str | None]]:
    for role, platform, number in _CROWD:
        for each in range(1, number + 1):
            yield f"{platform or role}{each}", role, platform
    yield _ABUSER, Role.ADMIN, None


@contextmanager
def stage(
    servers: Servers, schedule: Schedule, folder: Path, *, prelude: str = "", people: int = 50
) -> Iterator[Stage]:
    """Set up what a schedule plays with; every `serve` answers, and nobody asks yet.

    Args:
        servers: of all schedules.
        schedule: says how many serve.
        folder: for logs and disks.
        prelude: Python that runs in each `serve`, to break it on purpose.
        people: how many of the crowd come.
    """
    with ExitStack() as stack:
        url = stack.enter_context(_database(servers))
        with connect(url) as connection:
            everybody = [
                _person(connection, number, *each) for number, each in enumerate(_people())
            ]
        abuser = everybody.pop()
        (folder / "disks").mkdir()
        disks = stack.enter_context(SmallDisks(folder / "disks", _MEGABYTES))
        serves = []
        for number in range(1, schedule.serves + 1):
            serve = Serve(
                url,
                folder / f"serve-{number}.log",
                disks,
                folder / "disks",
                prelude,
                signing_key_file=str(write_key(folder / "key.pem")),
                oidc_issuer=servers.issuer,
                oidc_client_id=CLIENT_ID,
                oidc_client_secret=CLIENT_SECRET,
                public_url="http://jieru.test",
            )
            stack.callback(serve.kill)
            serve.start()
            serves.append(serve)
        # Of every role some, however few come.
        chosen = [everybody[place * len(everybody) // people] for place in range(people)]
        yield Stage(servers.database, url, serves, disks, chosen, abuser, folder)


@contextmanager
def _database(servers: Servers) -> Iterator[str]:
    url = servers.database.create_database(template=servers.template)
    try:
        yield url
    finally:
        if not servers.database.is_running:
            servers.database.start()
        servers.database.drop_database(url)


def _person(
    connection: psycopg.Connection, number: int, name: str, role: Role, platform: str | None
) -> Person:
    return Person(
        name=name,
        role=role,
        platform=platform,
        session=session_of(connection, name),
        key="" if role is Role.AUDITOR else key_of(connection, name).text,
        address=f"10.0.0.{number + 1}",
    )
