"""What the visits of a draw say of its list: how many, what was found, and the bound. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from verifier.trust.draws.bounds import upper_bound
from verifier.trust.draws.drawing import Listed

__all__ = ["OPENS_CASE", "Found", "Result", "finding_of", "result_of"]


class Found(StrEnum):
    """What a visit found."""

    AS_REGISTERED = "as_registered"
    """The machines are there, and the enterprise works with them."""
    DIFFERS = "differs"
    """Something is there, and not as it is registered."""
    NOT_FOUND = "not_found"
    """No such enterprise, or none of its machines."""
    REFUSED = "refused"
    """Nobody let the visitors in."""


OPENS_CASE: Final = frozenset({Found.DIFFERS, Found.NOT_FOUND})
_WORST_FIRST: Final = (Found.NOT_FOUND, Found.DIFFERS, Found.AS_REGISTERED, Found.REFUSED)


@dataclass(frozen=True, slots=True)
class Result:
    """What a count reports of one draw."""

    draw: int
    drawn_on: date
    digest: str
    listed: int
    drawn: int
    visited: int
    """Of those that were drawn."""
    as_registered: int
    differs: int
    not_found: int
    refused: int
    bound: int
    """So many of the list may be invented: more are excluded with 95 %."""

    @property
    def is_whole(self) -> bool:
        """Whether all who were drawn were visited: before that the bound is none to rely on."""
        return self.visited == self.drawn

    @property
    def found(self) -> int:
        """Visits that did not find what is registered, refusals included."""
        return self.differs + self.not_found + self.refused

    def to_json_object(self) -> dict[str, object]:
        """As the document of a count holds it: whole numbers and texts."""
        return {**asdict(self), "drawn_on": self.drawn_on.isoformat()}


def finding_of(visits: Sequence[Found]) -> Found:
    """What several visits to one enterprise found.

    What was found amiss once is not undone by a later visit; a refusal is, by any visit that saw
    something.
    """
    return min(visits, key=_WORST_FIRST.index)


def result_of(
    draw: int,
    drawn_on: date,
    digest: str,
    listed: Sequence[Listed],
    drawn: Sequence[Listed],
    visits: Mapping[Listed, Sequence[Found]],
) -> Result:
    """The result of a draw, as far as its visits are made.

    A refusal counts in the bound as if an invented enterprise had been found: else to refuse would
    be the cheapest way. Strata of which nobody was drawn are not looked into, so all their members
    stay possible.

    Args:
        draw: its number.
        drawn_on: the day of the draw.
        digest: of the list.
        listed: the list.
        drawn: the sample.
        visits: what was found at each enterprise that was visited.
    """
    findings = [finding_of(visits[each]) for each in drawn if visits.get(each)]
    amiss = sum(each is not Found.AS_REGISTERED for each in findings)
    looked_into = {each.stratum for each in drawn}
    within = sum(each.stratum in looked_into for each in listed)
    return Result(
        draw=draw,
        drawn_on=drawn_on,
        digest=digest,
        listed=len(listed),
        drawn=len(drawn),
        visited=len(findings),
        **{each.value: findings.count(each) for each in Found},
        bound=upper_bound(within, visited=len(findings), found=amiss) + len(listed) - within,
    )
