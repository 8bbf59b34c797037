"""What was paid under the counts of a year, less what was claimed back, and what is still due."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from verifier.procedure.recovery import BalanceKey

__all__ = ["Due", "awards_of", "dues_of", "paid_up_to"]

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


@dataclass(frozen=True, slots=True)
class Due:
    """What is still to be paid to a platform under one clause."""

    platform: str
    name: str
    clause: str
    amount_yuan: int

    def to_json_object(self) -> dict[str, object]:
        """The same as a signed statement has it."""
        return {"platform": self.platform, "clause": self.clause, "amount_yuan": self.amount_yuan}


def paid_up_to(connection: psycopg.Connection, year: int, revision: int) -> dict[BalanceKey, int]:
    """By platform and clause, under a year's revisions up to this one; in yuan."""
    rows = connection.execute(_SELECT, (year, revision))
    return {(code, clause): yuan for code, clause, yuan in rows}


def awards_of(head: Mapping[str, Any]) -> Counter[BalanceKey]:
    """What a count awards by platform and clause; lines of one clause are one amount."""
    awarded = Counter[BalanceKey]()
    for each in head["platforms"]:
        for line in each["lines"]:
            awarded[each["platform"], line["clause"]] += line["amount_yuan"]
    return awarded


def dues_of(head: Mapping[str, Any], paid: Mapping[BalanceKey, int]) -> list[Due]:
    """What a count awards beyond what was paid, by platform and clause.

    Args:
        head: the document of the count, with or without its enterprises.
        paid: as `paid_up_to` tells it.
    """
    names = {each["platform"]: each["name"] for each in head["platforms"]}
    due = (
        Due(code, names[code], clause, yuan - paid.get((code, clause), 0))
        for (code, clause), yuan in awards_of(head).items()
    )
    return sorted(
        (each for each in due if each.amount_yuan > 0),
        key=lambda each: (each.platform, each.clause),
    )
