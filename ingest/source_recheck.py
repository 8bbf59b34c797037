"""Every row of the messages that were kept, derived again and held against what is stored.

Forwards, each row of a message is a heartbeat of the same content, or there is a reason why it is
none. Backwards, each refusal that was kept is one again; and of each platform no more heartbeats
are stored than its messages hold and other ingesters counted, hour by hour of receipt.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

import psycopg

from ingest.rederived import DerivedRow, KeptMessage, Rederived, rederive
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.sources.formats import Format, compile_format, read_format
from jieru.sparkplug.births import NO_BIRTH, names_of_birth
from jieru.wire import RejectionReason

__all__ = ["Fate", "Found", "Kind", "Period", "SourceRecheck", "recheck_sources"]

_MESSAGES_AT_ONCE: Final = 200
_ROWS_AT_ONCE: Final = 5_000
_MS_PER_MINUTE: Final = 60_000
_MS_PER_HOUR: Final = 3_600_000

_SELECT_PLATFORM: Final = "SELECT id FROM platforms WHERE code = %s"
_SELECT_VERSIONS: Final = "SELECT id, name, version, format, sha256 FROM sources"
_SELECT_MESSAGES: Final = """
    SELECT id, platform_id, publisher_id, topic,
           (extract(epoch FROM received_at) * 1000)::bigint, payload, source_id, sha256,
           birth_id
    FROM source_messages
    WHERE id > %(after)s AND received_at >= %(start)s AND received_at < %(end)s
          AND (%(platform)s::integer IS NULL OR platform_id = %(platform)s)
    ORDER BY id LIMIT %(limit)s
"""
_SELECT_BIRTHS: Final = "SELECT id, payload FROM source_messages WHERE id = ANY (%s)"
_SELECT_REFUSED: Final = """
    SELECT source_message_id, path, reason FROM rejections WHERE source_message_id = ANY (%s)
"""
_SELECT_STORED: Final = """
    SELECT wanted.place, d.id, (extract(epoch FROM d.registered_at) * 1000)::bigint,
           (extract(epoch FROM h.received_at) * 1000)::bigint, h.publisher_id,
           (h.seq, h.status::text, h.metrics)
               IS NOT DISTINCT FROM (wanted.seq, wanted.status, wanted.metrics::jsonb)
    FROM unnest(%s::integer[], %s::integer[], %s::text[], %s::bigint[], %s::bigint[], %s::text[],
                %s::text[])
         AS wanted (place, platform_id, serial, ms, seq, status, metrics)
    LEFT JOIN devices d ON d.platform_id = wanted.platform_id AND d.serial = wanted.serial
    LEFT JOIN LATERAL (SELECT * FROM heartbeats AS h
                       WHERE h.device_id = d.id AND h."time" = to_timestamp(wanted.ms / 1000.0)
                             AND h."time" BETWEEN to_timestamp(%s / 1000.0)
                                              AND to_timestamp(%s / 1000.0)
                       LIMIT 1) AS h ON true
"""
_SELECT_EXCESS: Final = """
    SELECT sum(heartbeats) FROM device_excess
    WHERE device_id = %s AND hour = to_timestamp(%s * 3600.0)
"""
_SELECT_APART: Final = "SELECT FROM messages_apart WHERE topic = %s AND payload = %s LIMIT 1"
_SELECT_DROPPED: Final = """
    SELECT (extract(epoch FROM range_from) * 1000)::bigint,
           (extract(epoch FROM range_to) * 1000)::bigint
    FROM heartbeat_archives WHERE dropped_at IS NOT NULL
"""
_SELECT_CLOCKS: Final = "SELECT DISTINCT max_clock_ahead_minutes FROM evidence_rules"
_SELECT_WITHOUT_MESSAGE: Final = """
    SELECT r.source_message_id, r.path, r.topic FROM rejections r
    WHERE r.source_message_id IS NOT NULL AND r.received_at >= %(start)s AND r.received_at < %(end)s
          AND r.received_at >= %(kept_from)s
          AND (%(code)s::text IS NULL OR starts_with(r.topic, 'jieru/v1/' || %(code)s || '/'))
          AND NOT EXISTS (SELECT FROM source_messages m WHERE m.id = r.source_message_id)
