"""A city of honest enterprises and some that cheat, drawn from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from simulators.evidence.chance import one_of
from simulators.evidence.cheats import CHEATS, Stage, numbered
from simulators.evidence.factories import draw_district, honest_enterprise
from simulators.evidence.machine import CLOUD, DrawnEnterprise
from simulators.evidence.surroundings import Surroundings, draw_surroundings

__all__ = ["DrawnCity", "draw_city"]

_PLATFORMS: Final = ("xielian", "haichuang", "zhilian", "minyun", "puxin", "yunzhi")
_NEXT_SMALLER: Final = 0.75
"""How many enterprises a platform has beside the one before."""
_PUBLISHERS: Final = (
    ("cloud", 0.38),
    ("own", 0.17),
    ("gateway", 0.42),
    ("building", 0.025),
    ("park", 0.005),
)
_DISHONEST: Final = 2
"""Of the platforms, the last ones: operators that cheat do so more than once."""


@dataclass(frozen=True, slots=True)
class DrawnCity:
    """Everything that a city leaves behind in a stretch of days."""

    around: Surroundings
    enterprises: tuple[DrawnEnterprise, ...]

    def honest(self) -> list[DrawnEnterprise]:
        """Those that are what they say."""
        return [each for each in self.enterprises if each.cheat is None]


def draw_city(
    seed: int,
    *,
    honest: int,
    cheats: Sequence[str],
    first_on: date = date(2026, 1, 1),
    days: int = 455,
    platforms: Sequence[str] = _PLATFORMS,
    devices_max: int = 9,
) -> DrawnCity:
    """The same for the same seed.

    Args:
        seed: from which all chance follows; also which variant of each cheat is shown.
        honest: how many enterprises are what they say.
        cheats: names of cheats, each played once for each time it is named.
        first_on: first day of the stretch.
        days: of the stretch; the default is a year and the days in which its last windows fill.
        platforms: the larger first; the operators of the last two cheat.
        devices_max: of an honest enterprise.
    """
    around = draw_surroundings(first_on, days, seed)
    chance = np.random.default_rng([seed, 2])
    places = _places(chance, honest)
    sizes = _NEXT_SMALLER ** np.arange(len(platforms))
    real = tuple(
        honest_enterprise(
            chance,
            around,
            f"honest-{number:04d}",
            str(chance.choice(platforms, p=sizes / sizes.sum())),
            publisher,
            district,
            devices_max=devices_max,
        )
        for number, (publisher, district) in enumerate(places)
    )
    numbers = numbered()
    made_up: list[DrawnEnterprise] = []
    for place, name in enumerate(cheats):
        stage = Stage(
            chance=np.random.default_rng([seed, 3, place]),
            around=around,
            honest=real,
            platform=platforms[-1 - place % min(_DISHONEST, len(platforms))],
            turn=seed + list(cheats[:place]).count(name),
            numbers=numbers,
        )
        made_up += CHEATS[name].play(stage)
    return DrawnCity(around, (*real, *made_up))


def _places(chance: np.random.Generator, several: int) -> list[tuple[str, str]]:
    """Who publishes for each enterprise, and its district.

    Some share a building's gateway, a few a park's; these are in one place.
    """
    places: list[tuple[str, str]] = []
    while len(places) < several:
        kind = one_of(chance, _PUBLISHERS)
        district = draw_district(chance)
        publisher = {"cloud": CLOUD, "own": "own"}.get(kind, f"via/site-{len(places):04d}")
        neighbours = {"building": (2, 4), "park": (4, 7)}.get(kind)
        several_here = 1 if neighbours is None else int(chance.integers(*neighbours))
        places += [(publisher, district)] * several_here
    return places[:several]
