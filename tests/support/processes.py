"""Starting servers so that none of them outlives the tests, and ending them in every way."""

import secrets
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil

__all__ = [
    "ENVIRONMENT",
    "StartError",
    "continue_tree",
    "free_port",
    "is_alive",
    "kill_tree",
    "run",
    "spawn",
    "stop_tree",
    "wait_until_ready",
]

ENVIRONMENT: Final = MappingProxyType(
    {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
)
"""Nothing of the caller's environment reaches a server, so that it cannot change a test."""

_LOWEST_PORT, _PORTS = 10_000, 20_000
_ATTEMPTS = 100
_POLL_S = 0.02
_LOG_TAIL_CHARACTERS = 2_000

# PR_SET_PDEATHSIG speaks of the *thread* that started the child. A server started by a test's
# short-lived worker thread would die with it, so one thread that lives as long as this process
# starts them all.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class StartError(RuntimeError):
    """A service that the tests need does not start."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens, to be kept over restarts.

    It lies below the range from which the kernel takes ports for outgoing connections: otherwise
    a client that reconnects while the server is down could be given the server's own port.
    """
    for _ in range(_ATTEMPTS):
        port = _LOWEST_PORT + secrets.randbelow(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise StartError(f"No free port was found on 127.0.0.1 in {_ATTEMPTS} attempts.")


def spawn(argv: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a server whose output is appended to `log`.

    It gets a session of its own: Ctrl-C ends the tests, and the tests end the server.
    """

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                start_new_session=True,
            )

    return _SPAWNER.submit(start).result()


def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] = ENVIRONMENT,
    given: str = "",
    timeout_s: float = 120,
) -> str:
    """The standard output of a program that runs to its end, with `given` as its input.

    Raises:
        StartError: it failed; the message carries what it said.
    """
    done = subprocess.run(
        argv,
        input=given,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        said = (done.stderr + done.stdout)[-_LOG_TAIL_CHARACTERS:]
        raise StartError(f"This failed ({done.returncode}): {shlex.join(argv)}\n{said}")
    return done.stdout


def wait_until_ready(
    is_ready: Callable[[], bool],
    process: subprocess.Popen[bytes],
    *,
    log: Path,
    timeout_s: float = 60,
) -> None:
    """Wait until a server that was started answers.

    Raises:
        StartError: it ended, or did not answer in time; the message carries its log's tail.
    """
    deadline = time.monotonic() + timeout_s
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]
            raise StartError(f"A test service does not start (see {log}):\n{tail}")
        time.sleep(_POLL_S)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a server and all processes below it, as a power cut would; wait for their end."""
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        parent.suspend()  # it must not start a child that we would miss
        family = [*parent.children(recursive=True), parent]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    while any(is_alive(member) for member in family):
        time.sleep(_POLL_S)


def stop_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGSTOP a server and all processes below it."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        parent.suspend()  # first, so that it starts no further child
        for child in parent.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.suspend()


def continue_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGCONT what `stop_tree` stopped."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for member in (*parent.children(recursive=True), parent):
            with suppress(psutil.NoSuchProcess):
                member.resume()


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs still; one that only waits to be reaped does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
