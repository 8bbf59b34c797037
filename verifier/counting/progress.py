"""How far a long computation is: told to whoever waits for it."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Phase", "Progress", "no_progress"]


class Phase(StrEnum):
    """What a count is busy with, in this order."""

    REGISTRY = "registry"
    PRESENCE = "presence"
    WINDOWS = "windows"
    CRITERIA = "criteria"
    STORING = "storing"


Progress: TypeAlias = Callable[[Phase, float], None]
"""Called with the phase and how much of it is done, from 0 to 1."""


def no_progress(phase: Phase, fraction: float) -> None:
    """Nobody waits."""
    del phase, fraction
