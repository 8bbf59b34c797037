"""Credentials as they are stored, to be listed: whose they are and since when, without secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable

from jieru.errors import UserError
from jieru.wire import DeviceAddress, Publisher, PublisherKind, heartbeat_topic

__all__ = ["OPEN", "StoredCredential", "find_open_credential", "select_credentials"]

OPEN: Final = SQL("revoked_at IS NULL")
"""The condition on credentials that the broker knows."""

_ANY_DEVICE: Final = "+"

_SELECT: Final = SQL("""
    SELECT credentials.id, username, platforms.code AS platform, publishers.kind,
           publishers.name AS gateway, devices.serial, credentials.created_at, revoked_at
    FROM credentials
    JOIN platforms ON platforms.id = credentials.platform_id
    JOIN publishers ON publishers.id = credentials.publisher_id
    LEFT JOIN devices ON devices.id = credentials.device_id
    WHERE {conditions}
    ORDER BY credentials.id DESC LIMIT %(limit)s
""")


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential; its secret is kept nowhere."""

    id: int
    username: str
    platform: str
    kind: PublisherKind
    """As whom it publishes. A device's of an earlier release does as the platform's cloud."""
    gateway: str | None
    """Its name; None for the other kinds."""
    serial: str | None
    """None: it speaks for all devices of the platform."""
    created_at: datetime
    revoked_at: datetime | None

    @property
    def topic(self) -> str:
        """What it publishes on; `+` stands for the serial of any device of the platform."""
        return heartbeat_topic(
            DeviceAddress(self.platform, self.serial or _ANY_DEVICE),
            Publisher(self.kind, self.gateway or ""),
        )


def select_credentials(
    connection: psycopg.Connection,
    conditions: list[Composable],
    *,
    limit: int | None = None,
    **values: object,
) -> list[StoredCredential]:
    """The credentials that meet all conditions, the newest first.

    Args:
        connection: to the database.
        conditions: on the tables `credentials`, `platforms`, `publishers` and `devices`.
        limit: how many at most; None: all.
        values: parameters of the conditions.
    """
    statement = _SELECT.format(conditions=SQL(" AND ").join([*conditions, SQL("true")]))
    with connection.cursor(row_factory=class_row(StoredCredential)) as cursor:
        return cursor.execute(statement, {**values, "limit": limit}).fetchall()


def find_open_credential(connection: psycopg.Connection, username: str) -> StoredCredential:
    """The open credential of a username, of which there is one at most.

    Raises:
        UserError: there is none.
    """
    by_name = SQL("username = %(username)s")
    found = select_credentials(connection, [by_name, OPEN], username=username)
    if not found:
        raise UserError("{username} has no credential that is open.", username=username)
    return found[0]
