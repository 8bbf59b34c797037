"""A command that owns servers ends once it is asked to."""

import os
import signal
import sys

import pytest

from command.ending import ending_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_and_further_ones_are_not_heard(number: signal.Signals) -> None:
    """So that nobody's impatience leaves something behind."""
    with ending_on_signals() as ending:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            ending.check()


def test_an_interrupt_that_python_drops_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a destructor, where nobody can catch it: the next check raises it again."""
    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: dropped.append(fault.exc_type))

    class _Struck:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    with ending_on_signals() as ending:
        ending.check()
        struck = _Struck()
        del struck
        assert dropped == [KeyboardInterrupt]
        with pytest.raises(KeyboardInterrupt):
            ending.check()


def test_a_deferred_interrupt_comes_at_the_end_of_the_block() -> None:
    """Within it nothing is raised, and whoever looks sees that the end was asked for."""
    seen: list[bool] = []

    def work() -> None:
        with ending.deferred():
            seen.append(ending.is_asked)
            os.kill(os.getpid(), signal.SIGTERM)
            seen.append(ending.is_asked)

    with ending_on_signals() as ending, pytest.raises(KeyboardInterrupt):
        work()
    assert seen == [False, True]


def test_what_was_heard_before_is_heard_again_afterwards() -> None:
    """The handlers are those from before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ending_on_signals():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
