"""Why a message was not taken, as exactly as its own bytes tell. Pure.

Everything is told from what is kept of a rejection, so that one of years ago is explained as one
of today is, and nothing more needs to be stored. A likely cause is a hint to whoever mends it, and
never changes what becomes of a message.
"""

from collections.abc import Callable, Mapping
from typing import Final

from jieru.i18n import marked as _
from jieru.refusals.foreign import Foreign, recognised
from jieru.refusals.keys import key_fault
from jieru.refusals.said import Detail, Refused, Said
from jieru.refusals.text import text_fault
from jieru.refusals.times import before_epoch, future_timestamp
from jieru.refusals.topics import bad_topic, unknown_device, unknown_publisher, unknown_source
from jieru.wire import PAYLOAD_LIMIT_BYTES, RejectionReason

__all__ = ["detail_of"]


def detail_of(reason: RejectionReason, message: Refused) -> Detail:
    """What is said of one rejection.

    Args:
        reason: why it was not taken.
        message: what is kept of it.
    """
    return _DETAILS[reason](message)


def _malformed(message: Refused) -> Detail:
    found = text_fault(message.payload)
    if isinstance(found, Detail):
        return found
    foreign = recognised(found)
    fault = key_fault(found, message.payload)
    if foreign is not None:
        return Detail(fault.fault, foreign.cause, foreign.remedy)
    return fault


def _too_large(message: Refused) -> Detail:
    fault = Said(
        _("It has {bytes} bytes; a heartbeat has at most {limit}."),
        {"bytes": f"{message.payload_bytes:,}", "limit": f"{PAYLOAD_LIMIT_BYTES:,}"},
    )
    if message.payload.lstrip()[:1] == b"[":
        return Detail(fault, Foreign.BATCH.cause, Foreign.BATCH.remedy)
    return Detail(
        fault, Said(_("A whole table of measurements in metrics: send only what is looked at."))
    )


def _retained(_message: Refused) -> Detail:
    return Detail(Said(_("It was retained, which an earlier release did not take.")))


def _no_timestamp(_message: Refused) -> Detail:
    return Detail(
        Said(_("It has no time, and may have waited at a broker: that of receipt is none."))
    )


def _unstorable(_message: Refused) -> Detail:
    return Detail(Said(_("It keeps to the contract, and the database took it in no way.")))


_DETAILS: Final[Mapping[RejectionReason, Callable[[Refused], Detail]]] = {
    RejectionReason.BAD_TOPIC: bad_topic,
    RejectionReason.RETAINED: _retained,
    RejectionReason.PAYLOAD_TOO_LARGE: _too_large,
    RejectionReason.MALFORMED_PAYLOAD: _malformed,
    RejectionReason.UNKNOWN_DEVICE: unknown_device,
    RejectionReason.UNKNOWN_PUBLISHER: unknown_publisher,
    RejectionReason.UNKNOWN_SOURCE: unknown_source,
    RejectionReason.NO_TIMESTAMP: _no_timestamp,
    RejectionReason.FUTURE_TIMESTAMP: future_timestamp,
    RejectionReason.BEFORE_EPOCH: before_epoch,
    RejectionReason.UNSTORABLE: _unstorable,
}
