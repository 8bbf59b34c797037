"""`jieru serve` as a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from tests.support.command import clean_environment
from tests.support.roles import API, as_role

__all__ = ["jieru_serve"]

_START_S: Final = 60


@contextmanager
def jieru_serve(url: str, port: int, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A server that answers, under its own role; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "jieru", "serve", "--port", str(port)],
        env=clean_environment(database_url=as_role(url, API), language="en", **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + _START_S
            while not _answers(port):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield process
        finally:
            process.kill()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
