"""What `jieru notify` tells of the year: whose window is about to break, and whose is complete.

Where an enterprise stands is asked of the count itself (`verifier.counting.outlook`), once a day,
when a further day of evidence is whole.
"""

from datetime import date, datetime, timedelta
from typing import Final

import psycopg

from jieru.notices.enterprises import enterprise_at_risk, window_complete
from jieru.notices.telling import Notice, tell
from verifier.counting.outlook import Outlook, Result, outlooks
from verifier.counting.reading import consistent_snapshot
from verifier.counting.run import evaluate
from verifier.policy import Policy

__all__ = ["tell_of_the_year"]

_NEWS: Final = timedelta(days=7)
"""A window that was complete before that is history: an upgrade floods nobody."""
_SELECT_PLATFORMS: Final = "SELECT code, id FROM platforms"


def tell_of_the_year(
    connection: psycopg.Connection, policy: Policy, *, as_of: date, now: datetime
) -> int:
    """Tell operators of their enterprises, each event once; how many are new.

    Args:
        connection: outside a transaction.
        policy: the rules.
        as_of: the last day whose evidence is whole; its year is looked at.
        now: when it is told.
    """
    with consistent_snapshot(connection):
        platforms: dict[str, int] = dict(connection.execute(_SELECT_PLATFORMS).fetchall())
        evaluation = evaluate(connection, as_of.year, as_of=as_of, policy=policy)
    found = (
        _notice_of(outlook, platforms[outlook.determination.platform.code], as_of, now)
        for outlook in outlooks(evaluation)
    )
    return sum(tell(connection, notice, now=now) for notice in found if notice is not None)


def _notice_of(outlook: Outlook, platform_id: int, as_of: date, now: datetime) -> Notice | None:
    enterprise = outlook.determination.enterprise
    window = outlook.determination.window
    if window is not None and window.last_day > as_of - _NEWS:
        return window_complete(
            platform_id=platform_id,
            uscc=enterprise.uscc,
            enterprise=enterprise.name,
            from_date=window.first_day,
            to_date=window.last_day,
            found_at=now,
        )
    if outlook.result is not Result.AT_RISK or outlook.gap_left_days is None:
        return None
    return enterprise_at_risk(
        platform_id=platform_id,
        uscc=enterprise.uscc,
        enterprise=enterprise.name,
        gap_left_days=outlook.gap_left_days,
        silent_since_on=_since(outlook, as_of),
        found_at=now,
    )


def _since(outlook: Outlook, as_of: date) -> date:
    """The first day of its silence, so that each silence is told once.

    Of one that is heard and has hardly any days left: the first day of its window.
    """
    if outlook.silent_days == 0 and outlook.first_day is not None:
        return outlook.first_day
    return as_of - timedelta(days=outlook.silent_days - 1)
