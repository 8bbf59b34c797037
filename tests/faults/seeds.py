"""Which seeds are played when: a few by every run of the suite, all of them every night. Pure."""

from typing import Final

from tests.faults.schedule import FIRST_HOSTILE_SEED

__all__ = ["EVERY_NIGHT", "EVERY_RUN"]

EVERY_RUN: Final = (19, 104, 173, 215, 224, 308, 361, 395, 1_031, 1_038)
"""Chosen so that together they break everything, for being few, and for being short."""

_FORMER: Final = (84, 129, 193, 226, 296, 397)
"""Every run played these too, until the night took them over."""

_HOSTILE: Final = range(FIRST_HOSTILE_SEED, FIRST_HOSTILE_SEED + 40)

EVERY_NIGHT: Final = tuple(sorted({*range(1, 201), *_HOSTILE, *EVERY_RUN, *_FORMER}))
"""Every seed that is ever played by itself."""
