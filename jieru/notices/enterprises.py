"""What is told of an enterprise's progress by whoever computes it."""

from datetime import date, datetime

from jieru.notices.kinds import Kind
from jieru.notices.telling import Notice

__all__ = ["enterprise_at_risk", "window_complete"]


def enterprise_at_risk(
    *,
    platform_id: int,
    uscc: str,
    enterprise: str,
    gap_left_days: int,
    silent_since_on: date,
    found_at: datetime,
) -> Notice:
    """Few silent days are left before the best window breaks: told once for each silence."""
    return Notice(
        f"at_risk/{platform_id}/{uscc}/{silent_since_on}",
        Kind.AT_RISK,
        found_at,
        f"/enterprises/{uscc}",
        {"enterprise": enterprise, "days": gap_left_days},
        platform_id,
    )


def window_complete(
    *,
    platform_id: int,
    uscc: str,
    enterprise: str,
    from_date: date,
    to_date: date,
    found_at: datetime,
) -> Notice:
    """The first effective window of an enterprise on a platform is complete: told once."""
    return Notice(
        f"window_complete/{platform_id}/{uscc}",
        Kind.WINDOW_COMPLETE,
        found_at,
        f"/enterprises/{uscc}",
        {"enterprise": enterprise, "from_date": str(from_date), "to_date": str(to_date)},
        platform_id,
    )
