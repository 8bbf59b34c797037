"""Small counts, built by hand."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from verifier.counting.award import AwardLine
from verifier.counting.count import Count, PlatformCount
from verifier.counting.determination import Determination, Outcome
from verifier.counting.eligibility import Criterion, CriterionName, Measure
from verifier.counting.registry import Enterprise, Platform
from verifier.counting.windows import Window
from verifier.policy import load_policy

__all__ = ["POLICY", "count_of", "criterion", "determination", "platform_count"]

POLICY: Final = load_policy("putian-2026")


def criterion(
    name: CriterionName,
    *,
    measured: Measure = None,
    required: Measure = None,
    is_met: bool | None = False,
) -> Criterion:
    """A criterion that is not met, unless told otherwise."""
    return Criterion(name, is_met, measured, required, "1.2", "decision")


def determination(
    number: int = 1,
    outcome: Outcome = Outcome.COUNTED,
    *,
    name: str = "莆田市华昌机械有限公司",
    platform: str = "xielian",
    criteria: Sequence[Criterion] = (),
    pending_until: date | None = None,
) -> Determination:
    """An enterprise's outcome; a counted one has a window."""
    window = Window(date(2026, 3, 2), date(2026, 5, 30), 78, 1)
    return Determination(
        platform=Platform(platform, f"平台 {platform}"),
        enterprise=Enterprise(f"91350300MA{number:08d}", name, "licheng", "C3311"),
        outcome=outcome,
        window=window if outcome is Outcome.COUNTED else None,
        year_counted=2026 if outcome is Outcome.COUNTED else None,
        pending_until=pending_until,
        criteria=tuple(criteria),
    )


def platform_count(
    code: str,
    determinations: Sequence[Determination],
    *,
    title_yuan: int = 0,
    more: Sequence[AwardLine] = (),
) -> PlatformCount:
    """A platform with its award by the amounts of the policy, and `more` lines of other clauses."""
    counted = sum(each.outcome is Outcome.COUNTED for each in determinations)
    uncapped = counted * 10_000
    lines = [AwardLine("1.2", counted, uncapped, min(uncapped, 150_000))]
    if title_yuan:
        lines.insert(0, AwardLine("1.1", 1, title_yuan, title_yuan))
    lines += more
    return PlatformCount(Platform(code, f"平台 {code}"), tuple(determinations), tuple(lines))


def count_of(*platforms: PlatformCount) -> Count:
    """A count of 2026."""
    return Count(
        year=2026,
        policy=POLICY,
        as_of=date(2027, 4, 5),
        is_simulation=False,
        platforms=platforms,
        overlaps=(),
        notices=(),
    )
