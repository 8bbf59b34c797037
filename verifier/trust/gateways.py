"""One gateway that speaks for more enterprises than the place where it stands explains. Pure.

A gateway stands in a workshop. In an industrial park a few neighbours may share one; dozens of
enterprises behind one box, or enterprises of two districts, are hardly in one place.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Served", "SharedGateway", "shared_gateways"]


class Served(NamedTuple):
    """An enterprise whose devices a gateway spoke for."""

    gateway: int
    case: int
    district: str
    first_day: int
    """Ordinal of the first day of the first month in which it did."""
    last_day: int
    serials: tuple[str, ...]


class SharedGateway(NamedTuple):
    """A gateway with more enterprises than are explained."""

    gateway: int
    unexplained: int
    served: tuple[Served, ...]


def shared_gateways(
    served: Iterable[Served], sites: dict[int, str | None], enterprises_max: int
) -> list[SharedGateway]:
    """Each gateway of which more than `enterprises_max` enterprises are not explained.

    Without a site none is explained. A site explains the enterprises of the district in which most
    of them are (of equal ones the first by name), for it is one place: those of other districts
    remain.

    Args:
        served: from `presence_by_others`, each enterprise once for each gateway.
        sites: where each gateway stands, as it is registered; None: nobody said.
        enterprises_max: how many one gateway may serve.
    """
    by_gateway: dict[int, list[Served]] = {}
    for each in sorted(served):
        by_gateway.setdefault(each.gateway, []).append(each)
    found = []
    for gateway, enterprises in by_gateway.items():
        districts = Counter(each.district for each in enterprises)
        explained = max(districts.values()) if sites[gateway] else 0
        unexplained = len(enterprises) - explained
        if unexplained > enterprises_max:
            found.append(SharedGateway(gateway, unexplained, tuple(enterprises)))
    return found
