"""A checkpoint after each step of money, in a thread: nobody waits for a witness that is away."""

import threading
from typing import Final

import structlog

from jieru.settings import Settings
from verifier.checkpoints.making import checkpoint_after_step

__all__ = ["state_in_checkpoint"]

_log: Final = structlog.get_logger()


def state_in_checkpoint(settings: Settings, occasion: str) -> None:
    """Begin one, once the step is committed; what goes wrong is logged, and alerts tell it."""
    if not settings.checkpoint_dir:
        return
    # No daemon: a process that is told to end writes what it has begun.
    threading.Thread(target=_make, args=(settings, occasion), name="checkpoint").start()


def _make(settings: Settings, occasion: str) -> None:
    for problem in checkpoint_after_step(settings, occasion):
        _log.error("checkpoint_failed", occasion=occasion, problem=str(problem))
