"""The demonstration notices every way in which a count may differ from its scenario."""

from dataclasses import replace
from datetime import date

from command.differences import differences
from simulators.expectation import (
    Expectation,
    ExpectedAward,
    ExpectedDetermination,
    ExpectedMessages,
)
from tests.unit.verifier.builders import a_case, a_platform, an_enterprise, policy_with
from verifier.counting.award import award_lines
from verifier.counting.count import Count, PlatformCount
from verifier.counting.determination import determinations

_AS_OF = date(2027, 1, 31)
_POLICY = policy_with()
_KEY = ("alpha", an_enterprise().uscc)


def _count() -> Count:
    platform = a_platform("alpha")
    found = tuple(determinations([a_case()], 2026, _POLICY))
    lines = award_lines(platform, 1, 2026, _AS_OF, _POLICY)
    return Count(
        year=2026,
        policy=_POLICY,
        as_of=_AS_OF,
        is_simulation=True,
        platforms=(PlatformCount(platform, found, lines),),
        overlaps=(),
        notices=(),
    )


def _expectation(
    outcome: str = "counted", connected_on: date = date(2026, 3, 2), yuan: int = 10_000
) -> Expectation:
    return Expectation(
        year=2026,
        as_of=_AS_OF,
        clock="event",
        determinations={_KEY: ExpectedDetermination(outcome, connected_on)},
        awards={"alpha": ExpectedAward(1, yuan, 0)},
        messages=ExpectedMessages(),
        signals={},
    )


def test_a_count_as_expected_has_no_differences() -> None:
    """Outcome, date of connection and award agree."""
    assert differences(_count(), _expectation()) == []


def test_another_outcome_date_or_award_is_a_difference() -> None:
    """Each alone, and each named."""
    for expectation in (
        _expectation(outcome="held"),
        _expectation(connected_on=date(2026, 3, 3)),
        _expectation(yuan=20_000),
    ):
        (difference,) = differences(_count(), expectation)
        assert "alpha" in difference


def test_an_enterprise_listed_on_one_side_only_is_a_difference() -> None:
    """Whether it is missing from the count or from the scenario."""
    expectation = _expectation()
    other = {("alpha", an_enterprise(2).uscc): expectation.determinations[_KEY]}
    assert len(differences(_count(), replace(expectation, determinations=other))) == 2
