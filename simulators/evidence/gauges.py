"""Measured values: a machine's, which know of the ones before, and a script's, which do not."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Gauge"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One measured value of a machine, from heartbeat to heartbeat.

    x(t) = memory x(t-1) + sqrt(1 - memory^2) e(t), shown as level + swing x, rounded as the gauge
    shows it. Whoever copies a gauge may scale it or add noise.
    """

    seed: int
    level: float = 60.0
    swing: float = 8.0
    memory: float = 0.85
    """Between two heartbeats; 0: each value is drawn by itself."""
    digits: int = 1
    scale: float = 1.0
    noise: float = 0.0
    """Of a copy, in units of `swing`."""
    loop: int | None = None
    """A recording of so many values is played again and again."""
    lag_days: int = 0
    """A copy shows what the original showed so many days before."""

    def values(self, day: int, several: int) -> npt.NDArray[np.float64]:
        """The first `several` values of one day of the stretch, each day begun anew."""
        place = max(day - self.lag_days, 0)
        chance = np.random.default_rng([self.seed, place if self.loop is None else 0])
        moved = np.empty(several if self.loop is None else self.loop)
        state, fresh = float(chance.standard_normal()), float(np.sqrt(1 - self.memory**2))
        for number, each in enumerate(chance.standard_normal(len(moved)).tolist()):
            state = self.memory * state + fresh * each
            moved[number] = state
        shown = self.level + self.swing * np.resize(moved, several)
        if self.noise:
            own = np.random.default_rng([self.seed, place, 1])
            shown += self.noise * self.swing * own.standard_normal(several)
        values: npt.NDArray[np.float64] = np.round(
            self.scale * np.round(shown, self.digits), self.digits
        )
        return values
