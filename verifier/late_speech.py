"""What was recorded late, as a sentence for people. Pure."""

from collections.abc import Callable
from datetime import date
from typing import Final, Literal, TypeAlias

from jieru.i18n import marked as _
from verifier.counting.backdated import Backdated

__all__ = ["late_sentence"]

_Answer: TypeAlias = Literal["nobody", "against", "decision", "opening_stock"]
_SHOWN: Final = 6
"""Serials that a sentence names; of more it says how many."""

_OF_CONNECTION: Final[dict[_Answer, str]] = {
    "nobody": _(
        "Evidence of {days} days lies before {evidence_from} and does not count: this connection "
        "begins on {from_date} and was recorded on {recorded_on}."
    ),
    "against": _(
        "Evidence of {days} days lies before {evidence_from}: this connection begins on "
        "{from_date} and was recorded on {recorded_on}. It earns nothing, but it shows since when "
        "the enterprise has been connected, and so it is used."
    ),
    "decision": _(
        "Evidence of {days} days lies before {evidence_from} and counts by decision {id}: this "
        "connection begins on {from_date} and was recorded on {recorded_on}."
    ),
    "opening_stock": _(
        "Evidence of {days} days lies before {evidence_from} and counts by opening stock {id}: "
        "this connection begins on {from_date} and was recorded on {recorded_on}."
    ),
}
_OF_ASSIGNMENTS: Final[dict[_Answer, str]] = {
    "nobody": _(
        "Evidence of {days} days lies before {evidence_from} and does not count: the assignment "
        "of {serials} begins on {from_date} and was recorded on {recorded_on}."
    ),
    "against": _(
        "Evidence of {days} days lies before {evidence_from}: the assignment of {serials} begins "
        "on {from_date} and was recorded on {recorded_on}. It earns nothing, but it shows since "
        "when the enterprise has been connected, and so it is used."
    ),
    "decision": _(
        "Evidence of {days} days lies before {evidence_from} and counts by decision {id}: the "
        "assignment of {serials} begins on {from_date} and was recorded on {recorded_on}."
    ),
    "opening_stock": _(
        "Evidence of {days} days lies before {evidence_from} and counts by opening stock {id}: "
        "the assignment of {serials} begins on {from_date} and was recorded on {recorded_on}."
    ),
}
_AND_MORE: Final = _("{serials} and {more} more")


def late_sentence(
    each: Backdated, translate: Callable[[str], str], day: Callable[[date], str]
) -> str:
    """Why evidence before a day counts or does not.

    Args:
        each: the connection or the assignments.
        translate: into the reader's language.
        day: how that language writes a date.
    """
    messages = _OF_ASSIGNMENTS if each.serials else _OF_CONNECTION
    answer: _Answer = "against" if each.counts_against else "nobody"
    if each.decision is not None:
        answer = "decision"
    elif each.opening_stock is not None:
        answer = "opening_stock"
    serials = ", ".join(each.serials[:_SHOWN])
    if len(each.serials) > _SHOWN:
        more = len(each.serials) - _SHOWN
        serials = translate(_AND_MORE).format(serials=serials, more=more)
    return translate(messages[answer]).format(
        days=each.days_before,
        evidence_from=day(each.evidence_from),
        from_date=day(each.from_date),
        recorded_on=day(each.recorded_on),
        serials=serials,
        id=each.decision or each.opening_stock,
    )
