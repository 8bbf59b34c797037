"""What was paid under the counts of a year, less what was claimed back."""

from typing import Final

import psycopg

from verifier.procedure.recovery import BalanceKey

__all__ = ["paid_up_to"]

_SELECT: Final = """
    SELECT p.code, moved.clause, sum(moved.yuan)::bigint
    FROM (SELECT count_id, platform_id, clause, amount_yuan AS yuan FROM count_payments
          UNION ALL
          SELECT count_id, platform_id, clause, -amount_yuan FROM recoveries) moved
    JOIN counts c ON c.id = moved.count_id
    JOIN platforms p ON p.id = moved.platform_id
    WHERE c.year = %s AND c.revision <= %s
    GROUP BY p.code, moved.clause ORDER BY p.code COLLATE "C", moved.clause COLLATE "C"
"""


def paid_up_to(connection: psycopg.Connection, year: int, revision: int) -> dict[BalanceKey, int]:
    """By platform and clause, under a year's revisions up to this one; in yuan."""
    rows = connection.execute(_SELECT, (year, revision))
    return {(code, clause): yuan for code, clause, yuan in rows}
