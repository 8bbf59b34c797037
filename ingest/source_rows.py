"""From messages in others' formats to messages as equipment of ours would have sent them. Pure.

A row becomes the heartbeat's own topic and payload, so that from there on it is read, timed, looked
up, limited and stored by the very code that native heartbeats go through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from ingest.decode import Rejection
from ingest.message import Message
from jieru.i18n import marked as _
from jieru.refusals.said import Said
from jieru.sources.formats import Format
from jieru.sources.row import Row, path_of
from jieru.sources.rows import MESSAGE_LIMIT_BYTES, Fault, decode_rows
from jieru.sources.topics import SourceTopic, parse_source_topic
from jieru.wire import PublisherKind, RejectionReason, parse_heartbeat_topic

__all__ = ["Known", "RowsRead", "SourceMessage", "SourceRow", "read_rows", "sources_named"]

_WHOLE: Final = "$"


class SourceMessage(msgspec.Struct, frozen=True, gc=False):
    """A message as it is kept: whole, with the version of the source that read it."""

    source_id: int
    publisher: PublisherKind
    gateway: str
    """Its name; empty for the other kinds."""
    message: Message
    birth: "SourceMessage | None" = None
    """Of Sparkplug B: the one that gave its metrics their names."""

    @property
    def sha256(self) -> bytes:
        """Of its bytes."""
        return sha256(self.message.payload).digest()


class SourceRow(Message, frozen=True, gc=False, kw_only=True):
    """A row of such a message, in the form of a native one."""

    source: SourceMessage | None
    """None: it is not kept, for no source reads it or it is too long."""
    path: str
    """Where in its message it stands; `$` is the whole."""
    said: Said | None = None
    """What is wrong with it; None: its payload tells."""


class Known(NamedTuple):
    """The version of a source that is in force."""

    source_id: int
    format: Format


@dataclass(slots=True)
class RowsRead:
    """What a batch of messages holds."""

    rows: list[SourceRow] = field(default_factory=list)
    kept: list[SourceMessage] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


def sources_named(messages: Sequence[Message]) -> set[tuple[str, str]]:
    """Platform and name of each source that topics of these name."""
    topics = (parse_source_topic(topic) for topic in {each.topic for each in messages})
    return {(topic.platform, topic.source) for topic in topics if topic is not None}


def read_rows(messages: Sequence[Message], known: Mapping[tuple[str, str], Known]) -> RowsRead:
    """Read messages by the sources that their topics name.

    Args:
        messages: as they were delivered.
        known: sources by platform and name.
    """
    read = RowsRead()
    for message in messages:
        topic = parse_source_topic(message.topic)
        if topic is not None:
            _read_message(message, topic, known.get((topic.platform, topic.source)), read)
        elif parse_heartbeat_topic(message.topic) is None:
            read.rejections.append(_refused(message, RejectionReason.BAD_TOPIC))
        # else a heartbeat of a device that is called `in`, which other ingesters take
    return read


def _read_message(
    message: Message, topic: SourceTopic, known: Known | None, read: RowsRead
) -> None:
    if known is None:
        read.rejections.append(_refused(message, RejectionReason.UNKNOWN_SOURCE))
        return
    if known.format.sparkplug is not None:
        said = Said(_("Sparkplug B is published on its own topics: spBv1.0/(platform)/DDATA/..."))
        read.rejections.append(_refused(message, RejectionReason.BAD_TOPIC, said))
        return
    if message.payload_bytes > MESSAGE_LIMIT_BYTES:
        said = Said(
            _("It has {bytes} bytes; a message of a source has at most {limit}."),
            {"bytes": f"{message.payload_bytes:,}", "limit": f"{MESSAGE_LIMIT_BYTES:,}"},
        )
        read.rejections.append(_refused(message, RejectionReason.PAYLOAD_TOO_LARGE, said))
        return
    kept = SourceMessage(known.source_id, topic.publisher.kind, topic.publisher.gateway, message)
    read.kept.append(kept)
    decoded = decode_rows(message.payload, known.format, topic.serial or topic.own_serial)
    for fault in decoded.faults:
        read.rejections.append(_of_fault(fault, topic, kept))
    serials = {row.serial for row in decoded.rows}
    topics = {serial: topic.heartbeat_topic(serial) for serial in serials}
    for row in decoded.rows:
        native_topic, path = topics[row.serial], path_of(row.at, known.format)
        _take_row(row, native_topic, path, topic=topic, kept=kept, read=read)


def _take_row(
    row: Row,
    native_topic: str,
    path: str,
    *,
    topic: SourceTopic,
    kept: SourceMessage,
    read: RowsRead,
) -> None:
    native = SourceRow(
        native_topic,
        payload := _payload(row),
        len(payload),
        kept.message.received_ms,
        None,
        source=kept,
        path=path,
    )
    if topic.own_serial is not None and row.serial != topic.own_serial:
        said = Said(
            _("The credential is that of the device {own}, and the row is of {serial}."),
            {"own": topic.own_serial, "serial": row.serial},
        )
        refused = msgspec.structs.replace(native, topic=kept.message.topic, said=said)
        read.rejections.append(Rejection(RejectionReason.UNKNOWN_PUBLISHER, refused))
    elif row.ts_ms is None:
        said = Said(_("It has no time, and may have waited at a broker: that of receipt is none."))
        refused = msgspec.structs.replace(native, said=said)
        read.rejections.append(Rejection(RejectionReason.NO_TIMESTAMP, refused))
    else:
        read.rows.append(native)


def _payload(row: Row) -> bytes:
    """The heartbeat of a row, its metrics byte for byte as they came."""
    if row.ts_ms is not None and row.metrics is not None and (row.seq, row.status) == (None, None):
        return b'{"ts":%d,"metrics":%b}' % (row.ts_ms, row.metrics)  # most are so
    parts = []
    if row.ts_ms is not None:
        parts.append(b'"ts":%d' % row.ts_ms)
    if row.seq is not None:
        parts.append(b'"seq":%d' % row.seq)
    if row.status is not None:
        parts.append(b'"status":"%s"' % row.status.value.encode())
    if row.metrics is not None:
        parts.append(b'"metrics":' + row.metrics)
    return b"{" + b",".join(parts) + b"}"


def _refused(message: Message, reason: RejectionReason, said: Said | None = None) -> Rejection:
    """A message that no source reads."""
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
    return Rejection(reason, refused)


def _of_fault(fault: Fault, topic: SourceTopic, kept: SourceMessage) -> Rejection:
    """A row, or a whole message, that its source cannot read."""
    is_of_device = fault.serial is not None and topic.own_serial in (None, fault.serial)
    refused = SourceRow(
        topic.heartbeat_topic(fault.serial)
        if is_of_device and fault.serial is not None
        else kept.message.topic,
        fault.shown,
        kept.message.payload_bytes if fault.path == _WHOLE else len(fault.shown),
        kept.message.received_ms,
        None,
        source=kept,
        path=fault.path,
        said=fault.said,
    )
    return Rejection(fault.reason, refused)
