"""From messages of Sparkplug B to messages as equipment of ours would have sent them. Pure.

A birth names the metrics that later messages call by a number, so messages are read in the order of
receipt, each with the newest birth of its device that came before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from ingest.decode import Rejection
from ingest.message import Message
from ingest.source_rows import Known, RowsRead, SourceMessage, SourceRow
from jieru.i18n import marked as _
from jieru.refusals.said import Said
from jieru.sources.row import Row
from jieru.sources.rows import MESSAGE_LIMIT_BYTES, Fault
from jieru.sparkplug.births import NO_BIRTH, BirthNames, names_of_birth
from jieru.sparkplug.rows import decode_sparkplug, place_of
from jieru.sparkplug.topics import (
    SPARKPLUG_PREFIX,
    SPARKPLUG_SOURCE,
    SparkplugTopic,
    parse_sparkplug_topic,
)
from jieru.wire import RejectionReason

__all__ = [
    "Birth",
    "SparkplugRead",
    "births_wanted",
    "is_sparkplug",
    "platforms_named",
    "read_sparkplug",
]

_WHOLE = "$"


class Birth(NamedTuple):
    """A birth that was received, and what it names."""

    message: SourceMessage
    names: BirthNames


@dataclass(slots=True)
class SparkplugRead:
    """What a batch of messages holds, and the births that came with it."""

    read: RowsRead = field(default_factory=RowsRead)
    births: dict[str, Birth] = field(default_factory=dict)
    """The newest by topic."""
    unknown_aliases: dict[str, int] = field(default_factory=dict)
    """How many metrics nobody named, by topic."""


def is_sparkplug(message: Message) -> bool:
    """Whether its topic is in Sparkplug's name space."""
    return message.topic.startswith(SPARKPLUG_PREFIX)


def platforms_named(messages: Sequence[Message]) -> set[str]:
    """The platforms that topics of these name."""
    topics = (parse_sparkplug_topic(topic) for topic in {each.topic for each in messages})
    return {topic.platform for topic in topics if topic is not None}


def births_wanted(messages: Sequence[Message]) -> set[str]:
    """The topics on which births came that some of these need."""
    topics = (parse_sparkplug_topic(topic) for topic in {each.topic for each in messages})
    return {
        topic.birth_topic
        for topic in topics
        if topic is not None and not topic.kind.is_birth and not topic.kind.is_death
    }


def read_sparkplug(
    messages: Sequence[Message],
    known: Mapping[tuple[str, str], Known],
    births: Mapping[str, Birth],
) -> SparkplugRead:
    """Read messages by what their platforms declared.

    Args:
        messages: as they were delivered, in the order of receipt.
        known: sources by platform and name.
        births: the newest before these messages, by topic.
    """
    result = SparkplugRead()
    for message in messages:
        topic = parse_sparkplug_topic(message.topic)
        if topic is None:
            _refuse(message, RejectionReason.BAD_TOPIC, result.read)
            continue
        declared = known.get((topic.platform, SPARKPLUG_SOURCE))
        if declared is None or declared.format.sparkplug is None:
            _refuse(message, RejectionReason.UNKNOWN_SOURCE, result.read)
        elif message.payload_bytes > MESSAGE_LIMIT_BYTES:
            said = Said(
                _("It has {bytes} bytes; a message of a source has at most {limit}."),
                {"bytes": f"{message.payload_bytes:,}", "limit": f"{MESSAGE_LIMIT_BYTES:,}"},
            )
            _refuse(message, RejectionReason.PAYLOAD_TOO_LARGE, result.read, said)
        else:
            _read_message(message, topic, declared, births, result)
    return result


def _read_message(
    message: Message,
    topic: SparkplugTopic,
    known: Known,
    births: Mapping[str, Birth],
    result: SparkplugRead,
) -> None:
    rule = known.format.sparkplug
    assert rule is not None  # noqa: S101 - whoever called looked
    kept = SourceMessage(known.source_id, topic.publisher.kind, topic.publisher.gateway, message)
    birth = None
    if topic.kind.is_birth:
        result.births[message.topic] = Birth(kept, names_of_birth(message.payload))
    elif not topic.kind.is_death:
        birth = result.births.get(topic.birth_topic) or births.get(topic.birth_topic)
    if birth is not None:
        kept = msgspec.structs.replace(kept, birth=birth.message)
    result.read.kept.append(kept)
    if topic.kind in rule.messages:
        _take_rows(kept, topic, known, birth.names if birth else NO_BIRTH, result)


def _take_rows(
    kept: SourceMessage,
    topic: SparkplugTopic,
    known: Known,
    names: BirthNames,
    result: SparkplugRead,
) -> None:
    rule = known.format.sparkplug
    assert rule is not None  # noqa: S101 - the same
    decoded = decode_sparkplug(kept.message.payload, rule, topic.name, names)
    if decoded.unknown_aliases:
        total = result.unknown_aliases.get(kept.message.topic, 0) + decoded.unknown_aliases
        result.unknown_aliases[kept.message.topic] = total
    for fault in decoded.faults:
        result.read.rejections.append(_of_fault(fault, topic, kept))
    for row in decoded.rows:
        native = _native(row, place_of(row.at), topic, kept)
        if row.ts_ms is None:
            said = Said(
                _("It has no time, and may have waited at a broker: that of receipt is none.")
            )
            refused = msgspec.structs.replace(native, said=said)
            result.read.rejections.append(Rejection(RejectionReason.NO_TIMESTAMP, refused))
        else:
            result.read.rows.append(native)


def _native(row: Row, path: str, topic: SparkplugTopic, kept: SourceMessage) -> SourceRow:
    parts = []
    if row.ts_ms is not None:
        parts.append(b'"ts":%d' % row.ts_ms)
    if row.status is not None:
        parts.append(b'"status":"%s"' % row.status.value.encode())
    if row.metrics is not None:
        parts.append(b'"metrics":' + row.metrics)
    payload = b"{" + b",".join(parts) + b"}"
    return SourceRow(
        topic.heartbeat_topic(row.serial),
        payload,
        len(payload),
        kept.message.received_ms,
        None,
        source=kept,
        path=path,
    )


def _refuse(
    message: Message, reason: RejectionReason, read: RowsRead, said: Said | None = None
) -> None:
    """A message that nobody reads, and that is not kept."""
    refused = SourceRow(
        message.topic,
        message.payload,
        message.payload_bytes,
        message.received_ms,
        None,
        source=None,
        path=_WHOLE,
        said=said,
    )
    read.rejections.append(Rejection(reason, refused))


def _of_fault(fault: Fault, topic: SparkplugTopic, kept: SourceMessage) -> Rejection:
    """A row, or a whole message, that cannot be read."""
    message = kept.message
    refused = SourceRow(
        message.topic if fault.serial is None else topic.heartbeat_topic(fault.serial),
        fault.shown,
        message.payload_bytes if fault.path == _WHOLE else len(fault.shown),
        message.received_ms,
        None,
        source=kept,
        path=fault.path,
        said=fault.said,
    )
    return Rejection(fault.reason, refused)
