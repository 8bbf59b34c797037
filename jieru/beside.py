"""Work in a thread beside a process's own, from the beginning of a block to its end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["running_beside"]

_JOIN_S: Final = 10.0


@contextmanager
def running_beside(work: Callable[[threading.Event], None], *, name: str) -> Iterator[None]:
    """Let something work until the block ends.

    Args:
        work: ends soon after its event is set; says itself what is wrong, for nobody else does.
        name: of the thread.
    """
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_JOIN_S)
