"""How far a long computation is: told to whoever waits for it. Pure."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from verifier.counting.activity import IntArray, PresenceRows

__all__ = ["Phase", "Progress", "no_progress", "with_progress"]


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


def with_progress(
    blocks: Iterable[PresenceRows], devices: IntArray, tell: Callable[[float], None]
) -> Iterator[PresenceRows]:
    """Presence block by block; tells after each how much of the devices (sorted) it brought."""
    for block in blocks:
        yield block
        if len(block.device):
            tell(float(np.searchsorted(devices, block.device.max(), side="right") / len(devices)))
