"""Whether a machine's heartbeats show that somebody at it stopped it when asked. Pure.

Whoever makes heartbeats up does not know when the contact of the enterprise is asked. A machine
that stands still for ten minutes leaves a gap: with a usual interval of i seconds at least
max(600 - i, 3 i) of them, for a shorter one comes by chance. A status `maintenance` that was not
there before shows the same. Nothing is judged where a gap would prove nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, Literal, NamedTuple

__all__ = ["LOOK_BACK", "Beat", "Judged", "judge"]

LOOK_BACK: Final = timedelta(hours=3)
"""How far before the challenge heartbeats are looked at, for what is usual."""
_STAND_STILL_S: Final = 600
_SLOWEST_S: Final = 300
"""Machines that report less often show no ten minutes."""
_MAINTENANCE: Final = "maintenance"
_USUAL_BEATS_MIN: Final = 3


class Beat(NamedTuple):
    """One heartbeat of the machine."""

    at: datetime
    status: str | None


class Judged(NamedTuple):
    """What came of a challenge, and by what."""

    result: Literal["seen", "missed", "unanswered", "not_judged"]
    ground: Literal[
        "gap",
        "maintenance",
        "went_on",
        "slow_device",
        "silent_before",
        "gaps_usual",
        "heartbeats_gone",
        "ingesters_away",
        "mail_late",
    ]


def judge(
    beats: Sequence[Beat],
    issued_at: datetime,
    ends_at: datetime,
    *,
    is_acknowledged: bool,
    are_ingesters_away: bool,
    are_beats_kept: bool,
) -> Judged:
    """What the heartbeats around a challenge show.

    Args:
        beats: of the machine, in the order of time, from `LOOK_BACK` before it was issued on.
        issued_at: when the contact was asked.
        ends_at: until when the machine was to stand still for ten minutes.
        is_acknowledged: whether the contact said that the message came.
        are_ingesters_away: whether nothing at all was stored for some minutes of that time.
        are_beats_kept: whether heartbeats of that time are still there.
    """
    if not are_beats_kept:
        return Judged("not_judged", "heartbeats_gone")
    if are_ingesters_away:
        return Judged("not_judged", "ingesters_away")
    before = [each for each in beats if issued_at - LOOK_BACK <= each.at < issued_at]
    during = [each for each in beats if issued_at <= each.at <= ends_at]
    if _is_in_maintenance(during) and not _is_in_maintenance(before):
        return Judged("seen", "maintenance")
    needed = _needed_s(before, issued_at)
    if isinstance(needed, Judged):
        return needed
    after = next((each.at for each in beats if each.at > ends_at), ends_at)
    moments = [issued_at, *(each.at for each in during), after]
    if max(_gaps_s(moments)) >= needed:
        return Judged("seen", "gap")
    return Judged("missed" if is_acknowledged else "unanswered", "went_on")


def _needed_s(before: Sequence[Beat], issued_at: datetime) -> float | Judged:
    """How long a gap shows that the machine was stopped, or why none would."""
    if len(before) < _USUAL_BEATS_MIN:
        return Judged("not_judged", "silent_before")
    gaps = _gaps_s([each.at for each in before])
    usual_s = median(gaps)
    if usual_s > _SLOWEST_S:
        return Judged("not_judged", "slow_device")
    needed_s = max(_STAND_STILL_S - usual_s, 3 * usual_s)
    if (issued_at - before[-1].at).total_seconds() >= needed_s:
        return Judged("not_judged", "silent_before")
    if max(gaps) >= needed_s:
        return Judged("not_judged", "gaps_usual")
    return needed_s


def _gaps_s(moments: Sequence[datetime]) -> list[float]:
    return [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]


def _is_in_maintenance(beats: Sequence[Beat]) -> bool:
    return any(each.status == _MAINTENANCE for each in beats)
