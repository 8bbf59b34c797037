"""How long the crowd waited, and whether health answered: figures of a run. Pure.

What the machine itself took is taken off: a probe counts as late by what it took beyond the
slowest answer of the control in the same time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.stall.books import Asked
from tests.stall.probing import CONTROL

__all__ = [
    "HEALTH_GOAL_S",
    "Away",
    "Crowd",
    "Probe",
    "crowd_between",
    "late_probes",
    "percentile_ms",
]

HEALTH_GOAL_S: Final = 1.0
_HUNDRED: Final = 100

Away = Mapping[str, Sequence[tuple[float, float]]]
"""By server (`serve 1`), from when to when it was not there."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question for health."""

    name: str
    """Of which server; `CONTROL` of the one that does nothing else."""
    began_s: float
    ended_s: float
    status: int
    """0: no answer."""

    @property
    def took_s(self) -> float:
        """Until the answer, or until nobody waited any more."""
        return self.ended_s - self.began_s

    def overlaps(self, began_s: float, ended_s: float) -> bool:
        """Whether it was under way at some moment between these."""
        return self.began_s < ended_s and began_s < self.ended_s


@dataclass(frozen=True, slots=True)
class Crowd:
    """What became of the crowd's requests that began in some time."""

    requests: int
    median_ms: float
    p95_ms: float
    slowest_ms: float
    unanswered: int
    refused: int
    """With 429, 503 or 507."""


def percentile_ms(took_s: Sequence[float], percent: int) -> float:
    """The smallest duration that so many per cent do not exceed; 0 of none."""
    if not took_s:
        return 0.0
    ordered = sorted(took_s)
    place = -(-len(ordered) * percent // _HUNDRED) - 1
    return round(ordered[max(0, place)] * 1_000, 1)


def crowd_between(books: Iterable[Asked], began_s: float, ended_s: float, away: Away) -> Crowd:
    """The crowd's waiting, without requests that met a `serve` while it was not there."""
    them = [
        asked
        for asked in books
        if began_s <= asked.began_s < ended_s
        and not any(
            asked.began_s < end and begin < asked.ended_s
            for begin, end in away[f"serve {asked.serve}"]
        )
    ]
    took_s = [asked.ended_s - asked.began_s for asked in them]
    return Crowd(
        requests=len(them),
        median_ms=percentile_ms(took_s, 50),
        p95_ms=percentile_ms(took_s, 95),
        slowest_ms=percentile_ms(took_s, 100),
        unanswered=sum(asked.status == 0 for asked in them),
        refused=sum(asked.status in {429, 503, 507} for asked in them),
    )


def late_probes(probes: Sequence[Probe], away: Away) -> list[Probe]:
    """Those that `serve` answered late or not at all though it ran and the machine was not slow.

    Args:
        probes: of every server, and of the control.
        away: by server, from when to when it was not there.
    """
    controls = [probe for probe in probes if probe.name == CONTROL]
    late = []
    for probe in probes:
        if probe.name == CONTROL or any(probe.overlaps(*each) for each in away[probe.name]):
            continue
        slowest_s = max(
            (each.took_s for each in controls if each.overlaps(probe.began_s, probe.ended_s)),
            default=0.0,
        )
        if probe.status == 0 or probe.took_s - slowest_s > HEALTH_GOAL_S:
            late.append(probe)
    return late
