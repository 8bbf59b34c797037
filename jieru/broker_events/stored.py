"""What the broker told, in the database."""

from datetime import datetime
from typing import Final

import psycopg

from jieru.broker_events.event import Detail, EventKind
from jieru.broker_events.log_file import Position
from jieru.broker_events.mosquitto_log import Session
from jieru.broker_events.tally import Budget, Key, Tally, Told, bounded

__all__ = [
    "delete_old_events",
    "read_position",
    "read_sessions",
    "write_position",
    "write_tally",
]

_PLATFORMS: Final = "SELECT code, id FROM platforms WHERE code = ANY (%s)"
_USERS: Final = """
    SELECT username, bool_or(revoked_at IS NULL) FROM credentials
    WHERE username = ANY (%s) GROUP BY username
"""
_WRITTEN: Final = """
    SELECT hour, kind, username, address, topic FROM broker_events
    WHERE hour = ANY (%s) AND username = ANY (%s)
"""
_OF_USERS: Final = """
    SELECT hour, username, count(*) FROM broker_events
    WHERE hour = ANY (%s) AND username = ANY (%s) AND is_user GROUP BY hour, username
"""
_OF_STRANGERS: Final = """
    SELECT hour, platform_id, count(*) FROM broker_events
    WHERE hour = ANY (%s) AND NOT is_user AND username <> '' GROUP BY hour, platform_id
"""
_WRITE: Final = """
    INSERT INTO broker_events AS e (hour, kind, platform_id, username, is_user, client_id, address,
                                    topic, detail, number, first_at, at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (hour, kind, username, address, topic, coalesce(platform_id, 0)) DO UPDATE
    SET number = e.number + excluded.number, first_at = least(e.first_at, excluded.first_at),
        at = greatest(e.at, excluded.at), is_user = excluded.is_user,
        client_id = excluded.client_id, detail = excluded.detail
"""
# Of two connections under one name the later stays; the end of another one ends nothing.
_CONNECT: Final = """
    INSERT INTO broker_sessions AS s
        (username, platform_id, client_id, is_connected, since, address, port, last_event)
    VALUES (%(username)s, %(platform)s, %(client_id)s, true, %(at)s, %(address)s, %(port)s,
            'connected')
    ON CONFLICT (username) DO UPDATE
    SET platform_id = excluded.platform_id, client_id = excluded.client_id, is_connected = true,
        since = excluded.since, address = excluded.address, port = excluded.port,
        last_event = 'connected'
    WHERE excluded.since >= s.since
"""
_DISCONNECT: Final = """
    INSERT INTO broker_sessions AS s
        (username, platform_id, client_id, is_connected, since, address, port, last_event)
    VALUES (%(username)s, %(platform)s, %(client_id)s, false, %(at)s, %(address)s, %(port)s,
            %(detail)s)
    ON CONFLICT (username) DO UPDATE
    SET is_connected = false, since = excluded.since, last_event = excluded.last_event
    WHERE s.is_connected AND excluded.since >= s.since AND s.client_id = excluded.client_id
          AND (s.port IS NULL OR excluded.port IS NULL
               OR (s.address, s.port) = (excluded.address, excluded.port))
"""
_SESSIONS: Final = """
    SELECT client_id, username, address, port FROM broker_sessions WHERE is_connected
"""
_POSITION: Final = """
    SELECT device, inode, position, before FROM broker_log_positions WHERE path = %s
"""
_MOVE: Final = """
    INSERT INTO broker_log_positions (path, device, inode, position, before)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (path) DO UPDATE
    SET device = excluded.device, inode = excluded.inode, position = excluded.position,
        before = excluded.before
"""
_DELETE: Final = "SELECT delete_expired_broker_events(%s, %s)"
_AT_ONCE: Final = 20_000


def write_tally(connection: psycopg.Connection, tally: Tally) -> int:
    """Write what was counted, in the caller's transaction; how many rows that are.

    Args:
        connection: in a transaction.
        tally: stays as it is.
    """
    if not tally.rows:
        return 0
    names = {key.username for key in tally.rows} | set(tally.sessions)
    hours = list({key.hour for key in tally.rows})
    platforms: dict[str, int] = dict(
        connection.execute(
            _PLATFORMS, (list({name.partition("/")[0] for name in names}),)
        ).fetchall()
    )
    users: dict[str, bool] = dict(connection.execute(_USERS, (list(names),)).fetchall())
    budget = _read_budget(connection, hours, list(names))
    rows = bounded(tally.rows.items(), budget, users=users.keys(), platforms=platforms)
    # In their order, so that two who write the same rows never wait for each other.
    ordered = sorted(rows.items(), key=lambda item: item[0][0])
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, [_row(*item, users) for item in ordered])
    for username in sorted(tally.sessions):
        platform_id = platforms.get(username.partition("/")[0])
        for event in tally.sessions[username]:
            statement = _CONNECT if event.kind == EventKind.CONNECTED else _DISCONNECT
            connection.execute(statement, event._asdict() | {"platform": platform_id})
    return len(rows)


def _read_budget(connection: psycopg.Connection, hours: list[datetime], names: list[str]) -> Budget:
    written = connection.execute(_WRITTEN, (hours, names)).fetchall()
    of_users = connection.execute(_OF_USERS, (hours, names)).fetchall()
    of_strangers = connection.execute(_OF_STRANGERS, (hours,)).fetchall()
    return Budget(
        {Key(hour, EventKind(kind), *rest) for hour, kind, *rest in written},
        {(hour, username): number for hour, username, number in of_users},
        {(hour, platform_id): number for hour, platform_id, number in of_strangers},
    )


def _row(place: tuple[Key, int | None], told: Told, users: dict[str, bool]) -> tuple[object, ...]:
    key, platform_id = place
    detail = told.detail
    if key.kind == EventKind.REFUSED:
        detail = _why_refused(key.username, users)
    return (
        key.hour,
        key.kind,
        platform_id,
        key.username,
        key.username in users,
        told.client_id,
        key.address,
        key.topic,
        detail,
        told.number,
        told.first_at,
        told.at,
    )


def _why_refused(username: str, users: dict[str, bool]) -> Detail:
    """The broker tells nobody; the credentials that there are do."""
    if not username:
        return Detail.UNKNOWN
    if username not in users:
        return Detail.UNKNOWN_USER
    return Detail.WRONG_SECRET if users[username] else Detail.REVOKED


def read_sessions(connection: psycopg.Connection) -> dict[str, Session]:
    """Who is connected as far as is known, by client id."""
    rows = connection.execute(_SESSIONS).fetchall()
    return {client_id: Session(*rest) for client_id, *rest in rows}


def read_position(connection: psycopg.Connection, path: str) -> Position | None:
    """Up to where a log was read; None: never."""
    row = connection.execute(_POSITION, (path,)).fetchone()
    return Position(*row) if row else None


def write_position(connection: psycopg.Connection, path: str, position: Position) -> None:
    """Remember up to where a log was read, in the caller's transaction."""
    connection.execute(_MOVE, (path, *position))


def delete_old_events(connection: psycopg.Connection, *, retention_days: int) -> int:
    """Delete what was told longer ago; how many rows that were."""
    deleted = 0
    while True:
        (part,) = connection.execute(_DELETE, (retention_days, _AT_ONCE)).fetchone() or (0,)
        connection.commit()
        deleted += int(part)
        if part == 0:
            return deleted
