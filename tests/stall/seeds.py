"""Which seeds are played when: a few by every run of the suite, a hundred every night. Pure."""

from typing import Final

__all__ = ["EVERY_NIGHT", "EVERY_RUN"]

EVERY_RUN: Final = (1, 2)
"""Two for every run; the crowd takes half a minute with each."""

EVERY_NIGHT: Final = tuple(range(1, 101))
"""All kinds of abuse and of crashes, with one `serve` and with two."""
