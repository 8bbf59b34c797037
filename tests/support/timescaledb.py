"""A real PostgreSQL with TimescaleDB that a test may stop, restart and kill."""

import os
import secrets
import signal
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Final, Self

import psycopg

from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.processes import (
    continue_tree,
    free_port,
    kill_tree,
    run,
    spawn,
    stop_tree,
    wait_until_ready,
)

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["TimescaleServer"]

_USER: Final = "postgres"
_STOP_TIMEOUT_S: Final = 60

_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "timezone": "UTC",
    # In the data directory, so that a killed server leaves no shared memory behind.
    "dynamic_shared_memory_type": "mmap",
}
_QUICK: Final = {
    # Enough for a killed process, whose writes the kernel keeps; not for a power cut.
    "fsync": "off",
    "full_page_writes": "off",
}
_DURABLE: Final = {
    # Sized for 2 cores and a few gigabytes of memory, as docs/install.md advises.
    "shared_buffers": "1GB",
    "effective_cache_size": "3GB",
    "maintenance_work_mem": "256MB",
    "wal_buffers": "64MB",
    "max_wal_size": "4GB",
    "min_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "lz4",
}


class TimescaleServer(DatabaseServer):
    """A server on 127.0.0.1 with a data directory of its own; used as a context manager.

    The port, the password and the data stay the same over `stop`, `kill`, `start` and `restart`;
    the end of the context takes everything away.
    """

    is_ours: ClassVar[bool] = True

    def __init__(
        self,
        root: DebianRoot,
        *,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Choose port and password; nothing runs yet.

        Args:
            root: where PostgreSQL is installed.
            durable: flushes every commit to disk, as in production and benchmarks; otherwise a
                commit survives `kill`, but not a power cut.
            settings: further ones of postgresql.conf.
        """
        self._port = free_port()
        self._password = secrets.token_hex(16)
        super().__init__(f"postgresql://{_USER}:{self._password}@127.0.0.1:{self._port}/postgres")
        self._root = root
        self._settings = {
            **_SETTINGS,
            **(_DURABLE if durable else _QUICK),
            "port": str(self._port),
            **(settings or {}),
        }
        self._process: Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(self._root.workspace(user=_USER))
            self._prepare(stack)
            stack.callback(self.kill)
            stack.callback(self.stop)
            self._make_data_directory()
            self.start()
            self._on_exit = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._on_exit.close()

    def start(self) -> None:
        """Start a server that is stopped; returns when it takes connections.

        Raises:
            StartError: it does not start; the message carries the end of its log.
        """
        log = self._folder / "server.log"
        self._process = spawn(self._command("postgres", "-D", str(self._data)), log=log)
        wait_until_ready(self._answers, self._process, log=log)

    def stop(self) -> None:
        """Stop it in order: sessions are cut off, committed data is safe on disk."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL the server with all its processes; the next start recovers from the log."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def restart(self) -> None:
        """Stop it in order and start it again."""
        self.stop()
        self.start()

    @property
    def port(self) -> int:
        """Where it listens, over all starts."""
        return self._port

    @property
    def is_running(self) -> bool:
        """Whether its main process lives; it ends by itself where it cannot recover."""
        return self._process is not None and self._process.poll() is None

    @property
    def answers(self) -> bool:
        """Whether it takes connections at this moment."""
        return self._answers()

    def kill_process(self, pid: int) -> None:
        """SIGKILL one of its processes, which makes it end all others and recover."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def suspend(self) -> None:
        """SIGSTOP for all its processes."""
        if self._process is not None:
            stop_tree(self._process)

    def resume(self) -> None:
        """SIGCONT for all its processes."""
        if self._process is not None:
            continue_tree(self._process)

    def _prepare(self, stack: ExitStack) -> None:
        """Before the data directory is made: for a server that needs something more."""

    def _command(self, program: str, *arguments: str) -> list[str]:
        """What to run so that a program of PostgreSQL runs as its user."""
        path = self._root.postgres_programs / program
        return self._root.command(path, *arguments, user=_USER)

    def _make_data_directory(self) -> None:
        self._data = self._root.inside(self._folder) / "data"
        password_file = self._folder / "password"
        password_file.write_text(self._password, encoding="ascii")
        self._root.give(password_file, user=_USER)
        run(
            self._command(
                "initdb",
                f"--pgdata={self._data}",
                f"--username={_USER}",
                "--auth=scram-sha-256",
                f"--pwfile={self._root.inside(password_file)}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                *self._initdb_options(),
            )
        )
        lines = [f"{name} = '{value}'\n" for name, value in self._settings.items()]
        with (self._folder / "data/postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.writelines(lines)

    def _initdb_options(self) -> tuple[str, ...]:
        return ()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
