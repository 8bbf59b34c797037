"""A real Mosquitto that a test may stop, restart and kill, with the files that we deploy."""

import re
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import quote

import psutil

from jieru.credentials.broker_files import ACL, BrokerFiles, acl_for
from jieru.credentials.secret import hash_secret, password_entry
from tests.support.debian_root import DebianRoot
from tests.support.processes import free_port, kill_tree, run, spawn, wait_until_ready

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["INGEST_USER", "MosquittoBroker", "deployed_settings"]

INGEST_USER: Final = "_ingest"

_USER: Final = "mosquitto"
_DEPLOYED: Final = Path(__file__).parents[2] / "deploy" / "mosquitto"
_CERTIFICATES: Final = "/mosquitto/certificates"
"""Where the listener files that we deploy look for theirs."""
_STOP_TIMEOUT_S: Final = 60
_RELOADED: Final = b"Reloading config."
_ANOTHER_SIGNAL_S: Final = 2.0
_RUNS: Final = re.compile(rb"^\d+: mosquitto version \S+ running$", re.MULTILINE)
"""Said after it has begun to mind signals: SIGHUP would end it before."""


class MosquittoBroker:
    """A broker on 127.0.0.1; used as a context manager.

    It runs the configuration that we deploy, with ports and folders of its own. Ports, users and
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
        listener: str | None = None,
        certificates: Mapping[str, bytes] | None = None,
        settings: Mapping[str, str] | None = None,
        without: str | None = None,
    ) -> None:
        """Choose the ports; nothing runs yet.

        Args:
            root: where Mosquitto is installed.
            persistence: keeps sessions and queues over a restart.
            allow_anonymous: lets clients in without a name; the ACL then allows them nothing.
            max_packet_size: bytes; a client that sends more is cut off.
            listener: name of a file that we deploy, with one more listener (TLS).
            certificates: the files of that listener, by name.
            settings: of mosquitto.conf, in place of those that we deploy.
            without: a setting that its listeners lack, to show what it is for.
        """
        self.port: Final = free_port()
        """Of the listener for equipment."""
        self.ingest_port: Final = free_port()
        """Of the listener for ingesters."""
        self.tls_port: Final = free_port()
        self._root = root
        self._passwords: dict[str, str] = {}
        self._process: Popen[bytes] | None = None
        self._listener = listener
        self._without = without
        self._certificates = dict(certificates or {})
        self._changes = {
            "allow_anonymous": str(allow_anonymous).lower(),
            "persistence": str(persistence).lower(),
            "log_dest": "stderr",
        }
        if max_packet_size is not None:
            self._changes["max_packet_size"] = str(max_packet_size)
        self._changes.update(settings or {})

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # One below, for the workspace itself is locked, as the broker's folder is in a sync.
            self._folder = stack.enter_context(self._root.workspace(user=_USER)) / "broker"
            self._folder.mkdir()
            self._root.give(self._folder, user=_USER)
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
        """Start a broker that is stopped; returns when it takes connections and signals.

        Raises:
            StartError: it does not start; the message carries the end of its log.
        """
        configuration = self._root.inside(self._folder) / "mosquitto.conf"
        starts = self._starts()
        self._process = spawn(
            self._root.command("/usr/sbin/mosquitto", "-c", configuration, user=_USER),
            log=self.log,
        )
        wait_until_ready(lambda: self._starts() > starts, self._process, log=self.log)

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

    def suspend(self) -> None:
        """SIGSTOP."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def save(self) -> None:
        """Write sessions and queues to disk now; returns when that is done."""
        if self._process is not None:
            saved = self._saved()
            self._process.send_signal(signal.SIGUSR1)
            wait_until_ready(lambda: self._saved() != saved, self._process, log=self.log)

    def memory_kb(self) -> int:
        """What it holds in memory now, in kB (resident set); 0 while it is stopped."""
        if self._process is None:
            return 0
        process = psutil.Process(self._process.pid)
        tree = [process, *process.children(recursive=True)]
        return sum(int(each.memory_info().rss) for each in tree) // 1024

    def forget_sessions(self) -> None:
        """Remove what it saved while it is stopped."""
        (self._folder / "mosquitto.db").unlink(missing_ok=True)

    def add_user(self, name: str, password: str | None = None) -> str:
        """Add a user, or change their password, while the broker runs or not; their address.

        The ACL goes by the name: `{platform}`, `{platform}/{serial}` or `INGEST_USER`.
        """
        self.remember(name, password or secrets.token_hex(8))
        path = self._folder / "passwords"
        others = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        kept = [line for line in others if not line.startswith(f"{name}:")]
        entry = password_entry(name, hash_secret(self._passwords[name]))
        path.write_text("".join([*kept, entry]), encoding="utf-8")
        self._protect(path)
        acl = self._folder / "acl"
        acl.write_bytes(acl_for(self._passwords))
        self._protect(acl)
        if self._process is not None:
            self.reload()
        return self.url(name)

    def remember(self, name: str, password: str) -> None:
        """Use this password for a user whom somebody else has added."""
        self._passwords[name] = password

    def password(self, name: str) -> str:
        """Of a user who was added."""
        return self._passwords[name]

    def reload(self) -> None:
        """Have it read its files again; returns when it has."""
        assert self._process is not None, "the broker does not run"
        process, reloads = self._process, self.reloads
        next_s = time.monotonic()

        def is_reloaded() -> bool:
            nonlocal next_s
            if time.monotonic() >= next_s:  # it drops one that comes while it reloads for another
                process.send_signal(signal.SIGHUP)
                next_s += _ANOTHER_SIGNAL_S
            return self.reloads > reloads

        # The broker has one thread: what it says first, it does before the next packet.
        wait_until_ready(is_reloaded, process, log=self.log)

    def change_certificate(self, name: str, content: bytes) -> None:
        """Put another file in the place of one of the listener's; the broker is not told."""
        folder = self._folder / "certificates"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        for path in (folder, folder / name):
            self._root.give(path, user=_USER)

    @property
    def files(self) -> BrokerFiles:
        """What `jieru broker sync` keeps for this broker."""
        return BrokerFiles(*(self._folder / name for name in ("passwords", "acl", "broker.pid")))

    @property
    def sync_settings(self) -> dict[str, str]:
        """The settings that name those files, without `JIERU_` and in lower case."""
        return {
            "broker_password_file": str(self.files.password_file),
            "broker_acl_file": str(self.files.acl_file),
            "broker_pid_file": str(self.files.pid_file),
        }

    @property
    def reloads(self) -> int:
        """How often it has read its files again."""
        return self.log.read_bytes().count(_RELOADED)

    def url(self, user: str | None = INGEST_USER) -> str:
        """The address for a user, password included; `None`: for nobody in particular."""
        if user is None:
            return f"mqtt://127.0.0.1:{self.port}"
        names = f"{quote(user, safe='')}:{quote(self._passwords[user], safe='')}"
        port = self.ingest_port if user == INGEST_USER else self.port
        return f"mqtt://{names}@127.0.0.1:{port}"

    def local_url(self, user: str) -> str:
        """The same at the ingesters' listener, where one user may have several connections."""
        return f"{self.url(user).rpartition(':')[0]}:{self.ingest_port}"

    def tls_url(self, user: str | None = INGEST_USER) -> str:
        """The same at the listener with TLS."""
        plain = self.url(user).rpartition(":")[0]
        return f"{plain.replace('mqtt://', 'mqtts://')}:{self.tls_port}"

    def client(
        self,
        program: Literal["mosquitto_pub", "mosquitto_sub"],
        *arguments: str,
        user: str | None = INGEST_USER,
    ) -> list[str]:
        """The command that runs one of Mosquitto's own clients against this broker."""
        names = [] if user is None else ["-u", user, "-P", self._passwords[user]]
        port = self.ingest_port if user == INGEST_USER else self.port
        address = ["-h", "127.0.0.1", "-p", str(port)]
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
    def log(self) -> Path:
        """What it says, over all starts."""
        return self._folder / "mosquitto.log"

    def _configure(self) -> None:
        shutil.copy(ACL, self._folder / "acl")
        self._protect(self._folder / "acl")
        inside = self._root.inside(self._folder)
        settings = {
            **deployed_settings(),
            **self._changes,
            "password_file": f"{inside}/passwords",
            "acl_file": f"{inside}/acl",
            "pid_file": f"{inside}/broker.pid",
            "persistence_location": f"{inside}/",
        }
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        # What stands below a listener is its own, so listeners come last.
        ports = (self.ingest_port, self.port)
        for port, listener in zip(ports, _deployed_listeners(), strict=True):
            kept = [line for line in listener if line.split(" ", 1)[0] != self._without]
            lines += [f"listener {port} 127.0.0.1\n", *kept]
        if self._listener:
            text = (_DEPLOYED / self._listener).read_text(encoding="utf-8")
            own = f"listener {self.tls_port} 127.0.0.1"
            text = re.sub(r"^listener .*$", own, text, flags=re.MULTILINE)
            lines.append(text.replace(_CERTIFICATES, f"{inside}/certificates"))
        path = self._folder / "mosquitto.conf"
        path.write_text("".join(lines), encoding="utf-8")
        self._protect(path)
        for name, content in self._certificates.items():
            self.change_certificate(name, content)

    def _protect(self, path: Path) -> None:
        # Mosquitto complains of secrets that others may read or change.
        path.chmod(0o600)
        self._root.give(path, user=_USER)

    def _saved(self) -> int | None:
        # Each save is a new file that takes the old one's name.
        path = self._folder / "mosquitto.db"
        return path.stat().st_ino if path.exists() else None

    def _starts(self) -> int:
        return len(_RUNS.findall(self.log.read_bytes())) if self.log.exists() else 0


def deployed_settings() -> dict[str, str]:
    """What the mosquitto.conf that we deploy says of all listeners."""
    lines = takewhile(lambda line: not line.startswith("listener "), _deployed_lines())
    return dict(line.split(" ", 1) for line in lines)


def _deployed_listeners() -> list[list[str]]:
    """What it says below each of its listeners."""
    listeners: list[list[str]] = []
    for line in _deployed_lines():
        if line.startswith("listener "):
            listeners.append([])
        elif listeners:
            listeners[-1].append(f"{line}\n")
    return listeners


def _deployed_lines() -> list[str]:
    lines = (_DEPLOYED / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
