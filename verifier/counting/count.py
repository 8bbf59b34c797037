"""The count: every determination and award of one year under one policy. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from jieru.calendar import date_text
from jieru.errors import UserError
from jieru.i18n import gettext as _
from verifier.counting.award import AwardLine
from verifier.counting.backdated import Backdated
from verifier.counting.determination import Determination, Outcome, Overlap
from verifier.counting.registry import Platform
from verifier.policy import Policy

__all__ = [
    "EARLIEST_YEAR",
    "LATEST_YEAR",
    "Count",
    "Notice",
    "PlatformCount",
    "determination_object",
    "require_countable_year",
]

EARLIEST_YEAR: Final = 2020
"""No heartbeat is older (wire contract)."""
LATEST_YEAR: Final = 2100


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a reader of a count must know."""

    code: str
    message: str
    """Untranslated, with `{named}` values."""
    values: dict[str, object]

    def __str__(self) -> str:
        return _(self.message).format(**self.values)


@dataclass(frozen=True, slots=True)
class PlatformCount:
    """One platform's part of a count."""

    platform: Platform
    determinations: tuple[Determination, ...]
    """By uscc."""
    lines: tuple[AwardLine, ...]

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many enterprises have each outcome."""
        return Counter(each.outcome for each in self.determinations)

    @property
    def award_yuan(self) -> int:
        """What the platform earns in the year."""
        return sum(line.amount_yuan for line in self.lines)


@dataclass(frozen=True, slots=True)
class Count:
    """The result for one year under one policy."""

    year: int
    policy: Policy
    as_of: date
    is_simulation: bool
    platforms: tuple[PlatformCount, ...]
    """By code."""
    overlaps: tuple[Overlap, ...]
    notices: tuple[Notice, ...]

    @property
    def total_yuan(self) -> int:
        """What the listed platforms earn together."""
        return sum(each.award_yuan for each in self.platforms)

    def to_json_object(self) -> dict[str, object]:
        """The count as JSON has it (design section 8)."""
        return {
            "year": self.year,
            "policy": self.policy.name,
            "policy_sha256": self.policy.sha256,
            "as_of": self.as_of.isoformat(),
            "simulation": self.is_simulation,
            "total_yuan": self.total_yuan,
            "platforms": [_platform_object(each) for each in self.platforms],
            "overlaps": [_overlap_object(each) for each in self.overlaps],
            "notices": [{"code": each.code, "message": str(each)} for each in self.notices],
            "parameters": _parameter_objects(self.policy),
            **({} if self.policy.backdate_days_max is None else self._late_records()),
        }

    def backdated(self) -> Iterator[tuple[Determination, Backdated]]:
        """All that was recorded late, with whom it concerns."""
        for platform in self.platforms:
            for found in platform.determinations:
                for each in found.backdated or ():
                    yield found, each

    def _late_records(self) -> dict[str, object]:
        return {
            "backdated": [
                {
                    "platform": found.platform.code,
                    "uscc": found.enterprise.uscc,
                    "name": found.enterprise.name,
                    **each.to_json_object(),
                }
                for found, each in self.backdated()
            ]
        }


def require_countable_year(year: int) -> None:
    """Check that a count of this year makes sense.

    Raises:
        UserError: it is before 2020 or after 2100.
    """
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise UserError(
            "The year {year} cannot be counted: only {first} to {last} can.",
            year=year,
            first=EARLIEST_YEAR,
            last=LATEST_YEAR,
        )


def _platform_object(count: PlatformCount) -> dict[str, object]:
    outcomes = count.outcomes
    return {
        "platform": count.platform.code,
        "name": count.platform.name,
        "counted": outcomes[Outcome.COUNTED],
        "pending": outcomes[Outcome.PENDING],
        "outcomes": {outcome.value: outcomes[outcome] for outcome in Outcome},
        "award_yuan": count.award_yuan,
        "lines": [
            {
                "clause": line.clause,
                "count": line.count,
                "uncapped_yuan": line.uncapped_yuan,
                "amount_yuan": line.amount_yuan,
            }
            for line in count.lines
        ],
        "enterprises": [determination_object(each) for each in count.determinations],
    }


def determination_object(determination: Determination) -> dict[str, object]:
    """One enterprise as JSON has it."""
    window, until = determination.window, determination.pending_until
    said = determination.confirmation
    return {
        "uscc": determination.enterprise.uscc,
        "name": determination.enterprise.name,
        "outcome": determination.outcome.value,
        "connected_on": window.first_day.isoformat() if window else None,
        "window_last_day": window.last_day.isoformat() if window else None,
        "window_active_days": window.active_days if window else None,
        "window_longest_gap_days": window.longest_gap_days if window else None,
        **determination.live_percent,
        "year_counted": determination.year_counted,
        "pending_until": date_text(until),
        "reasons": determination.reasons,
        **(
            {}
            if determination.backdated is None
            else {"backdated": [each.to_json_object() for each in determination.backdated]}
        ),
        **(_confirmation_object(said) if said is not None else {}),
    }


def _confirmation_object(said: Mapping[str, int | str]) -> dict[str, object]:
    """What the enterprise says: `confirmed`, `denied` or `none`, and since which day."""
    return {"confirmation": said["answer"], "confirmation_on": said.get("answered_on")}


def _overlap_object(overlap: Overlap) -> dict[str, object]:
    return {
        "uscc": overlap.enterprise.uscc,
        "name": overlap.enterprise.name,
        "platforms": [
            {
                "platform": claim.platform_code,
                "connected_on": claim.connected_on.isoformat(),
                "year": claim.year,
            }
            for claim in overlap.claims
        ],
    }


def _parameter_objects(policy: Policy) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "value": parameter.model_dump(mode="json")["value"],
            "unit": parameter.unit,
            "clause": parameter.clause,
            "basis": parameter.basis,
        }
        for name, parameter in policy.parameters().items()
    ]
