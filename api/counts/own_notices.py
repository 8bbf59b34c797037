"""What a stored count says of late records, as far as it concerns one platform.

A stored count speaks of the whole city. Whoever may see one platform only reads the same sentences
with that platform's own numbers, as a count of now has them.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from verifier.procedure.records import CountRecord

__all__ = ["own_notices"]

_LATE: Final = "backdated"
_STOCK: Final = "opening_stock"
_SELECT: Final = """
    WITH late AS (
        SELECT uscc, said FROM count_determinations
        CROSS JOIN LATERAL jsonb_array_elements(entry -> 'backdated') AS late (said)
        WHERE count_id = %(count)s AND platform = %(platform)s
    )
    SELECT count(DISTINCT uscc),
           count(DISTINCT uscc) FILTER (WHERE said ->> 'decision' IS NOT NULL
                                           OR said ->> 'opening_stock' IS NOT NULL),
           count(DISTINCT uscc) FILTER (WHERE (said -> 'changes_outcome')::boolean),
           (SELECT jsonb_object_agg(stock, covered)
            FROM (SELECT said ->> 'opening_stock' AS stock, count(DISTINCT uscc) AS covered
                  FROM late WHERE said ->> 'opening_stock' IS NOT NULL GROUP BY 1) AS covered)
    FROM late
"""


def own_notices(
    connection: psycopg.Connection,
    record: CountRecord,
    notices: Sequence[dict[str, Any]],
    platform: str | None,
) -> tuple[dict[str, Any], ...]:
    """The notices of a stored count with the numbers of one platform; others' are left out."""
    if not any(each["code"] in {_LATE, _STOCK} for each in notices):
        return tuple(notices)
    values = {"count": record.id, "platform": platform}
    ((enterprises, accepted, decided, by_stock),) = connection.execute(_SELECT, values)
    covered: dict[str, int] = by_stock or {}
    found = []
    for each in notices:
        own: dict[str, object] = {}
        if each["code"] == _LATE:
            own = {"enterprises": enterprises, "accepted": accepted, "decided": decided}
        elif each["code"] == _STOCK:
            own = {"enterprises": covered.get(str(each["values"]["id"]), 0)}
        if own.get("enterprises") != 0:
            found.append({**each, "values": {**each["values"], **own}})
    return tuple(found)
