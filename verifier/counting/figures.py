"""The figures of a count, computed now or stored: outcomes and award lines by platform. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from verifier.counting.award import AwardLine
from verifier.counting.count import Count
from verifier.counting.determination import Outcome

__all__ = ["Figures", "PlatformFigures", "figures_of_count", "figures_of_document"]


@dataclass(frozen=True, slots=True)
class PlatformFigures:
    """One platform's part of a count; all amounts in yuan."""

    platform: str
    """Its code."""
    name: str
    outcomes: Counter[Outcome]
    lines: tuple[AwardLine, ...]
    enterprise_clause: str
    """The clause that pays for enterprises, and whose award is capped."""
    cap_yuan: int

    @property
    def counted(self) -> int:
        """Enterprises counted."""
        return self.outcomes[Outcome.COUNTED]

    @property
    def pending(self) -> int:
        """Enterprises that may count yet."""
        return self.outcomes[Outcome.PENDING]

    @property
    def award_yuan(self) -> int:
        """What all clauses pay together."""
        return sum(line.amount_yuan for line in self.lines)

    def amount_yuan(self, clause: str) -> int:
        """What one clause pays."""
        return sum(line.amount_yuan for line in self.lines if line.clause == clause)

    @property
    def capped_yuan(self) -> int:
        """What the clause that has a cap pays."""
        return self.amount_yuan(self.enterprise_clause)

    @property
    def uncapped_yuan(self) -> int:
        """What the clause that has a cap would pay without it."""
        return sum(
            line.uncapped_yuan for line in self.lines if line.clause == self.enterprise_clause
        )

    @property
    def is_capped(self) -> bool:
        """Whether the cap takes something away."""
        return self.capped_yuan < self.uncapped_yuan


@dataclass(frozen=True, slots=True)
class Figures:
    """What a count says in numbers."""

    platforms: tuple[PlatformFigures, ...]
    """By code."""
    enterprise_clause: str
    """The clause that pays for enterprises, and whose award is capped."""
    title_clause: str
    """The clause that pays for a national title."""
    cap_yuan: int

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses of the policy and every other one that pays somebody, in their order."""
        paying = {line.clause for each in self.platforms for line in each.lines}
        return tuple(sorted(paying | {self.enterprise_clause, self.title_clause}))

    @property
    def by_award(self) -> list[PlatformFigures]:
        """The platforms, the highest award first."""
        return sorted(
            self.platforms,
            key=lambda each: (-each.award_yuan, -each.uncapped_yuan, each.platform),
        )

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many enterprises have each outcome."""
        return sum((each.outcomes for each in self.platforms), Counter())

    @property
    def total_yuan(self) -> int:
        """What the platforms earn together."""
        return sum(each.award_yuan for each in self.platforms)

    @property
    def uncapped_yuan(self) -> int:
        """What the clause that has a cap would pay without it."""
        return sum(each.uncapped_yuan for each in self.platforms)

    @property
    def at_the_cap(self) -> int:
        """Platforms from which the cap takes something away."""
        return sum(each.is_capped for each in self.platforms)

    def amount_yuan(self, clause: str) -> int:
        """What one clause pays all platforms together."""
        return sum(each.amount_yuan(clause) for each in self.platforms)

    def of_platform(self, code: str | None) -> "Figures":
        """One platform's part; nothing where it is not listed."""
        return replace(
            self, platforms=tuple(each for each in self.platforms if each.platform == code)
        )


def figures_of_count(count: Count) -> Figures:
    """The figures of a count that was computed."""
    policy = count.policy
    return _figures(
        (
            (each.platform.code, each.platform.name, each.outcomes, each.lines)
            for each in count.platforms
        ),
        policy.award_per_enterprise_yuan.clause,
        policy.national_title_award_yuan.clause,
        policy.award_cap_yuan.value,
    )


def figures_of_document(document: Mapping[str, Any]) -> Figures:
    """The figures of a stored document, with or without its enterprises."""
    parameters = {each["name"]: each for each in document["parameters"]}
    return _figures(
        (
            (
                each["platform"],
                each["name"],
                Counter({Outcome(name): number for name, number in each["outcomes"].items()}),
                tuple(AwardLine(**line) for line in each["lines"]),
            )
            for each in document["platforms"]
        ),
        parameters["award_per_enterprise_yuan"]["clause"],
        parameters["national_title_award_yuan"]["clause"],
        parameters["award_cap_yuan"]["value"],
    )


def _figures(
    platforms: Iterable[tuple[str, str, Counter[Outcome], tuple[AwardLine, ...]]],
    enterprise_clause: str,
    title_clause: str,
    cap_yuan: int,
) -> Figures:
    return Figures(
        platforms=tuple(
            PlatformFigures(code, name, outcomes, lines, enterprise_clause, cap_yuan)
            for code, name, outcomes, lines in platforms
        ),
        enterprise_clause=enterprise_clause,
        title_clause=title_clause,
        cap_yuan=cap_yuan,
    )
