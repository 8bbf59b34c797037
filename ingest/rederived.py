"""Rows made once more from a message that was kept, by the version that read it. Pure.

By the very code that read it when it came, so that what differs from the database is the database's
doing, or the bytes', or the format's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ingest.decode import Heartbeat, Origin, TimeRules, decode_all
from ingest.message import Message
from ingest.source_rows import Known, RowsRead, SourceMessage, SourceRow, read_rows
from ingest.sparkplug_rows import Birth, read_sparkplug
from jieru.sources.formats import Format
from jieru.sources.topics import parse_source_topic
from jieru.sparkplug.births import NO_BIRTH, BirthNames
from jieru.sparkplug.topics import SPARKPLUG_SOURCE, parse_sparkplug_topic
from jieru.wire import DeviceStatus, PublisherKind, RejectionReason, parse_heartbeat_topic

__all__ = ["DerivedRow", "KeptMessage", "Rederived", "rederive"]

_ANYBODY: Final = Origin(device_id=0, publisher_id=0)
_ANY_TIME: Final = TimeRules(max_delay_ms=2**62, max_clock_ahead_ms=2**62)
"""How far ahead a clock may be, ingesters may have been told otherwise from time to time."""


class KeptMessage(NamedTuple):
    """One row of `source_messages`, with the format by which it was read."""

    id: int
    platform_id: int
    publisher_id: int | None
    topic: str
    received_ms: int
    payload: bytes
    format: Format
    names: BirthNames = NO_BIRTH
    """Of Sparkplug B: what the birth says by which it was read."""


class DerivedRow(NamedTuple):
    """One heartbeat that a message holds."""

    message: KeptMessage
    path: str
    topic: str
    """That of a native heartbeat of its device."""
    serial: str
    payload: bytes
    ts_ms: int
    seq: int | None
    status: DeviceStatus | None
    metrics: bytes | None


@dataclass(frozen=True, slots=True)
class Rederived:
    """What a message holds."""

    rows: list[DerivedRow]
    refused: frozenset[tuple[str, RejectionReason]]
    """Path and reason of each row, or of the whole, that it is refused for by itself."""


def rederive(message: KeptMessage) -> Rederived:
    """Make the rows of one message again."""
    came = Message(
        message.topic, message.payload, len(message.payload), message.received_ms, packet_id=None
    )
    read = _read(came, message)
    heartbeats, rejections = decode_all(read.rows, _everybody(read.rows), _ANY_TIME)
    refused = {
        (each.message.path, each.reason)
        for each in (*read.rejections, *rejections)
        if isinstance(each.message, SourceRow)
    }
    return Rederived([_derived(message, each) for each in heartbeats], frozenset(refused))


def _read(came: Message, message: KeptMessage) -> RowsRead:
    if sparkplug := parse_sparkplug_topic(message.topic):
        known = {(sparkplug.platform, SPARKPLUG_SOURCE): Known(message.id, message.format)}
        birth = Birth(SourceMessage(message.id, PublisherKind.CLOUD, "", came), message.names)
        return read_sparkplug([came], known, {sparkplug.birth_topic: birth}).read
    if topic := parse_source_topic(message.topic):
        known = {(topic.platform, topic.source): Known(message.id, message.format)}
        return read_rows([came], known)
    return RowsRead()


def _everybody(rows: list[SourceRow]) -> Mapping[str, Origin]:
    return dict.fromkeys((row.topic for row in rows), _ANYBODY)


def _derived(message: KeptMessage, heartbeat: Heartbeat) -> DerivedRow:
    row = heartbeat.message
    named = parse_heartbeat_topic(row.topic)
    if named is None or not isinstance(row, SourceRow):
        raise ValueError("a heartbeat of a source is a row on a topic of a heartbeat")
    return DerivedRow(
        message,
        row.path,
        row.topic,
        named.device.serial,
        row.payload,
        heartbeat.ts_ms,
        heartbeat.seq,
        heartbeat.status,
        heartbeat.metrics,
    )
