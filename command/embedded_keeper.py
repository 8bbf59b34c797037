"""What sees to it that an embedded server and its folders do not outlive this process.

However it ends: a second Ctrl-C in the middle of cleaning up, or a SIGKILL that leaves no time.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["ENVIRONMENT", "keeper", "uninterrupted"]

ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C"}
"""Nothing of ours: a LANG that this machine never generated, a PGPORT, ..."""

_KEEPER: Final = """
    while read -r word; do last=$word; done
    [ "$last" = done ] && exit
    if [ "$last" ] && kill -INT "-$last"; then
        tenths=0
        while kill -0 "-$last" && [ $((tenths += 1)) -lt 100 ]; do sleep 0.1; done
        kill -KILL "-$last"
    fi
    rm -rf -- "$@"
"""
"""Is told which group of processes runs, and when all is done.

Its input ends without that when the process that wrote to it was killed.
"""


@contextmanager
def keeper(folders: set[Path]) -> Iterator[Callable[[int], None]]:
    """Have a server stopped and folders removed should this process be killed.

    Yields:
        What tells the keeper the group of processes that now runs.
    """
    heard, told = os.pipe()
    try:
        keeper = subprocess.Popen(  # noqa: S603 - a script of ours, and folders that we made
            ["/bin/sh", "-c", _KEEPER, "sh", *folders],
            cwd="/",
            env=ENVIRONMENT,
            stdin=heard,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )
    finally:
        os.close(heard)

    def keep(group: int) -> None:
        os.write(told, b"%d\n" % group)

    try:
        yield keep
    finally:
        with uninterrupted():
            with suppress(BrokenPipeError):  # somebody killed the keeper
                os.write(told, b"done\n")
            os.close(told)
            keeper.wait()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave a server and its directory behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
