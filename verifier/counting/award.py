"""Awards: what a platform earns in a year, one line per clause, in whole yuan. Pure."""

from dataclasses import dataclass
from datetime import date

from verifier.counting.registry import Platform
from verifier.policy import Policy

__all__ = ["AwardLine", "award_lines"]


@dataclass(frozen=True, slots=True)
class AwardLine:
    """What one clause pays one platform in one year."""

    clause: str
    count: int
    """Of what the clause pays for: enterprises counted (1.2), titles won (1.1)."""
    uncapped_yuan: int
    amount_yuan: int


def award_lines(
    platform: Platform, counted: int, year: int, as_of: date, policy: Policy
) -> tuple[AwardLine, ...]:
    """What a platform earns: clause 1.1 only where it is earned, clause 1.2 even when it is 0.

    Args:
        platform: with all its recognitions.
        counted: enterprises counted in the year; all of them, even past the cap.
        year: the year of the count.
        as_of: a title that came later is not paid yet.
        policy: the rules.
    """
    uncapped = counted * policy.award_per_enterprise_yuan.value
    newly_connected = AwardLine(
        clause=policy.award_per_enterprise_yuan.clause,
        count=counted,
        uncapped_yuan=uncapped,
        amount_yuan=min(uncapped, policy.award_cap_yuan.value),
    )
    if not _is_first_national_title_of(platform, year, as_of, policy):
        return (newly_connected,)
    amount = policy.national_title_award_yuan.value
    title = AwardLine(
        clause=policy.national_title_award_yuan.clause,
        count=1,
        uncapped_yuan=amount,
        amount_yuan=amount,
    )
    return (title, newly_connected)


def _is_first_national_title_of(platform: Platform, year: int, as_of: date, policy: Policy) -> bool:
    """Whether the platform became national for the first time in this year, under the policy.

    A title renewed, or won again after it was lost, is not a first one and pays nothing.
    """
    titles = [each.recognised_on for each in platform.recognitions if each.level == "national"]
    first = min(titles, default=None)
    return (
        first is not None
        and first.year == year
        and first <= as_of
        and policy.in_force_from.value <= first <= policy.in_force_to.value
    )
