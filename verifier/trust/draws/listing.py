"""Who is listed for a draw: whom a year's count would pay for, and among whom each is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import psycopg

from jieru.errors import UserError
from verifier.counting.count import Count
from verifier.counting.determination import Outcome
from verifier.trust.draws.drawing import Listed
from verifier.trust.draws.strata import Case, Kind, StratumFacts, numbered

__all__ = ["DrawList", "list_of_count", "list_of_kept_count"]

_LISTED: Final = (Outcome.COUNTED, Outcome.HELD)
"""Whom the year pays for, or may yet."""
# The count that is being made, else the one that stands.
_SELECT_COUNT: Final = """
    SELECT id, as_of, state NOT IN ('draft', 'returned') FROM counts
    WHERE year = %s AND state NOT IN ('discarded', 'superseded') AND as_of IS NOT NULL
    ORDER BY revision DESC LIMIT 1
"""
_SELECT_CASES: Final = """
    SELECT platform, uscc FROM count_determinations WHERE count_id = %s AND outcome = ANY (%s)
"""
# By whom most of the hours of the year are, of each enterprise.
_SELECT_PUBLISHERS: Final = """
    SELECT DISTINCT ON (p.code, e.uscc) p.code, e.uscc, u.kind
    FROM unnest(%(platforms)s::text[], %(usccs)s::text[]) AS listed (platform, uscc)
    JOIN platforms p ON p.code = listed.platform
    JOIN enterprises e ON e.uscc = listed.uscc
    JOIN assignments a ON a.enterprise_id = e.id
    JOIN devices d ON d.id = a.device_id AND d.platform_id = p.id
    JOIN presence h ON h.device_id = d.id AND h.month BETWEEN %(from_on)s AND %(as_of)s
         AND a.from_date < h.month + interval '1 month'
         AND (a.to_date IS NULL OR a.to_date > h.month)
    JOIN publishers u ON u.id = h.publisher_id
    GROUP BY p.code, e.uscc, u.kind
    ORDER BY p.code, e.uscc, sum(bit_count(h.hours)) DESC, u.kind
"""
_SELECT_WITH_SIGNALS: Final = """
    SELECT DISTINCT p.code, e.uscc
    FROM signals s
    JOIN platforms p ON p.id = s.platform_id
    JOIN enterprises e ON e.id = s.enterprise_id
    WHERE s.run_id = (SELECT max(id) FROM signal_runs)
"""
_CLOUD: Final = "cloud"


@dataclass(frozen=True, slots=True)
class DrawList:
    """Who may be drawn."""

    as_of: date
    """Last day of the evidence by which they are listed."""
    rows: tuple[Listed, ...]
    strata: tuple[StratumFacts, ...]


def list_of_kept_count(
    connection: psycopg.Connection, year: int, *, is_submitted: bool
) -> DrawList | None:
    """Those whom the year's stored count would pay for; None where there is none.

    Args:
        connection: where to look.
        year: of the count.
        is_submitted: whether its maker must have handed it over.

    Raises:
        UserError: that has not happened.
    """
    row = connection.execute(_SELECT_COUNT, (year,)).fetchone()
    if is_submitted and (row is None or not row[2]):
        raise UserError(
            "The count of {year} is not submitted yet: who is listed may still change.", year=year
        )
    if row is None:
        return None
    cases = connection.execute(_SELECT_CASES, (row[0], list(_LISTED)))
    return _listed(connection, year, row[1], [Case(*each) for each in cases])


def list_of_count(connection: psycopg.Connection, count: Count) -> DrawList:
    """Those whom a count that was computed just now would pay for."""
    cases = [
        Case(platform.platform.code, each.enterprise.uscc)
        for platform in count.platforms
        for each in platform.determinations
        if each.outcome in _LISTED
    ]
    return _listed(connection, count.year, count.as_of, cases)


def _listed(
    connection: psycopg.Connection, year: int, as_of: date, cases: Sequence[Case]
) -> DrawList:
    values = {
        "platforms": [each.platform for each in cases],
        "usccs": [each.uscc for each in cases],
        "from_on": date(year, 1, 1),
        "as_of": as_of,
    }
    publishers = {
        Case(platform, uscc): kind
        for platform, uscc, kind in connection.execute(_SELECT_PUBLISHERS, values)
    }
    suspected = {Case(*each) for each in connection.execute(_SELECT_WITH_SIGNALS)}
    kinds = {
        each: Kind(publishers.get(each, _CLOUD), has_signals=each in suspected) for each in cases
    }
    return DrawList(as_of, *numbered(kinds))
