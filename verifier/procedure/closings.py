"""Closings: pending enterprises for whose window a year's count does not wait, with the reason."""

import psycopg

from jieru.errors import UserError
from verifier.counting.count import require_countable_year
from verifier.counting.decisions import find_case
from verifier.procedure.grounds import Closing
from verifier.procedure.names import checked_name, required_text

__all__ = ["close_pending", "list_closings", "withdraw_closing"]

_INSERT = """
    INSERT INTO pending_closings (year, platform_id, enterprise_id, reason, closed_by)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_WITHDRAW = """
    UPDATE pending_closings SET withdrawn_at = now(), withdrawn_reason = %s, withdrawn_by = %s
    WHERE id = %s AND withdrawn_at IS NULL
"""
_SELECT_ID = "SELECT FROM pending_closings WHERE id = %s"
_SELECT = """
    SELECT c.id, c.year, p.code, e.uscc, e.name, c.reason, c.closed_by, c.closed_at,
           c.withdrawn_reason, c.withdrawn_by, c.withdrawn_at
    FROM pending_closings c
    JOIN platforms p ON p.id = c.platform_id
    JOIN enterprises e ON e.id = c.enterprise_id
    WHERE c.year = %s ORDER BY c.id
"""


def close_pending(
    connection: psycopg.Connection, year: int, platform: str, uscc: str, *, reason: str, by: str
) -> int:
    """Close one pending enterprise for a year; the caller commits.

    Whether it is pending is for the count to say: a closing of one that is not has no effect.

    Returns:
        The closing's id, by which it can be withdrawn.

    Raises:
        UserError: the platform, the enterprise or the year is unknown, it is closed already, or
            a reason or a name is missing.
    """
    require_countable_year(year)
    reason, by = required_text(reason), checked_name(by)
    case = find_case(connection, platform, uscc)
    try:
        with connection.transaction():
            row = connection.execute(_INSERT, (year, *case, reason, by)).fetchone()
    except psycopg.errors.UniqueViolation:
        raise UserError(
            "The enterprise {uscc} on the platform {platform} is closed for {year} already.",
            uscc=uscc,
            platform=platform,
            year=year,
        ) from None
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    closing_id: int = row[0]
    return closing_id


def withdraw_closing(
    connection: psycopg.Connection, closing_id: int, *, reason: str, by: str
) -> None:
    """Withdraw one closing, once; the caller commits.

    Raises:
        UserError: there is no such closing, it is withdrawn already, or nothing is said.
    """
    values = (required_text(reason), checked_name(by), closing_id)
    if connection.execute(_WITHDRAW, values).rowcount:
        return
    if connection.execute(_SELECT_ID, (closing_id,)).fetchone() is None:
        raise UserError("There is no closing {id}.", id=closing_id)
    raise UserError("Closing {id} is withdrawn already.", id=closing_id)


def list_closings(connection: psycopg.Connection, year: int) -> list[Closing]:
    """All closings of a year, withdrawn ones too, oldest first."""
    return [Closing(*row) for row in connection.execute(_SELECT, (year,))]
