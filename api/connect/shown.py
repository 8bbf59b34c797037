"""What arrived, as the rows of the page show it."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

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

__all__ = ["ShownArrival", "shown_arrivals", "state_of"]

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_PRECISE_S: Final = 10

_BROKER_WORDS: Final[Mapping[str, str]] = {
    "connected": _("let in"),
    "disconnected": _("disconnected"),
    "refused": _("sign-in refused"),
    "denied": _("dropped by the broker"),
}


class ShownArrival(NamedTuple):
    """A row."""

    arrival: Arrival
    tag: Words | None
    """What a heartbeat says of its device, why a message was refused, or what the broker did."""
    delay: str
    publisher: str
    remedy: tuple[str, str] | None
    """Where what was refused is mended in the console, and what that is called."""


def shown_arrivals(
    arrivals: Sequence[Arrival], translate: Translate, *, may_mend: bool
) -> list[ShownArrival]:
    """The rows of what arrived, for a reader who may mend it or not."""
    return [_shown(each, translate, may_mend=may_mend) for each in arrivals]


def state_of(arrivals: Sequence[Arrival]) -> Literal["heard", "refused", "told"]:
    """What they come to: something was taken, or was refused, or neither was sent yet."""
    if any(each.heartbeat for each in arrivals):
        return "heard"
    is_refused = any(
        each.rejection or (each.broker and each.broker.kind in {"refused", "denied"})
        for each in arrivals
    )
    return "refused" if is_refused else "told"


def _shown(arrival: Arrival, translate: Translate, *, may_mend: bool) -> ShownArrival:
    heartbeat, rejection = arrival.heartbeat, arrival.rejection
    if heartbeat is not None:
        tag = words(heartbeat.status, REPORTED_WORDS, translate) if heartbeat.status else None
        publisher = translate(PUBLISHER_WORDS[heartbeat.publisher])
        if heartbeat.gateway:
            publisher = f"{publisher} {heartbeat.gateway}"
        return ShownArrival(arrival, tag, _delay(heartbeat.delay_s, translate), publisher, None)
    if rejection is None:
        tag = words(arrival.broker.kind, _BROKER_WORDS, translate) if arrival.broker else None
        return ShownArrival(arrival, tag, "", "", None)
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
