"""A message joins the outbox in the transaction of what it tells: both are there, or neither."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg

__all__ = ["Message", "enqueue", "revive_dead"]

_INSERT: Final = """
    INSERT INTO outbox (event_key, channel, recipient, subject, body, expires_at, contact_id)
    VALUES (%s, 'email', %s, %s, %s, %s, %s) ON CONFLICT (event_key) DO NOTHING
"""
_REVIVE: Final = """
    UPDATE outbox SET dead = false, attempts = 0, next_attempt_at = now()
    WHERE dead AND (%s::bigint IS NULL OR id = %s)
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One mail to one recipient."""

    event_key: str
    """What is told, to whom: the same key twice is one message."""
    recipient: str = field(repr=False)
    subject: str
    body: str = field(repr=False)
    expires_at: datetime | None = None
    """From when on it would only mislead, and is not sent."""
    contact_id: int | None = None
    """Of the enterprise's contact to whom it is written: once there is another, it is not sent."""


def enqueue(connection: psycopg.Connection, message: Message) -> bool:
    """Let a message be sent once the caller's transaction is committed.

    Returns:
        Whether it is new.
    """
    subject = " ".join(message.subject.split())
    values = (message.event_key, message.recipient, subject, message.body)
    until = (message.expires_at, message.contact_id)
    return connection.execute(_INSERT, (*values, *until)).rowcount == 1


def revive_dead(connection: psycopg.Connection, message_id: int | None = None) -> int:
    """Let what was given up be tried again, all or one message; how many that are."""
    return connection.execute(_REVIVE, (message_id, message_id)).rowcount
