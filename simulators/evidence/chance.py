"""Words for chance: whether something happens, and which of several kinds it is."""

from collections.abc import Sequence

import numpy as np

__all__ = ["happens", "one_of"]


def happens(chance: np.random.Generator, share: float) -> bool:
    """Whether something happens that does in a share of cases."""
    return bool(chance.random() < share)


def one_of(chance: np.random.Generator, shares: Sequence[tuple[str, float]]) -> str:
    """A kind, by the share of each; the last one has what is left."""
    drawn, until = float(chance.random()), 0.0
    for kind, share in shares:
        until += share
        if drawn < until:
            return kind
    return shares[-1][0]