"""
# Ingesters count what is new to the database, in the transaction that stores it; the name of one
# that reads sources ends so. Only whole hours in which no message has expired.
_SELECT_HOURS: Final = """
    WITH heard AS (
        SELECT DISTINCT platform_id, date_trunc('hour', received_at) AS hour FROM source_messages
        WHERE received_at >= %(start)s AND received_at < %(end)s
              AND date_trunc('hour', received_at) >= %(kept_from)s
              AND (%(platform)s::integer IS NULL OR platform_id = %(platform)s)
    ), stored AS (
        SELECT d.platform_id, date_trunc('hour', h.received_at) AS hour, count(*) AS heartbeats
        FROM heartbeats h JOIN devices d ON d.id = h.device_id
        WHERE h.received_at >= %(start)s AND h.received_at < %(end)s
              AND (%(platform)s::integer IS NULL OR d.platform_id = %(platform)s)
        GROUP BY 1, 2
    )
    SELECT platforms.code, heard.platform_id, (extract(epoch FROM heard.hour) / 3600)::bigint,
           coalesce(stored.heartbeats, 0),
           coalesce((SELECT sum(i.heartbeats) FROM ingest_hours i
                     WHERE i.platform_id = heard.platform_id AND i.hour = heard.hour
                           AND i.ingester NOT LIKE '%%-sources'), 0)
    FROM heard JOIN platforms ON platforms.id = heard.platform_id
    LEFT JOIN stored USING (platform_id, hour)
    ORDER BY 1, 3
"""


class Fate(StrEnum):
    """What became of a row, where nothing is wrong with that."""

    STORED = "stored"
    REPEATED = "repeated"
    """Its device had a heartbeat of that moment already."""
    EXCESS = "excess"
    """Beyond its device's rate, counted and not kept."""
    APART = "apart"
    UNREGISTERED = "unregistered"
    FUTURE = "future"
    UNSTORABLE = "unstorable"
    EXPIRED = "expired"


class Kind(StrEnum):
    """What may be wrong."""

    PAYLOAD_CHANGED = "payload_changed"
    FORMAT_CHANGED = "format_changed"
    ROW_MISSING = "row_missing"
    CONTENT_DIFFERS = "content_differs"
    REJECTION_NOT_DERIVED = "rejection_not_derived"
    MESSAGE_MISSING = "message_missing"
    HEARTBEATS_NOT_DERIVED = "heartbeats_not_derived"


KIND_SENTENCES: Final = {
    Kind.PAYLOAD_CHANGED: _("{where}: the message is not the one whose SHA-256 was kept."),
    Kind.FORMAT_CHANGED: _("{where}: the format is not the one that was declared."),
    Kind.ROW_MISSING: _("{where}: the message holds this heartbeat, and it is not stored."),
    Kind.CONTENT_DIFFERS: _("{where}: the stored heartbeat is not the one in the message."),
    Kind.REJECTION_NOT_DERIVED: _("{where}: refused, and the message gives no reason for it."),
    Kind.MESSAGE_MISSING: _("{where}: refused, and the message is gone."),
    Kind.HEARTBEATS_NOT_DERIVED: _(
        "{where}: heartbeats are stored that no message holds and no ingester counted."
    ),
}


class Found(NamedTuple):
    """One difference."""

    kind: Kind
    where: str
    """Topic and path, or platform and hour."""
    message_id: int | None = None
    heartbeats: int = 1

    def sentence(self) -> UserError:
        """The difference in words."""
        return UserError(KIND_SENTENCES[self.kind], where=self.where)


class Period(NamedTuple):
    """Messages received from an instant on and before another."""

    start: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    end: datetime = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class SourceRecheck:
    """What was looked at. Differences are handed on as they are found, and only counted here."""

    messages: int = 0
    rows: Counter[Fate] = field(default_factory=Counter)
    refusals: int = 0
    """Kept refusals that were derived again."""
    differences: Counter[Kind] = field(default_factory=Counter)

    @property
    def has_difference(self) -> bool:
        """Whether anything differs."""
        return bool(self.differences)


class _Stored(NamedTuple):
    """What the database has where a row should be."""

    device_id: int | None
    registered_ms: int | None
    received_ms: int | None
    publisher_id: int | None
    is_same: bool


@dataclass(slots=True)
class _Books:
    """What the whole of a recheck remembers: nothing that grows with messages, but for hours."""

    connection: psycopg.Connection
    recheck: SourceRecheck
    formats: dict[int, Format | None]
    clocks_ahead_ms: int
    """The least that ingesters ever allowed."""
    dropped: list[tuple[int, int]]
    kept_from_ms: int
    derived: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Stored heartbeats that a message holds, by platform and hour of receipt."""
    beyond: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Heartbeats explained by their device's rate, by device and hour of receipt."""


