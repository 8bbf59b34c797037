"""Embedded PostgreSQL for the demonstration and for trying out.

It comes from a PyPI wheel, so that a machine needs nothing installed. It is not for evidence: it
has no TimescaleDB and dies with its directory.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self
from urllib.parse import quote

from command.disk_room import require_room
from command.embedded_account import Account, account_of_server
from command.embedded_folders import (
    is_fit_for_socket,
    private_folder,
    programs_for,
)
from command.embedded_keeper import ENVIRONMENT, keeper, uninterrupted
from jieru.errors import WorldError

__all__ = ["EmbeddedPostgres"]

_SUPERUSER: Final = "postgres"
_PORT: Final = 5432
"""It only names the socket; said, so that no PGPORT is asked."""
_DATA: Final = "data"
_SOCKETS: Final = "socket"
_INITDB_OPTIONS: Final = (
    f"--username={_SUPERUSER}",
    "--auth=trust",  # who passes through the folder is trusted
    "--encoding=UTF8",
    # PostgreSQL's own C.UTF-8, which needs nothing that this machine may lack.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
)
_SERVER_OPTIONS: Final = (
    "-h",
    "",  # no TCP
    "-c",
    "fsync=off",  # what a power cut leaves is thrown away
    "-c",
    "max_wal_size=64MB",
    "-c",
    "dynamic_shared_memory_type=mmap",  # in its folder: /dev/shm is small in containers
)
_READY_TIMEOUT_S: Final = 60
_STOP_TIMEOUT_S: Final = 60
_POLL_S: Final = 0.01
_NEEDED_MB: Final = 150
"""A new cluster takes 40 MB, that of the demonstration 70, and copied programs 35."""
_DISK_IS_FULL: Final = "No space left on device"


class EmbeddedPostgres:
    """PostgreSQL 18 in a folder of its own, reached by a Unix socket, gone at the end.

    It speaks C.UTF-8, whatever this machine speaks, and is another user than root.
    """

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            UserError: this machine has no place for it; the message says what to do.
            WorldError: it does not start; the message has its last words.
        """
        with ExitStack() as begun:
            account = account_of_server()
            folder = begun.enter_context(_folder(account))
            place = folder
            if not is_fit_for_socket(folder):
                place = begun.enter_context(_folder(account, for_socket=True))
            keep = begun.enter_context(keeper({folder, place}))
            require_room(_NEEDED_MB, folder.parent)
            begun.enter_context(_server(account, folder, place / _SOCKETS, keep))
            self._begun = begun.pop_all()
        host = quote(os.fsencode(place / _SOCKETS))
        self._place = f"/{_SUPERUSER}?host={host}&port={_PORT}"
        self.url: str = self.url_of(_SUPERUSER)
        return self

    def url_of(self, role: str) -> str:
        """The address for whoever logs in as a role; none has a password."""
        return f"postgresql://{role}:@{self._place}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with uninterrupted():
            self._begun.close()


@contextmanager
def _folder(account: Account, *, for_socket: bool = False) -> Iterator[Path]:
    folder = private_folder(account, for_socket=for_socket)
    try:
        yield folder
    finally:
        with uninterrupted():
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(
    account: Account, folder: Path, sockets: Path, keep: Callable[[int], None]
) -> Iterator[None]:
    """A new cluster in `folder`, and its server."""
    data, log = folder / _DATA, folder / "log"
    for private in (data, sockets):
        private.mkdir(mode=0o700)
        account.give(private)
    programs = programs_for(account, folder)

    def start(*argv: str | Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - programs of the wheel
                argv,
                cwd=folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **account.switch,
            )
        keep(process.pid)
        return process

    with _ended(start(programs / "initdb", "--pgdata", data, *_INITDB_OPTIONS)) as initdb:
        if initdb.wait() != 0:
            _fail(folder, log)
    with _ended(
        start(programs / "postgres", "-D", data, "-k", f'"{sockets}"', *_SERVER_OPTIONS)
    ) as server:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not _is_ready(data):
            if server.poll() is not None or time.monotonic() > deadline:
                _fail(folder, log)
            time.sleep(_POLL_S)
        yield


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive this block; to the server SIGINT means: now, but cleanly."""
    try:
        yield process
    finally:
        with uninterrupted():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)  # initdb has children
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(data: Path) -> bool:
    """Whether the server has written that it takes connections: the last line of its lock file."""
    with suppress(FileNotFoundError):
        return (data / "postmaster.pid").read_bytes().rstrip().endswith(b"\nready")
    return False


def _fail(folder: Path, log: Path) -> NoReturn:
    said = log.read_text(errors="replace")
    if _DISK_IS_FULL in said:
        require_room(_NEEDED_MB, folder.parent)  # somebody else took what there was
    errors = [line for line in said.splitlines() if "FATAL" in line or "error:" in line]
    raise WorldError(
        "The embedded PostgreSQL does not start: {reason}",
        reason=errors[-1] if errors else said.strip()[-200:],
    )
