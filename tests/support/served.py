"""`jieru serve` as a process of its own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from tests.support.command import clean_environment
from tests.support.roles import API, as_role

__all__ = ["jieru_serve"]

_START_S: Final = 60


@contextmanager
def jieru_serve(
    url: str,
    port: int,
    *,
    within: Callable[[list[str]], list[str]] = list,
    temporary: Path | None = None,
    **settings: str,
) -> Iterator[subprocess.Popen[str]]:
    """A server that answers, under its own role; killed at the end if it still runs.

    Args:
        url: of the database.
        port: where it listens.
        within: gives the command that runs another one, such as one that sees small disks.
        temporary: where its temporary files go; None: where ours do.
        settings: further ones.
    """
    environment = clean_environment(database_url=as_role(url, API), language="en", **settings)
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    with subprocess.Popen(
        within([sys.executable, "-m", "jieru", "serve", "--port", str(port)]),
        env=environment,
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
