"""How likely a visit must be before fifteen invented enterprises no longer pay."""

import pytest

from verifier.trust.draws.deterrence import deterring_share, deterring_share_of_refund

_INVENTED = 15
"""As many as earn a year's cap."""


def _gain(probability: float, lost: float) -> float:
    """What inventing them earns on average, in awards of all of them."""
    nothing_found = (1 - probability) ** _INVENTED
    return nothing_found - lost * (1 - nothing_found)


def test_a_refund_alone_deters_only_where_nearly_everybody_is_visited() -> None:
    """An enterprise that costs 800 yuan to invent and earns 10,000: 92 %."""
    assert deterring_share_of_refund(cost_yuan=800, award_yuan=10_000) == pytest.approx(0.92)
    assert deterring_share_of_refund(cost_yuan=20_000, award_yuan=10_000) == 0


@pytest.mark.parametrize(("lost", "percent"), [(1, 5), (2, 3)])
def test_with_a_penalty_few_visits_deter(lost: float, percent: int) -> None:
    """A penalty of the same amount: 5 %; with a lost year's cap on top: 3 %."""
    found = deterring_share(_INVENTED, lost=lost)
    assert round(found * 100) == percent
    assert _gain(found, lost) == pytest.approx(0)
    assert _gain(found * 0.9, lost) > 0 > _gain(found * 1.1, lost)