def recheck_sources(
    connection: psycopg.Connection,
    recheck: SourceRecheck,
    *,
    platform: str | None,
    period: Period,
    retention_days: int,
    now: datetime,
) -> Iterator[Found]:
    """Every difference, as it is found.

    Args:
        connection: in a transaction that reads one snapshot.
        recheck: takes the figures.
        platform: the code of the only one to look at.
        period: of receipt.
        retention_days: heartbeats and messages older than this may be gone.
        now: this instant.

    Raises:
        UserError: there is no such platform.
    """
    platform_id = None
    if platform is not None:
        row = connection.execute(_SELECT_PLATFORM, (platform,)).fetchone()
        if row is None:
            raise UserError(_("There is no platform {platform}."), platform=platform)
        platform_id = int(row[0])
    kept_from = now - timedelta(days=retention_days)
    values: dict[str, object] = {
        "platform": platform_id,
        "code": platform,
        "start": period.start,
        "end": period.end,
        "kept_from": kept_from,
    }
    formats, changed = _formats(connection)
    yield from _counted(recheck, changed)
    clocks = [minutes for (minutes,) in connection.execute(_SELECT_CLOCKS)]
    books = _Books(
        connection,
        recheck,
        formats,
        min(clocks, default=0) * _MS_PER_MINUTE,
        connection.execute(_SELECT_DROPPED).fetchall(),
        int(kept_from.timestamp() * 1_000),
    )
    for messages in _messages(connection, values):
        yield from _counted(recheck, _of_messages(books, messages))
    yield from _counted(recheck, _without_message(connection, values))
    yield from _counted(recheck, _of_hours(books, values))


def _counted(recheck: SourceRecheck, found: Iterator[Found] | list[Found]) -> Iterator[Found]:
    for each in found:
        recheck.differences[each.kind] += 1
        yield each


def _formats(connection: psycopg.Connection) -> tuple[dict[int, Format | None], list[Found]]:
    formats: dict[int, Format | None] = {}
    changed = []
    for id_, name, version, text, sha256 in connection.execute(_SELECT_VERSIONS):
        try:
            formats[id_] = compile_format(read_format(text.encode()))
        except UserError:
            formats[id_] = None
        found = formats[id_]
        if found is None or found.sha256 != sha256:
            changed.append(Found(Kind.FORMAT_CHANGED, f"{name} {version}"))
    return formats, changed


def _messages(
    connection: psycopg.Connection, values: dict[str, object]
) -> Iterator[list[tuple[Any, ...]]]:
    after = 0
    while True:
        page = {**values, "after": after, "limit": _MESSAGES_AT_ONCE}
        rows = connection.execute(_SELECT_MESSAGES, page).fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _of_messages(books: _Books, rows: Sequence[tuple[Any, ...]]) -> Iterator[Found]:
    refused: dict[int, list[tuple[str, str]]] = {}
    ids = [row[0] for row in rows]
    for id_, path, reason in books.connection.execute(_SELECT_REFUSED, (ids,)):
        refused.setdefault(id_, []).append((path, reason))
    births = list({row[-1] for row in rows if row[-1] is not None})
    names = {
        id_: names_of_birth(payload)
        for id_, payload in books.connection.execute(_SELECT_BIRTHS, (births,))
    }
    waiting: list[tuple[DerivedRow, bool]] = []
    for row in rows:
        id_, platform_id, publisher_id, topic, received_ms, payload, source_id, sha256, birth = row
        books.recheck.messages += 1
        if hashlib.sha256(payload).digest() != sha256:
            yield Found(Kind.PAYLOAD_CHANGED, topic, id_)
        declared = books.formats[source_id]
        if declared is None:
            continue
        message = KeptMessage(
            id_,
            platform_id,
            publisher_id,
            topic,
            received_ms,
            payload,
            declared,
            names.get(birth, NO_BIRTH),
        )
        rederived = rederive(message)
        own = refused.get(message.id, [])
        yield from _of_refusals(books, message, rederived, own)
        unknown = {path for path, reason in own if reason in _OF_THE_REGISTRY}
        waiting += [(each, each.path in unknown) for each in rederived.rows]
        if len(waiting) >= _ROWS_AT_ONCE:
            yield from _of_rows(books, waiting)
            waiting = []
    yield from _of_rows(books, waiting)


_OF_THE_REGISTRY: Final = {
    RejectionReason.UNKNOWN_DEVICE,
    RejectionReason.UNKNOWN_PUBLISHER,
    RejectionReason.UNSTORABLE,
    RejectionReason.FUTURE_TIMESTAMP,
}
"""Reasons that do not lie in the message alone."""


def _of_refusals(
    books: _Books,
    message: KeptMessage,
    rederived: Rederived,
    kept: Sequence[tuple[str, str]],
) -> Iterator[Found]:
    rows = {row.path: row for row in rederived.rows}
    for path, reason in kept:
        row = rows.get(path)
        if (path, reason) in rederived.refused or (
            row is not None
            and reason in _OF_THE_REGISTRY
            and (reason != RejectionReason.FUTURE_TIMESTAMP or _is_future(books, row))
        ):
            books.recheck.refusals += 1
        else:
            yield Found(Kind.REJECTION_NOT_DERIVED, f"{message.topic} {path} {reason}", message.id)


