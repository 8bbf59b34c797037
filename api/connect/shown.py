"""What arrived, as the rows of the page show it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from api.connect.answers import Arrival
from api.console.words import (
    PUBLISHER_WORDS,
    REJECTION_WORDS,
    REPORTED_WORDS,
    Translate,
    Words,
    words,
)
from api.web.rejection_details import REMEDY_WORDS, remedy_address
from jieru.i18n import marked as _

__all__ = ["ShownArrival", "shown_arrivals"]

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_PRECISE_S: Final = 10


class ShownArrival(NamedTuple):
    """A row."""

    arrival: Arrival
    tag: Words | None
    """What a heartbeat says of its device, or why a message was refused."""
    delay: str
    publisher: str
    remedy: tuple[str, str] | None
    """Where what was refused is mended in the console, and what that is called."""


def shown_arrivals(
    arrivals: Sequence[Arrival], translate: Translate, *, may_mend: bool
) -> list[ShownArrival]:
    """The rows of what arrived, for a reader who may mend it or not."""
    return [_shown(each, translate, may_mend=may_mend) for each in arrivals]


def _shown(arrival: Arrival, translate: Translate, *, may_mend: bool) -> ShownArrival:
    heartbeat, rejection = arrival.heartbeat, arrival.rejection
    if heartbeat is not None:
        tag = words(heartbeat.status, REPORTED_WORDS, translate) if heartbeat.status else None
        publisher = translate(PUBLISHER_WORDS[heartbeat.publisher])
        if heartbeat.gateway:
            publisher = f"{publisher} {heartbeat.gateway}"
        return ShownArrival(arrival, tag, _delay(heartbeat.delay_s, translate), publisher, None)
    if rejection is None:
        raise ValueError("neither heartbeat nor rejection")
    remedy = rejection.detail.remedy
    address = remedy_address(remedy, rejection.topic) if may_mend else None
    return ShownArrival(
        arrival,
        words(rejection.reason, REJECTION_WORDS, translate),
        "",
        "",
        (address, translate(REMEDY_WORDS[remedy])) if remedy and address else None,
    )


def _delay(seconds: float, translate: Translate) -> str:
    """How long a heartbeat was on its way, as a person says it."""
    if seconds < 0:
        return translate(_("its clock is {seconds} s ahead")).format(seconds=f"{-seconds:.1f}")
    if seconds < _PRECISE_S:
        return translate(_("{seconds} s later")).format(seconds=f"{seconds:.1f}")
    if seconds < 2 * _MINUTE:
        return translate(_("{seconds} s later")).format(seconds=f"{seconds:.0f}")
    if seconds < 2 * _HOUR:
        return translate(_("{minutes} minutes later")).format(minutes=f"{seconds / _MINUTE:.0f}")
    if seconds < 2 * _DAY:
        return translate(_("{hours} hours later")).format(hours=f"{seconds / _HOUR:.0f}")
    return translate(_("{days} days later: late, or its clock is behind")).format(
        days=f"{seconds / _DAY:,.0f}"
    )
