"""Questions to enterprises as callers see them, and as the bureau puts them."""

from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row, dict_row

from api.access.caller import Caller
from api.registry.confirmations.answers import ConfirmationList, ConfirmationRecord, DeadLetter
from api.registry.connections.answers import ConnectionRecord
from api.registry.connections.queries import CONNECTIONS
from api.web.records import refusals_answered
from registry import confirmations
from registry.confirmations import Asking, Letter

__all__ = ["ask_by_mail", "dead_letters", "list_confirmations", "write_letter"]

# What an operator is told: that the enterprise was asked and what it said, and nothing of who.
_SELECT: Final = """
    SELECT id, sent_by, contract_no, from_date,
           CASE WHEN %(own)s::integer IS NULL THEN asked_by END AS asked_by, asked_at, expires_at,
           answer, CASE WHEN %(own)s::integer IS NULL THEN reason END AS reason, answered_at
    FROM confirmations WHERE connection_id = %(id)s ORDER BY id DESC LIMIT 100
"""
_SELECT_DEAD: Final = """
    SELECT id, subject, attempts, last_error, created_at FROM outbox
    WHERE dead AND notice_channel_id IS NULL ORDER BY id DESC LIMIT 50
"""


def list_confirmations(
    connection: psycopg.Connection, caller: Caller, connection_id: int, *, now: datetime
) -> ConfirmationList:
    """All questions about a connection that the caller sees.

    Raises:
        Problem: there is no such connection, or not for this caller.
    """
    CONNECTIONS.row(connection, caller.platform_id, now, id=connection_id)
    values = {"id": connection_id, "own": caller.platform_id}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT, values)
        return ConfirmationList(items=[ConfirmationRecord.model_validate(row) for row in rows])


@refusals_answered()
def ask_by_mail(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    asking: Asking,
    *,
    now: datetime,
) -> ConnectionRecord:
    """Ask of a connection by mail, in a transaction of the caller's changes."""
    CONNECTIONS.row(connection, caller.platform_id, now, id=connection_id)
    confirmations.ask_by_mail(connection, connection_id, asking, by=caller.actor.name, now=now)
    return CONNECTIONS.one(connection, caller.platform_id, now, id=connection_id)


@refusals_answered()
def write_letter(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    asking: Asking,
    *,
    now: datetime,
) -> Letter:
    """Ask of a connection on paper, in a transaction of the caller's changes."""
    CONNECTIONS.row(connection, caller.platform_id, now, id=connection_id)
    by = caller.actor.name
    return confirmations.ask_by_letter(connection, connection_id, asking, by=by, now=now)


def dead_letters(connection: psycopg.Connection) -> list[DeadLetter]:
    """Messages that were given up, the newest first; to whom they went is not told."""
    with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        return cursor.execute(_SELECT_DEAD).fetchall()