def _of_rows(books: _Books, rows: Sequence[tuple[DerivedRow, bool]]) -> Iterator[Found]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        stored = _stored(books.connection, [row for row, _is_refused in some])
        for (row, is_refused), found in zip(some, stored, strict=True):
            fate = _fate(books, row, found, is_refused=is_refused)
            if isinstance(fate, Fate):
                books.recheck.rows[fate] += 1
            else:
                yield Found(fate, f"{row.message.topic} {row.path}", row.message.id)


def _stored(connection: psycopg.Connection, rows: Sequence[DerivedRow]) -> Sequence[_Stored | None]:
    """What is stored of each row; None: the database does not take its metrics."""
    if not rows:
        return []
    times = [row.ts_ms for row in rows]
    columns = (
        list(range(len(rows))),
        [row.message.platform_id for row in rows],
        [row.serial for row in rows],
        times,
        [row.seq for row in rows],
        [row.status.value if row.status else None for row in rows],
        [row.metrics.decode() if row.metrics is not None else None for row in rows],
        min(times),
        max(times),
    )
    try:
        with connection.transaction():
            found = connection.execute(_SELECT_STORED, columns).fetchall()
    except psycopg.DataError:
        if len(rows) == 1:
            return [None]
        half = len(rows) // 2
        return [*_stored(connection, rows[:half]), *_stored(connection, rows[half:])]
    stored: list[_Stored | None] = [None] * len(rows)
    for place, *rest in found:
        stored[place] = _Stored(*rest)
    return stored


def _fate(
    books: _Books, row: DerivedRow, stored: _Stored | None, *, is_refused: bool
) -> Fate | Kind:
    message = row.message
    if stored is None:
        return Fate.UNSTORABLE
    if stored.received_ms is None:
        return _fate_of_missing(books, row, stored, is_refused=is_refused)
    if stored.received_ms < message.received_ms:
        return Fate.REPEATED
    if stored.is_same:
        hour = stored.received_ms // _MS_PER_HOUR
        books.derived[message.platform_id, hour] += 1
        return Fate.STORED
    is_own = (
        stored.received_ms == message.received_ms and stored.publisher_id == message.publisher_id
    )
    if not is_own and _was_unknown(row, stored, is_refused=is_refused):
        return Fate.UNREGISTERED  # and later somebody else was heard of that moment
    return Kind.CONTENT_DIFFERS


def _fate_of_missing(
    books: _Books, row: DerivedRow, stored: _Stored, *, is_refused: bool
) -> Fate | Kind:
    if _is_future(books, row):
        return Fate.FUTURE
    if _was_unknown(row, stored, is_refused=is_refused):
        return Fate.UNREGISTERED
    if row.ts_ms < books.kept_from_ms or any(
        start <= row.ts_ms < end for start, end in books.dropped
    ):
        return Fate.EXPIRED
    key = (stored.device_id or 0, row.message.received_ms // _MS_PER_HOUR)
    books.beyond[key] += 1
    excess = books.connection.execute(_SELECT_EXCESS, key).fetchone()
    if excess is not None and books.beyond[key] <= (excess[0] or 0):
        return Fate.EXCESS
    apart = books.connection.execute(_SELECT_APART, (row.topic, row.payload)).fetchone()
    return Kind.ROW_MISSING if apart is None else Fate.APART


def _is_future(books: _Books, row: DerivedRow) -> bool:
    return row.ts_ms - row.message.received_ms > books.clocks_ahead_ms


def _was_unknown(row: DerivedRow, stored: _Stored, *, is_refused: bool) -> bool:
    return (
        is_refused
        or row.message.publisher_id is None
        or stored.registered_ms is None
        or stored.registered_ms > row.message.received_ms
    )


def _without_message(connection: psycopg.Connection, values: dict[str, object]) -> Iterator[Found]:
    for id_, path, topic in connection.execute(_SELECT_WITHOUT_MESSAGE, values):
        yield Found(Kind.MESSAGE_MISSING, f"{topic} {path}", id_)


def _of_hours(books: _Books, values: dict[str, object]) -> Iterator[Found]:
    for code, platform_id, hour, stored, counted in books.connection.execute(_SELECT_HOURS, values):
        beyond = stored - books.derived[platform_id, hour] - counted
        if beyond > 0:
            at = datetime.fromtimestamp(hour * 3_600, UTC)
            yield Found(
                Kind.HEARTBEATS_NOT_DERIVED,
                f"{code} {at:%Y-%m-%dT%H}:00Z",
                heartbeats=int(beyond),
            )
