"""One gateway for many enterprises."""

from verifier.trust.gateways import Served, SharedGateway, shared_gateways


def _served(gateway: int, districts: list[str]) -> list[Served]:
    return [
        Served(gateway, case, district, 1, 31, (f"m{case}",))
        for case, district in enumerate(districts)
    ]


def test_a_few_neighbours_may_share_one() -> None:
    """As many as the policy says, wherever it stands."""
    assert shared_gateways(_served(9, ["licheng"] * 3), {9: None}, 3) == []


def test_one_that_nobody_placed_explains_none() -> None:
    """Each of its enterprises is told."""
    served = _served(9, ["licheng"] * 4)
    assert shared_gateways(served, {9: None}, 3) == [SharedGateway(9, 4, tuple(served))]


def test_a_site_explains_the_enterprises_of_one_district() -> None:
    """A park may have dozens; those of other districts are not in it."""
    park = _served(9, ["hanjiang"] * 30)
    assert shared_gateways(park, {9: "hall 3"}, 3) == []
    mixed = _served(9, ["hanjiang"] * 6 + ["licheng"] * 2 + ["xiuyu"] * 2)
    (found,) = shared_gateways(mixed, {9: "hall 3"}, 3)
    assert found.unexplained == 4


def test_gateways_are_looked_at_one_by_one() -> None:
    """Three enterprises on each of two are no crowd."""
    served = _served(1, ["licheng"] * 3) + _served(2, ["licheng"] * 3)
    assert shared_gateways(served, {1: None, 2: None}, 3) == []
