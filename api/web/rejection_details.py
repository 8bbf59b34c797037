"""What is said of a rejection to whoever can mend it."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from jieru.refusals.detail import detail_of
from jieru.refusals.said import Refused, Remedy, Said
from jieru.sources.topics import parse_source_topic
from jieru.sparkplug.topics import SPARKPLUG_SOURCE, parse_sparkplug_topic
from jieru.wire import RejectionReason, parse_heartbeat_topic

__all__ = ["REMEDY_WORDS", "RejectionDetail", "remedy_address", "told"]

REMEDY_WORDS: Final[Mapping[Remedy, str]] = {
    Remedy.REGISTER_DEVICE: _("Register this device"),
    Remedy.REGISTER_GATEWAY: _("Register this gateway"),
    Remedy.DECLARE_SOURCE: _("Declare a source"),
}


class RejectionDetail(BaseModel):
    """Why a message was not taken, in the language of the request, from its own bytes."""

    fault: str = Field(description="What the contract expects, and what came.")
    cause: str | None = Field(
        description="What it probably is, and how it is mended; null: nothing is known."
    )
    remedy: Remedy | None = Field(description="What would make such messages be taken.")
    path: str | None = Field(
        default=None,
        description="Of a message in another's format: where in it the row stands; `$`: all of it.",
    )


def told(row: Mapping[str, Any], language: Language) -> RejectionDetail:
    """The detail of one rejection.

    Args:
        row: with `received_at`, `reason`, `topic`, `payload`, `payload_bytes`, `path`, `detail`.
        language: of the reader.
    """
    translate = translations(language).gettext
    if row["detail"] is not None:
        said = Said(row["detail"]["message"], row["detail"]["values"])
        return RejectionDetail(
            fault=said.spoken(translate), cause=None, remedy=None, path=row["path"]
        )
    received_ms = int(row["received_at"].timestamp() * 1_000)
    message = Refused(row["topic"], row["payload"], row["payload_bytes"], received_ms)
    detail = detail_of(RejectionReason(row["reason"]), message)
    return RejectionDetail(
        fault=detail.fault.spoken(translate),
        cause=detail.cause.spoken(translate) if detail.cause else None,
        remedy=detail.remedy,
        path=row["path"],
    )


def remedy_address(remedy: Remedy | None, topic: str) -> str | None:
    """Where the console mends it; None: it is mended at the equipment."""
    if remedy is Remedy.DECLARE_SOURCE:
        return _declaring_address(topic)
    named = parse_heartbeat_topic(topic)
    if named is None:
        return None
    platform, serial = named.device
    if remedy is Remedy.REGISTER_DEVICE:
        return f"/devices/new?{urlencode({'platform': platform, 'serial': serial})}"
    if remedy is Remedy.REGISTER_GATEWAY:
        return f"/platforms/{platform}#gateways"
    return None


def _declaring_address(topic: str) -> str | None:
    if source := parse_source_topic(topic):
        return _new_source(source.platform, name=source.source)
    if sparkplug := parse_sparkplug_topic(topic):
        return _new_source(sparkplug.platform, name=SPARKPLUG_SOURCE)
    named = parse_heartbeat_topic(topic)
    return None if named is None else _new_source(named.device.platform)


def _new_source(platform: str, **values: str) -> str:
    query = f"?{urlencode(values)}" if values else ""
    return f"/platforms/{platform}/sources/new{query}"
