"""What must be stored after whatever happened, worked out from the books and compared."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, LiteralString

import psycopg

from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.wire import PAYLOAD_LIMIT_BYTES, RejectionReason
from tests.faults.hostile import HOSTILE_PLATFORM
from tests.faults.load import LATE_AFTER_MS, Message
from tests.faults.mqtt_tap import Acknowledged
from tests.support.fleet import PLATFORM, Sent, bits_of, stored_presence

__all__ = [
    "Books",
    "Stored",
    "StoredHeartbeat",
    "findings",
    "missing",
    "read_stored",
    "remember_apart",
]

_AHEAD_LIMIT_MS: Final = 10 * 60_000
_EARLY_MS: Final = 5
"""The broker's clock and the database's are one, but not read at the same moment."""
_EXAMPLES: Final = 3
_PLATFORMS: Final = {PLATFORM, HOSTILE_PLATFORM}
"""Those that are registered."""

_SELECT_HEARTBEATS: Final = """
    SELECT d.serial, (extract(epoch FROM h.time) * 1000)::bigint,
           (extract(epoch FROM h.received_at) * 1000)::bigint, h.seq, h.status::text,
           (extract(epoch FROM pg_xact_commit_timestamp(h.xmin)) * 1000)::bigint
    FROM heartbeats h JOIN devices d ON d.id = h.device_id
