"""A platform's own Mosquitto, as Debian installs it, with the bridge that we show."""

import signal
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tests.support.debian_root import DebianRoot
from tests.support.processes import free_port, kill_tree, spawn, wait_until_ready

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["OwnBroker"]

_USER: Final = "mosquitto"
_STOP_TIMEOUT_S: Final = 60
# As Debian's own mosquitto.conf has it, but for the folder; then a listener in the plant's network.
_DEBIAN: Final = """\
pid_file {folder}/own.pid
persistence true
persistence_location {folder}/
log_dest stderr
listener {port} 127.0.0.1
allow_anonymous true
"""


class OwnBroker:
    """A broker on 127.0.0.1 that anybody may use; a context manager, not started yet."""

    def __init__(self, root: DebianRoot) -> None:
        """Choose the port."""
        self.port: Final = free_port()
        self._root = root
        self._process: Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(self._root.workspace(user=_USER)) / "own"
            self._folder.mkdir()
            self._root.give(self._folder, user=_USER)
            stack.callback(self.kill)
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
        """Where the plant's equipment finds it."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says, over all starts."""
        return self._folder / "own.log"

    def keep(self, name: str, content: bytes) -> Path:
        """Put a file beside its configuration; where the broker finds it."""
        path = self._folder / name
        path.write_bytes(content)
        self._root.give(path, user=_USER)
        return self._root.inside(path)

    def start(self, bridge: str) -> None:
        """Start it with this in its folder conf.d; returns when it takes connections.

        Raises:
            StartError: it does not start; the message carries the end of its log.
        """
        settings = _DEBIAN.format(folder=self._root.inside(self._folder), port=self.port)
        file = self.keep("own.conf", f"{settings}\n{bridge}".encode())
        starts = self._said(b" running")
        self._process = spawn(
            self._root.command("/usr/sbin/mosquitto", "-c", file, user=_USER), log=self.log
        )
        wait_until_ready(lambda: self._said(b" running") > starts, self._process, log=self.log)

    def save(self) -> None:
        """Write the queue to disk now, as it does every `autosave_interval` seconds."""
        assert self._process is not None
        saved = self._saved()
        self._process.send_signal(signal.SIGUSR1)
        wait_until_ready(lambda: self._saved() != saved, self._process, log=self.log)

    def stop(self) -> None:
        """End it in order: the queue is saved."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL it."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def _saved(self) -> int | None:
        path = self._folder / "mosquitto.db"
        return path.stat().st_ino if path.exists() else None

    def _said(self, words: bytes) -> int:
        return self.log.read_bytes().count(words) if self.log.exists() else 0
