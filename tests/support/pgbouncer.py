"""A real PgBouncer before a database, which lends sessions as a test wants it."""

import signal
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import urlsplit

import psycopg

from tests.support.debian_root import DebianRoot
from tests.support.processes import free_port, kill_tree, spawn, wait_until_ready
from tests.support.roles import ROLE_PASSWORDS

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["PgBouncer", "PoolMode"]

_USER: Final = "postgres"
_STOP_TIMEOUT_S: Final = 30
_RELOADED: Final = b"re-reading config"

PoolMode = Literal["session", "transaction", "statement"]


class PgBouncer:
    """A pooler on 127.0.0.1 before the server of a database; used as a context manager.

    The port stays over `stop`, `start` and `restart`.
    """

    def __init__(
        self,
        root: DebianRoot,
        database_url: str,
        *,
        mode: PoolMode,
        pool_size: int = 20,
        settings: dict[str, str] | None = None,
    ) -> None:
        """Choose the port; nothing runs yet.

        Args:
            root: where PgBouncer is installed.
            database_url: of a database whose user has a password.
            mode: for how long a client keeps a session.
            pool_size: sessions at most for one user of one database.
            settings: further ones of pgbouncer.ini.
        """
        self.mode: PoolMode = mode
        self._root = root
        self._server = urlsplit(database_url)
        self._port = free_port()
        self._pool_size = pool_size
        self._settings = dict(settings or {})
        self._process: Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(self._root.workspace(user=_USER))
            stack.callback(self.kill)
            stack.callback(self.stop)
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

    @property
    def url(self) -> str:
        """The database, by way of the pooler."""
        user, _at, _host = self._server.netloc.rpartition("@")
        return self._server._replace(netloc=f"{user}@127.0.0.1:{self._port}").geturl()

    def start(self) -> None:
        """Start it in its present mode; returns when it takes connections.

        Raises:
            StartError: it does not start; the message carries the end of its log.
        """
        self._configure()
        path = self._root.inside(self._folder / "pgbouncer.ini")
        self._process = spawn(
            self._root.command("/usr/sbin/pgbouncer", path, user=_USER), log=self._log
        )
        wait_until_ready(self._answers, self._process, log=self._log)

    def stop(self) -> None:
        """End it with all its connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def restart(self, mode: PoolMode) -> None:
        """End it and start it in another mode."""
        self.stop()
        self.mode = mode
        self.start()

    def reload(self, mode: PoolMode) -> None:
        """Have it go on in another mode, with the connections that it has; returns when it does."""
        assert self._process is not None, "the pooler does not run"
        process, reloads = self._process, self._reloads()
        self.mode = mode
        self._configure()
        process.send_signal(signal.SIGHUP)
        wait_until_ready(lambda: self._reloads() > reloads, process, log=self._log)

    def _reloads(self) -> int:
        return self._log.read_bytes().count(_RELOADED)

    @property
    def _log(self) -> Path:
        return self._folder / "pgbouncer.log"

    def _configure(self) -> None:
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self._port),
            "unix_socket_dir": "",
            "auth_type": "plain",
            "auth_file": str(self._root.inside(self._folder / "users.txt")),
            "pool_mode": self.mode,
            "default_pool_size": str(self._pool_size),
            **self._settings,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        server = f"* = host={self._server.hostname} port={self._server.port}"
        self._write("pgbouncer.ini", "\n".join(["[databases]", server, "[pgbouncer]", *lines, ""]))
        passwords: dict[str, str] = {
            str(self._server.username): str(self._server.password),
            **ROLE_PASSWORDS,
        }
        users = [f'"{name}" "{password}"\n' for name, password in passwords.items()]
        self._write("users.txt", "".join(users))

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        self._root.give(path, user=_USER)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
