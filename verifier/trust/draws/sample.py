"""A sample with all that it was worked out from, so that anybody can work it out again. Pure."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from verifier.trust.draws.bounds import upper_bound
from verifier.trust.draws.drawing import Drawing, Listed, Stratum, read_list

__all__ = ["Sample", "StratumShare"]


@dataclass(frozen=True, slots=True)
class StratumShare:
    """How many were drawn of one stratum."""

    stratum: Stratum
    listed: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Whom values draw of a list."""

    year: int
    as_of: date
    content: bytes
    """The list, byte by byte."""
    public_value: str
    drawing: Drawing
    draw_id: int | None
    """Of the published list; None: nothing is published, so this is a rehearsal."""
    is_recorded: bool
    """Whether these are the values by which it was drawn for good."""

    @property
    def listed(self) -> list[Listed]:
        """The rows of the list."""
        return read_list(self.content)

    @property
    def strata(self) -> list[StratumShare]:
        """The strata in their order."""
        listed = Counter(each.stratum for each in self.listed)
        drawn = Counter(each.listed.stratum for each in self.drawing.drawn)
        return [StratumShare(each, listed[each], drawn[each]) for each in sorted(listed)]

    @property
    def bound_if_none_is_found(self) -> int:
        """So many may be invented when every visit finds what is registered, with 95 %."""
        reached = sum(each.listed for each in self.strata if each.drawn)
        bound = upper_bound(reached, visited=len(self.drawing.drawn), found=0)
        return bound + len(self.listed) - reached

    def to_json_object(self) -> dict[str, object]:
        """As `jieru draw --json` prints it (design section 8)."""
        return {
            "year": self.year,
            "as_of": self.as_of.isoformat(),
            "draw": self.draw_id,
            "recorded": self.is_recorded,
            "listed": len(self.listed),
            "size": len(self.drawing.drawn),
            "list_csv": self.content.decode(),
            "digest": self.drawing.digest,
            "public_value": self.public_value,
            "seed": self.drawing.seed,
            "bound_if_none_is_found": self.bound_if_none_is_found,
            "strata": [
                {
                    "platform": each.stratum.platform,
                    "stratum": each.stratum.number,
                    "listed": each.listed,
                    "drawn": each.drawn,
                }
                for each in self.strata
            ],
            "sample": [
                {
                    "platform": each.listed.platform,
                    "uscc": each.listed.uscc,
                    "stratum": each.listed.number,
                    "ticket": each.ticket,
                }
                for each in self.drawing.drawn
            ],
        }