"""
_SELECT_REJECTIONS: Final = """
    SELECT reason, topic, payload, (extract(epoch FROM received_at) * 1000)::bigint,
           (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::bigint
    FROM rejections
"""
_REMEMBER_APART: Final = """
    CREATE TABLE once_apart (topic text NOT NULL, payload bytea NOT NULL);
    CREATE FUNCTION remember_apart() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO once_apart VALUES (NEW.topic, NEW.payload);
        RETURN NULL;
    END $$;
    CREATE TRIGGER remember_apart AFTER INSERT ON messages_apart
    FOR EACH ROW EXECUTE FUNCTION remember_apart();
    GRANT INSERT ON once_apart TO jieru_ingest;
"""
_SELECT_APART: Final = """
    SELECT topic, payload,
           min((extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::bigint)
    FROM once_apart GROUP BY topic, payload
"""
_SELECT_STATES: Final = """
    SELECT d.serial, (extract(epoch FROM s.last_seen_at) * 1000)::bigint, s.status::text
    FROM device_states s JOIN devices d ON d.id = s.device_id
"""
_SELECT_HEARD_HOURS: Final = """
    SELECT hour, sum(heartbeats)::bigint, sum(late)::bigint FROM ingest_hours GROUP BY hour
"""
_SELECT_REFUSED_HOURS: Final = """
    SELECT h.hour, h.reason, p.code, sum(h.rejections)::bigint
    FROM rejection_hours h LEFT JOIN platforms p ON p.id = h.platform_id GROUP BY 1, 2, 3
"""

_Refused = tuple[str, str, bytes]
"""Reason, topic and the payload as it is kept."""


@dataclass(frozen=True, slots=True)
class Books:
    """What is known without asking the database."""

    acknowledged: Collection[Message]
    """By the broker: these it has taken on."""
    published_s: Mapping[Message, float]
    by_ingesters: Sequence[Acknowledged]
    clocks_ahead_s: Collection[int]
    """How far ahead an ingester's clock ever was; 0 is among them."""


@dataclass(frozen=True, slots=True)
class StoredHeartbeat:
    """What is kept of a heartbeat beside its key."""

    received_ms: int
    seq: int | None
    status: str | None
    committed_ms: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds."""

    heartbeats: Mapping[Sent, StoredHeartbeat]
    rejections: Mapping[_Refused, Sequence[tuple[int, int]]]
    """When each was received and committed, in milliseconds."""
    hours: Mapping[tuple[str, date], set[int]]
    late_hours: Mapping[tuple[str, date], set[int]]
    states: Mapping[str, tuple[int, str | None]]
    heard_hours: Mapping[datetime, tuple[int, int]]
    refused_hours: Mapping[tuple[datetime, str, str | None], int]
    apart: Mapping[tuple[str, bytes], int] = field(default_factory=dict)
    """Topics and payloads that were ever set apart, and when that was committed."""


def remember_apart(connection: psycopg.Connection) -> None:
    """Let the database remember what was ever set apart, which it forgets once it is stored."""
    connection.execute(_REMEMBER_APART)


def read_stored(connection: psycopg.Connection) -> Stored:
    """Read everything."""
    rejections = defaultdict(list)
    for reason, topic, payload, *times in connection.execute(_SELECT_REJECTIONS):
        rejections[reason, topic, payload].append(tuple(times))
    return Stored(
        {
            Sent(row[0], row[1]): StoredHeartbeat(*row[2:])
            for row in _rows(connection, _SELECT_HEARTBEATS)
        },
        dict(rejections),
        stored_presence(connection),
        stored_presence(connection, late=True),
        {row[0]: (row[1], row[2]) for row in _rows(connection, _SELECT_STATES)},
        {row[0]: (row[1], row[2]) for row in _rows(connection, _SELECT_HEARD_HOURS)},
        {(row[0], row[1], row[2]): row[3] for row in _rows(connection, _SELECT_REFUSED_HOURS)},
        {(row[0], bytes(row[1])): row[2] for row in _rows(connection, _SELECT_APART)},
    )


def missing(stored: Stored, messages: Iterable[Message]) -> list[Message]:
    """Of these messages, those that are stored neither as they should be nor as they may be."""
    return [message for message in messages if not _is_kept(stored, message)]


def findings(stored: Stored, books: Books) -> list[str]:
    """Everything that is not as it must be, one sentence each; empty: all is well."""
    return [
        *_findings_on_messages(stored, books),
        *_findings_on_presence(stored, books),
        *_findings_on_states(stored),
        *_findings_on_hours(stored),
        *_findings_on_acknowledgements(stored, books),
    ]


def _rows(connection: psycopg.Connection, statement: LiteralString) -> list[tuple[Any, ...]]:
    return connection.execute(statement).fetchall()


def _sent(message: Message) -> Sent:
    return Sent(message.serial, message.ts_ms)


def _refused(message: Message, reason: RejectionReason) -> _Refused:
    return reason.value, message.topic, message.payload[:PAYLOAD_LIMIT_BYTES]


def _is_kept(stored: Stored, message: Message) -> bool:
    if message.reason is not None:
        return _refused(message, message.reason) in stored.rejections
    return _sent(message) in stored.heartbeats or bool(_rightly_refused(stored, message))


def _rightly_refused(stored: Stored, message: Message) -> list[_Refused]:
    """Rejections of a good heartbeat that its circumstances explain."""
    found = []
    unknown = _refused(message, RejectionReason.UNKNOWN_DEVICE)
    if message.is_early and unknown in stored.rejections:
        found.append(unknown)
    future = _refused(message, RejectionReason.FUTURE_TIMESTAMP)
    times = stored.rejections.get(future, ())
    # By the ingester's clock at that moment; that it was set back is another matter.
    if times and all(message.ts_ms - received > _AHEAD_LIMIT_MS for received, _ in times):
        found.append(future)
    return found


def _findings_on_messages(stored: Stored, books: Books) -> Iterable[str]:
    yield from _finding("acknowledged by the broker, and lost", missing(stored, books.acknowledged))
    sent = {_sent(each): each for each in books.published_s if each.reason is None}
    yield from _finding("stored, and never sent", stored.heartbeats.keys() - sent.keys())
    yield from _finding(
        "stored with other contents than it was sent with",
        [
            key
            for key, kept in stored.heartbeats.items()
            if (message := sent.get(key))
            and (kept.seq, kept.status) != (message.seq, message.status and message.status.value)
        ],
    )
    explained = set()
    for message in books.published_s:
        if message.reason is None:
            explained.update(_rightly_refused(stored, message))
        else:
            explained.add(_refused(message, message.reason))
    yield from _finding("refused without a reason", stored.rejections.keys() - explained)
    yield from _finding(
        "refused as too far ahead though no clock was set back",
        [
            key
            for message in sent.values()
            if min(books.clocks_ahead_s) == 0
            and (key := _refused(message, RejectionReason.FUTURE_TIMESTAMP)) in stored.rejections
        ],
    )
    yield from _finding(
        "received before it was published",
        [
            key
            for key, kept in stored.heartbeats.items()
            if (message := sent.get(key))
            and kept.received_ms
            < books.published_s[message] * 1000 + min(books.clocks_ahead_s) * 1000 - _EARLY_MS
        ],
    )


def _findings_on_presence(stored: Stored, books: Books) -> Iterable[str]:
    on_time = {
        key
        for key, kept in stored.heartbeats.items()
        if kept.received_ms - key.ts_ms <= LATE_AFTER_MS
    }
    hours, late_hours = bits_of(on_time), bits_of(stored.heartbeats.keys() - on_time)
    if max(books.clocks_ahead_s) * 1000 < LATE_AFTER_MS - 61 * MILLISECONDS_PER_HOUR:
        yield from _finding("hours that are not as heard", _differences(stored.hours, hours))
        yield from _finding("late hours not as heard", _differences(stored.late_hours, late_hours))
        return
    # A heartbeat that came twice, once by each clock, may have set a bit of either kind.
    every = bits_of(stored.heartbeats)
    yield from _finding("hours that were heard and are missing", _lacking(stored.hours, hours))
    yield from _finding("late hours that are missing", _lacking(stored.late_hours, late_hours))
    yield from _finding("hours that nobody was heard in", _lacking(every, stored.hours))
    yield from _finding("late hours nobody was heard in", _lacking(every, stored.late_hours))


_Bits = Mapping[tuple[str, date], set[int]]


def _differences(first: _Bits, second: _Bits) -> list[object]:
    return [*_lacking(first, second), *_lacking(second, first)]


def _lacking(present: _Bits, wanted: _Bits) -> list[object]:
    return [
        (key, sorted(bits - present.get(key, set())))
        for key, bits in wanted.items()
        if bits - present.get(key, set())
    ]


def _findings_on_states(stored: Stored) -> Iterable[str]:
    newest: dict[str, int] = {}
    for key in stored.heartbeats:
        newest[key.serial] = max(key.ts_ms, newest.get(key.serial, 0))
    wanted = {
        serial: (ts_ms, stored.heartbeats[Sent(serial, ts_ms)].status)
        for serial, ts_ms in newest.items()
    }
    yield from _finding(
        "device states that are not the newest heartbeat's",
        [
            (key, stored.states.get(key), want)
            for key, want in wanted.items()
            if stored.states.get(key) != want
        ],
    )


def _findings_on_hours(stored: Stored) -> Iterable[str]:
    heard: Counter[datetime] = Counter()
    late: Counter[datetime] = Counter()
    for key, kept in stored.heartbeats.items():
        hour = _hour(kept.received_ms)
        heard[hour] += 1
        late[hour] += kept.received_ms - key.ts_ms > LATE_AFTER_MS
    wanted = {hour: (count, late[hour]) for hour, count in heard.items()}
    if stored.heard_hours != wanted:
        yield f"ingest_hours: {dict(stored.heard_hours)} where {wanted} is stored"
    refused: Counter[tuple[datetime, str, str | None]] = Counter()
    for (reason, topic, _payload), times in stored.rejections.items():
        platform = _tree_of(topic)
        for received_ms, _committed_ms in times:
            refused[_hour(received_ms), reason, platform] += 1
    if stored.refused_hours != dict(refused):
        yield f"rejection_hours: {dict(stored.refused_hours)} where {dict(refused)} is stored"


def _tree_of(topic: str) -> str | None:
    """The platform in whose tree a topic lies, where alone the broker lets it publish."""
    for platform in _PLATFORMS:
        if topic.startswith(f"jieru/v1/{platform}/"):
            return platform
    return None


def _hour(received_ms: int) -> datetime:
    hours = received_ms // MILLISECONDS_PER_HOUR
    return datetime.fromtimestamp(hours * MILLISECONDS_PER_HOUR / 1000, UTC)


def _findings_on_acknowledgements(stored: Stored, books: Books) -> Iterable[str]:
    """An ingester may acknowledge what is committed, and nothing else."""
    committed: dict[tuple[str, bytes], int] = {}
    for message in books.published_s:
        times = []
        if kept := stored.heartbeats.get(_sent(message)):
            times.append(kept.committed_ms)
        reasons = RejectionReason if message.reason is None else [message.reason]
        for reason in reasons:
            times += [at for _, at in stored.rejections.get(_refused(message, reason), ())]
        if (message.topic, message.payload) in stored.apart:
            times.append(stored.apart[message.topic, message.payload])
        if times:
            committed[message.topic, message.payload] = min(times)
    too_early = [
        each
        for each in books.by_ingesters
        if committed.get((each.topic, each.payload), float("inf")) > each.at_s * 1000 + _EARLY_MS
    ]
    yield from _finding("acknowledged by an ingester before it was committed", too_early)


def _finding(what: str, them: Collection[object]) -> Iterable[str]:
    if them:
        examples = "; ".join(
            repr(each)[:300] for _, each in zip(range(_EXAMPLES), them, strict=False)
        )
        yield f"{len(them)} {what}: {examples}"
