"""What is said of a rejection to whoever can mend it."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from jieru.refusals.detail import detail_of
from jieru.refusals.said import Refused, Remedy
from jieru.wire import RejectionReason, parse_heartbeat_topic

__all__ = ["REMEDY_WORDS", "RejectionDetail", "remedy_address", "told"]

REMEDY_WORDS: Final[Mapping[Remedy, str]] = {
    Remedy.REGISTER_DEVICE: _("Register this device"),
    Remedy.REGISTER_GATEWAY: _("Register this gateway"),
}


class RejectionDetail(BaseModel):
    """Why a message was not taken, in the language of the request, from its own bytes."""

    fault: str = Field(description="What the contract expects, and what came.")
    cause: str | None = Field(
        description="What it probably is, and how it is mended; null: nothing is known."
    )
    remedy: Remedy | None = Field(description="What would make such messages be taken.")


def told(row: Mapping[str, Any], language: Language) -> RejectionDetail:
    """The detail of one rejection.

    Args:
        row: with `received_at`, `reason`, `topic`, `payload` and `payload_bytes`.
        language: of the reader.
    """
    received_ms = int(row["received_at"].timestamp() * 1_000)
    message = Refused(row["topic"], row["payload"], row["payload_bytes"], received_ms)
    detail = detail_of(RejectionReason(row["reason"]), message)
    translate = translations(language).gettext
    return RejectionDetail(
        fault=detail.fault.spoken(translate),
        cause=detail.cause.spoken(translate) if detail.cause else None,
        remedy=detail.remedy,
    )


def remedy_address(remedy: Remedy | None, topic: str) -> str | None:
    """Where the console mends it; None: it is mended at the equipment."""
    named = parse_heartbeat_topic(topic)
    if named is None:
        return None
    platform, serial = named.device
    if remedy is Remedy.REGISTER_DEVICE:
        return f"/devices/new?{urlencode({'platform': platform, 'serial': serial})}"
    if remedy is Remedy.REGISTER_GATEWAY:
        return f"/platforms/{platform}#gateways"
    return None
