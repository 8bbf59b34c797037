"""A broker that only replays, so that what is measured is the receiver and the database.

`stub_broker` runs it as a program of its own. It waits for its subscribers; told to, it sends
so many rounds, in turn to each where several share a subscription, as an MQTT 5 broker does.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import mqtt5
import psutil

from benchmarks.replay import make_replay, read_packet, send_all

__all__ = ["StubBroker", "stub_broker"]

_LISTEN_TIMEOUT_S = 60
_ROUNDS_AT_ONCE = 15
"""More are made when these are acknowledged (the clock stands meanwhile), so that a day fits into
memory."""


@dataclass(frozen=True, slots=True)
class StubBroker:
    """A stub broker that runs."""

    port: int
    pid: int
    _process: "subprocess.Popen[str]"

    def replay(self, rounds: int) -> float:
        """Send the next so many rounds; the seconds until their last acknowledgement.

        Raises:
            RuntimeError: the run broke off.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the stub broker has no pipes")
        self._process.stdin.write(f"{rounds}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the run broke off")
        return float(line)


@contextmanager
def stub_broker(
    *,
    devices: int,
    first_ms: int,
    spacing_ms: int,
    window: int,
    members: int = 1,
    cores: set[int] | None = None,
) -> Iterator[StubBroker]:
    """Run one until the block ends.

    Args:
        devices: of the fleet.
        first_ms: what the first round says, in milliseconds since the Unix epoch.
        spacing_ms: between two rounds.
        window: what each subscriber takes unacknowledged.
        members: subscribers that share the messages.
        cores: those of the machine that it may use.
    """
    sizes = (devices, first_ms, spacing_ms, window, members)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stub_broker", *map(str, sizes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the stub broker has no output")
        if cores is not None:
            psutil.Process(process.pid).cpu_affinity(sorted(cores))
        yield StubBroker(int(process.stdout.readline()), process.pid, process)
    finally:
        process.kill()
        process.communicate()


def _serve(devices: int, first_ms: int, spacing_ms: int, window: int, members: int) -> None:
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_LISTEN_TIMEOUT_S)
        print(listener.getsockname()[1], flush=True)
        connections = []
        for _member in range(members):
            connection, _address = listener.accept()
            connections.append(stack.enter_context(connection))
            _greet(connection, window)
        done = 0
        for line in sys.stdin:
            seconds = 0.0
            for start in range(done, done + int(line), _ROUNDS_AT_ONCE):
                rounds = range(start, min(start + _ROUNDS_AT_ONCE, done + int(line)))
                replays = [
                    make_replay(
                        devices,
                        rounds,
                        window,
                        first_ms=first_ms,
                        spacing_ms=spacing_ms,
                        member=member,
                        members=members,
                    )
                    for member in range(members)
                ]
                started = time.perf_counter()
                send_all(connections, replays)
                seconds += time.perf_counter() - started
            done += int(line)
            print(seconds, flush=True)


def _greet(connection: socket.socket, window: int) -> None:
    """CONNECT and SUBSCRIBE, answered."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = bytearray()
    connect = read_packet(connection, rest)
    if not isinstance(connect, mqtt5.ConnectPacket) or connect.receive_max < window:
        raise ConnectionError(f"expected CONNECT with Receive Maximum of at least {window}")
    connection.sendall(mqtt5.ConnAckPacket(session_present=False).write())
    subscribe = read_packet(connection, rest)
    if not isinstance(subscribe, mqtt5.SubscribePacket):
        raise ConnectionError("expected SUBSCRIBE")
    granted = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * len(subscribe.topic_filters)
    connection.sendall(mqtt5.SubAckPacket(subscribe.packet_id, granted).write())


if __name__ == "__main__":
    _serve(*map(int, sys.argv[1:6]))
