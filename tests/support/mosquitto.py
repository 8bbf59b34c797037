"""A real Mosquitto that a test may stop, restart and kill, with the ACL that we deploy."""

import base64
import hashlib
import secrets
import shutil
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import quote

from tests.support.debian_root import DebianRoot
from tests.support.processes import free_port, kill_tree, run, spawn, wait_until_ready

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["INGEST_USER", "MosquittoBroker"]

INGEST_USER: Final = "_ingest"

_USER: Final = "mosquitto"
_DEPLOYED: Final = Path(__file__).parents[2] / "deploy" / "mosquitto"
_STOP_TIMEOUT_S: Final = 60
_HASH_ITERATIONS: Final = 101  # Mosquitto's own default
_RELOADED: Final = b"Reloading config."


class MosquittoBroker:
    """A broker on 127.0.0.1; used as a context manager.

    It runs the configuration that we deploy, with a port and folders of its own. Port, users and
    the persistence file stay over `stop`, `kill`, `start` and `restart`.

    Mosquitto writes sessions and queues to disk when it stops, every `autosave_interval` seconds
    and on `save`, and acknowledges a message without waiting for any of them. So `restart` loses
    no message that was queued, while `kill` loses all since the last save. Shared subscriptions it
    never writes: after either, until an ingester of the group is back, heartbeats go nowhere.
    """

    def __init__(
        self,
        root: DebianRoot,
        *,
        persistence: bool = True,
        allow_anonymous: bool = False,
        max_packet_size: int | None = None,
    ) -> None:
        """Choose the port; nothing runs yet.

        Args:
            root: where Mosquitto is installed.
            persistence: keeps sessions and queues over a restart.
            allow_anonymous: lets clients in without a name; the ACL then allows them nothing.
            max_packet_size: bytes; a client that sends more is cut off.
        """
        self.port: Final = free_port()
        self._root = root
        self._passwords: dict[str, str] = {}
        self._process: Popen[bytes] | None = None
        self._changes = {
            "listener": f"{self.port} 127.0.0.1",
            "allow_anonymous": str(allow_anonymous).lower(),
            "persistence": str(persistence).lower(),
            "log_dest": "stderr",
        }
        if max_packet_size is not None:
            self._changes["max_packet_size"] = str(max_packet_size)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(self._root.workspace(user=_USER))
            stack.callback(self.kill)
            self._configure()
            self.add_user(INGEST_USER)
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
        """Start a broker that is stopped; returns when it takes connections.

        Raises:
            StartError: it does not start; the message carries the end of its log.
        """
        configuration = self._root.inside(self._folder) / "mosquitto.conf"
        self._process = spawn(
            self._root.command("/usr/sbin/mosquitto", "-c", configuration, user=_USER),
            log=self._log,
        )
        wait_until_ready(self._answers, self._process, log=self._log)

    def stop(self) -> None:
        """Stop it in order: sessions and queues are saved."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL it: what was not saved is lost."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def restart(self) -> None:
        """Stop it in order and start it again."""
        self.stop()
        self.start()

    def save(self) -> None:
        """Write sessions and queues to disk now; returns when that is done."""
        if self._process is not None:
            saved = self._saved()
            self._process.send_signal(signal.SIGUSR1)
            wait_until_ready(lambda: self._saved() != saved, self._process, log=self._log)

    def add_user(self, name: str, password: str | None = None) -> str:
        """Add a user, or change their password, while the broker runs or not; their address.

        The ACL goes by the name: `{platform}`, `{platform}/{serial}` or `INGEST_USER`.
        """
        self._passwords[name] = password or secrets.token_hex(8)
        path = self._folder / "passwords"
        lines = [_password_entry(*entry) for entry in self._passwords.items()]
        path.write_text("".join(lines), encoding="utf-8")
        self._protect(path)
        if self._process is not None:
            reloads = self._reloads()
            self._process.send_signal(signal.SIGHUP)
            # The broker has one thread: what it says first, it does before the next packet.
            wait_until_ready(lambda: self._reloads() > reloads, self._process, log=self._log)
        return self.url(name)

    def url(self, user: str | None = INGEST_USER) -> str:
        """The address for a user, password included; `None`: for nobody in particular."""
        if user is None:
            return f"mqtt://127.0.0.1:{self.port}"
        names = f"{quote(user, safe='')}:{quote(self._passwords[user], safe='')}"
        return f"mqtt://{names}@127.0.0.1:{self.port}"

    def client(
        self,
        program: Literal["mosquitto_pub", "mosquitto_sub"],
        *arguments: str,
        user: str | None = INGEST_USER,
    ) -> list[str]:
        """The command that runs one of Mosquitto's own clients against this broker."""
        names = [] if user is None else ["-u", user, "-P", self._passwords[user]]
        address = ["-h", "127.0.0.1", "-p", str(self.port)]
        inside = f"/usr/bin/{program}"
        return self._root.command(inside, *address, *names, *arguments, user=_USER)

    def publish(self, topic: str, payload: str, *, user: str) -> None:
        """Publish one message at QoS 1 with `mosquitto_pub`; returns when it is acknowledged.

        An acknowledgement is no permission: what the ACL forbids is dropped all the same.

        Raises:
            StartError: the broker refuses the user, or is away.
        """
        arguments = ("-q", "1", "-t", topic, "-s")
        run(self.client("mosquitto_pub", *arguments, user=user), given=payload)

    @property
    def _log(self) -> Path:
        return self._folder / "mosquitto.log"

    def _configure(self) -> None:
        shutil.copy(_DEPLOYED / "acl", self._folder / "acl")
        self._protect(self._folder / "acl")
        inside = self._root.inside(self._folder)
        settings = {
            **_settings(_DEPLOYED / "mosquitto.conf"),
            **self._changes,
            "password_file": f"{inside}/passwords",
            "acl_file": f"{inside}/acl",
            "persistence_location": f"{inside}/",
        }
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        path = self._folder / "mosquitto.conf"
        path.write_text("".join(lines), encoding="utf-8")
        self._protect(path)

    def _protect(self, path: Path) -> None:
        # Mosquitto complains of secrets that others may read or change.
        path.chmod(0o600)
        self._root.give(path, user=_USER)

    def _saved(self) -> int | None:
        # Each save is a new file that takes the old one's name.
        path = self._folder / "mosquitto.db"
        return path.stat().st_ino if path.exists() else None

    def _reloads(self) -> int:
        return self._log.read_bytes().count(_RELOADED)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _settings(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def _password_entry(name: str, password: str) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _HASH_ITERATIONS)
    parts = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{name}:$7${_HASH_ITERATIONS}${'$'.join(parts)}\n"
