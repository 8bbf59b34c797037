"""What people have to look at: noted in the case that is open, or in one that it opens."""

from datetime import datetime
from typing import Final, Literal

import psycopg

__all__ = ["bring_to_case"]

_NOTE_IN_OPEN_CASE: Final = """
    INSERT INTO case_steps (case_id, step, taken_by, taken_at, text)
    SELECT id, 'noted', %(by)s, coalesce(%(at)s, now()), %(text)s FROM case_states
    WHERE platform_id = %(platform_id)s AND enterprise_id = %(enterprise_id)s AND NOT is_concluded
"""
_OPEN_CASE: Final = """
    INSERT INTO cases (platform_id, enterprise_id, opened_at, opened_by, cause)
    VALUES (%(platform_id)s, %(enterprise_id)s, coalesce(%(at)s, now()), %(by)s, %(cause)s)
"""


def bring_to_case(
    connection: psycopg.Connection,
    platform_id: int,
    enterprise_id: int,
    *,
    cause: Literal["challenge", "confirmation"],
    text: str,
    by: str,
    at: datetime | None = None,
) -> None:
    """Let people look at something of an enterprise on a platform.

    No case opens between the two: who writes what is audited waits for its turn.

    Args:
        connection: in a transaction of changes.
        platform_id: on which platform.
        enterprise_id: of which enterprise.
        cause: of the case, where none is open.
        text: what is noted, where one is.
        by: who found it, as the audit names them.
        at: when; None: now, by the database's clock.
    """
    case = {
        "platform_id": platform_id,
        "enterprise_id": enterprise_id,
        "cause": cause,
        "text": text,
        "by": by,
        "at": at,
    }
    if not connection.execute(_NOTE_IN_OPEN_CASE, case).rowcount:
        connection.execute(_OPEN_CASE, case)
