"""Awards in whole yuan: clause 1.2 with its cap, clause 1.1 once."""

from datetime import date

import pytest

from tests.unit.verifier.builders import a_platform, policy_with
from verifier.counting.award import AwardLine, award_lines
from verifier.counting.registry import Recognition
from verifier.policy import Level

_POLICY = policy_with()
_AS_OF = date(2030, 12, 31)


def _title_years(*recognitions: tuple[Level, date, date | None]) -> list[int]:
    platform = a_platform(recognitions=tuple(Recognition(*each) for each in recognitions))
    return [
        year
        for year in range(2025, 2031)
        if any(line.clause == "1.1" for line in award_lines(platform, 0, year, _AS_OF, _POLICY))
    ]


@pytest.mark.parametrize(
    ("counted", "uncapped_yuan", "amount_yuan"),
    [
        (0, 0, 0),
        (1, 10_000, 10_000),
        (14, 140_000, 140_000),
        (15, 150_000, 150_000),
        (16, 160_000, 150_000),
        (500, 5_000_000, 150_000),
    ],
)
def test_ten_thousand_each_up_to_the_cap(
    counted: int, uncapped_yuan: int, amount_yuan: int
) -> None:
    """Clause 1.2 is there even when it pays nothing."""
    lines = award_lines(a_platform(), counted, 2026, _AS_OF, _POLICY)
    assert lines == (AwardLine("1.2", counted, uncapped_yuan, amount_yuan),)


def test_the_first_national_title_pays_beside_the_enterprises() -> None:
    """Both clauses in the same year."""
    platform = a_platform(recognitions=(Recognition("national", date(2026, 7, 1)),))
    assert award_lines(platform, 2, 2026, _AS_OF, _POLICY) == (
        AwardLine("1.1", 1, 300_000, 300_000),
        AwardLine("1.2", 2, 20_000, 20_000),
    )


def test_a_title_pays_in_its_year_only() -> None:
    """Not again while it lasts."""
    assert _title_years(("national", date(2027, 3, 1), None)) == [2027]


def test_a_title_won_again_pays_once() -> None:
    """Lost and won back, or renewed without a break."""
    first, lost, again = date(2026, 3, 1), date(2027, 3, 1), date(2028, 3, 1)
    assert _title_years(("national", first, lost), ("national", again, None)) == [2026]
    assert _title_years(("national", lost, None), ("national", first, lost)) == [2026]


def test_a_title_of_before_the_policy_pays_nothing() -> None:
    """Nor does its renewal under the policy."""
    old, renewed = date(2025, 12, 31), date(2027, 1, 1)
    assert _title_years(("national", old, None)) == []
    assert _title_years(("national", old, renewed), ("national", renewed, None)) == []


@pytest.mark.parametrize(
    ("day", "years"),
    [
        (date(2026, 1, 1), [2026]),
        (date(2029, 12, 31), [2029]),
        (date(2030, 1, 1), []),
    ],
)
def test_a_title_pays_from_the_first_to_the_last_day_in_force(day: date, years: list[int]) -> None:
    """Both inclusive."""
    assert _title_years(("national", day, None)) == years


def test_lower_levels_win_no_title() -> None:
    """Clause 1.1 is for national platforms."""
    assert _title_years(("provincial", date(2026, 5, 1), None)) == []


def test_a_title_after_as_of_is_not_paid_yet() -> None:
    """A count knows nothing of later days."""
    platform = a_platform(recognitions=(Recognition("national", date(2026, 7, 1)),))
    lines = award_lines(platform, 0, 2026, date(2026, 6, 30), _POLICY)
    assert [line.clause for line in lines] == ["1.2"]
    lines = award_lines(platform, 0, 2026, date(2026, 7, 1), _POLICY)
    assert [line.clause for line in lines] == ["1.1", "1.2"]
