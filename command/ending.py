"""Ending a command that owns servers: once, whatever asks for it and however often."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["Ending", "ending_on_signals"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Whether somebody has asked for the end.

    Remembered beside the KeyboardInterrupt that is raised, for Python drops an exception that
    comes up in a destructor or in a callback out of C, wherever the signal happens to strike.
    """

    def __init__(self) -> None:
        """Nobody has."""
        self._is_asked = False
        self._is_deferred = False

    @property
    def is_asked(self) -> bool:
        """Whether somebody has."""
        return self._is_asked

    def ask(self) -> None:
        """Ask for it, and listen to nobody any more: nothing may keep us from cleaning up.

        Raises:
            KeyboardInterrupt: unless that is deferred.
        """
        self._is_asked = True
        self.stop_listening()
        if not self._is_deferred:
            raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Raise nothing within the block, which looks at `is_asked` itself; at its end, do.

        For an event loop: what an exception hits in the middle of one complains when it is
        collected.
        """
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
        self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if somebody has asked for it; to be called now and then."""
        if self._is_asked:
            raise KeyboardInterrupt

    def stop_listening(self) -> None:
        """Ignore the signals from now on."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def ending_on_signals() -> Iterator[Ending]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does.

    SIGINT is set too, for a shell starts what it puts into the background with SIGINT ignored.
    """
    ending = Ending()

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        ending.ask()

    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in previous.items():
        if number != signal.SIGHUP or handler != signal.SIG_IGN:  # ignored under nohup
            signal.signal(number, interrupt)
    try:
        yield ending
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
