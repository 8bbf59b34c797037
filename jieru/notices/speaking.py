"""Notices in words: one sentence each, and a message of some of them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from jieru.calendar import SHANGHAI
from jieru.i18n import marked as _
from jieru.notices.kinds import KINDS, Kind
from jieru.vocabulary import REJECTION_WORDS

__all__ = ["Told", "Written", "message_of", "sentence_of"]

_MOST: Final = 30
"""Notices that one message spells out."""
_STEPS: Final = {
    "in_review": _("review it, then freeze or return it"),
    "returned": _("correct it and submit it again"),
    "frozen": _("publish it"),
    "payable": _("record the payments"),
}
_AND_MORE: Final = _("… and {number} more: {address}")
_SUBJECT_ONE: Final = _("[Jieru] {label}")
_SUBJECT_MORE: Final = _("[Jieru] {number} notices: {label}")
_SIMULATION: Final = _("This is a simulation: nothing of it is real.")
_CHANGE: Final = _("What you are told, and how often, is yours to choose: {address}")
_LEAVE: Final = _("To hear no more by this way, without signing in: {address}")

Translate = Callable[[str], str]


class Told(NamedTuple):
    """One notice, as the database has it."""

    id: int
    kind: str
    said: Mapping[str, Any]
    path: str
    happened_at: datetime


class Written(NamedTuple):
    """A message."""

    subject: str
    body: str


def sentence_of(kind: str, said: Mapping[str, Any], translate: Translate) -> str:
    """What one notice says; one of a kind that this edition does not know says its kind."""
    if kind not in Kind.__members__.values():
        return kind
    words = {name: f"{value:,}" if name == "amount" else value for name, value in said.items()}
    if "reason" in words:
        words["reason"] = translate(REJECTION_WORDS.get(words["reason"], words["reason"]))
    if "step" in words:
        words["step"] = translate(_STEPS.get(words["step"], words["step"]))
    return translate(KINDS[Kind(kind)].sentence).format(**words)


def message_of(
    notices: Sequence[Told],
    translate: Translate,
    *,
    public_url: str,
    leave_address: str,
    is_simulation: bool,
) -> Written:
    """Some notices as one message of plain text, an empty line between any two.

    Args:
        notices: at least one, the oldest first.
        translate: into the language of the reader.
        public_url: of the console, without a slash at the end.
        leave_address: where one leaves without signing in.
        is_simulation: whether nothing of it is real.
    """
    label = translate(KINDS[Kind(notices[0].kind)].label)
    if len(notices) == 1:
        subject = translate(_SUBJECT_ONE).format(label=label)
    else:
        subject = translate(_SUBJECT_MORE).format(number=len(notices), label=label)
    parts = [translate(_SIMULATION)] if is_simulation else []
    for notice in notices[:_MOST]:
        at = f"{notice.happened_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        said = sentence_of(notice.kind, notice.said, translate)
        parts.append(f"{at}  {said}\n{public_url}{notice.path}")
    if len(notices) > _MOST:
        more = {"number": len(notices) - _MOST, "address": f"{public_url}/notices"}
        parts.append(translate(_AND_MORE).format(**more))
    settings = translate(_CHANGE).format(address=f"{public_url}/notices/channels")
    leave = translate(_LEAVE).format(address=leave_address)
    parts.append(f"{settings}\n{leave}")
    return Written(subject, "\n\n".join(parts) + "\n")
