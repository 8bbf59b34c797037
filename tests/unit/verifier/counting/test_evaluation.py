"""What a count is put together of: platforms with their awards, overlaps, and notices."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from tests.unit.verifier.builders import a_case, a_platform, an_enterprise, evidence_of, policy_with
from verifier.counting.award import award_lines
from verifier.counting.count import Count
from verifier.counting.eligibility import Case
from verifier.counting.evaluation import CaseActivity, evaluation_of
from verifier.counting.evidence import EvidenceRules
from verifier.counting.registry import Recognition
from verifier.counting.windows import ActiveDays

_POLICY = policy_with()
_AS_OF = date(2027, 4, 5)
_SINCE = date(2026, 3, 2)
_NATIONAL = a_platform("beta", recognitions=(Recognition("national", date(2026, 2, 1)),))


def _case(code: str, number: int) -> Case:
    platform = _NATIONAL if code == "beta" else a_platform(code)
    return a_case(None, platform=platform, enterprise=an_enterprise(number))


def _counted(
    cases: Sequence[Case],
    active: Sequence[bool],
    *,
    as_of: date = _AS_OF,
    platform: str | None = None,
    rules: tuple[EvidenceRules, ...] = (),
    is_simulation: bool = False,
) -> Count:
    """A count of 2026, each case active on 90 days from 2026-03-02 on, or never."""
    evidence = replace(evidence_of(list(cases), []), rules=rules, is_simulation=is_simulation)
    marks = np.repeat(np.array(active, dtype=np.bool_)[:, None], 90, axis=1)
    days = ActiveDays(_SINCE.toordinal(), marks)
    return evaluation_of(evidence, CaseActivity(days), 2026, as_of, _POLICY, platform).count


_CITY = [_case("alpha", 1), _case("alpha", 2), _case("beta", 1), _case("gamma", 3)]
_ACTIVE = [True, False, True, True]


def test_each_platform_has_its_determinations_and_its_award() -> None:
    """Whoever is not counted earns nothing; a first national title pays besides."""
    count = _counted(_CITY, _ACTIVE)
    assert [each.platform.code for each in count.platforms] == ["alpha", "beta", "gamma"]
    assert [len(each.determinations) for each in count.platforms] == [2, 1, 1]
    assert [each.award_yuan for each in count.platforms] == [10_000, 310_000, 10_000]
    for each in count.platforms:
        assert each.lines == award_lines(each.platform, 1, 2026, _AS_OF, _POLICY)


def test_a_title_after_the_day_of_the_count_pays_nothing_yet() -> None:
    """The day of the count is that of its awards too."""
    (beta,) = _counted([_case("beta", 1)], [False], as_of=date(2026, 1, 31)).platforms
    assert beta.award_yuan == 0


def test_overlaps_of_the_year_are_part_of_the_count() -> None:
    """The enterprise that two platforms connected."""
    count = _counted(_CITY, _ACTIVE)
    (overlap,) = count.overlaps
    assert overlap.enterprise.uscc == an_enterprise(1).uscc
    assert {each.platform_code for each in overlap.claims} == {"alpha", "beta"}


def test_one_platform_alone_comes_with_its_own_overlaps_only() -> None:
    """Its operator sees them, and nobody else's."""
    for code, found in (("alpha", 1), ("beta", 1), ("gamma", 0)):
        count = _counted(_CITY, _ACTIVE, platform=code)
        assert [each.platform.code for each in count.platforms] == [code]
        assert len(count.overlaps) == found


@pytest.mark.parametrize("is_simulation", [False, True])
def test_a_count_says_whether_it_is_a_simulation_s(is_simulation: bool) -> None:
    """As its evidence is."""
    count = _counted(_CITY, _ACTIVE, is_simulation=is_simulation)
    assert count.is_simulation is is_simulation


def test_a_count_by_rules_as_agreed_has_no_notice() -> None:
    """From the first day of the year on."""
    agreed = (EvidenceRules(72, 10, "receipt"),)
    for as_of in (date(2026, 1, 1), _AS_OF):
        assert _counted(_CITY, _ACTIVE, as_of=as_of, rules=agreed).notices == ()


def test_a_count_of_a_year_that_has_not_begun_says_so() -> None:
    """With the day on which its evidence ends."""
    as_of = date(2026, 1, 1) - timedelta(days=1)
    (notice,) = _counted(_CITY, _ACTIVE, as_of=as_of).notices
    assert notice.code == "before_the_year"
    assert notice.message == "The evidence ends on {as_of}, before {year} began."
    assert notice.values == {"as_of": "2025-12-31", "year": 2026}


@pytest.mark.parametrize(("delay", "ahead"), [(48, 10), (72, 20)])
def test_evidence_that_was_taken_by_other_rules_is_said(delay: int, ahead: int) -> None:
    """Whichever of the two limits was another; each such rule once."""
    rules = (EvidenceRules(72, 10, "receipt"), EvidenceRules(delay, ahead, "receipt"))
    (notice,) = _counted(_CITY, _ACTIVE, rules=rules).notices
    assert notice.code == "evidence_rules_differ"
    assert notice.message == (
        "Some heartbeats were taken under other rules than this policy's: late after {delay} hours "
        "(policy: {policy_delay}), clock ahead up to {ahead} minutes (policy: {policy_ahead})."
    )
    assert notice.values == {
        "delay": delay,
        "policy_delay": 72,
        "ahead": ahead,
        "policy_ahead": 10,
    }


def test_evidence_by_the_event_clock_is_said() -> None:
    """Once, and whatever else was taken by receipt."""
    rules = (EvidenceRules(72, 10, "receipt"), EvidenceRules(72, 10, "event"))
    (notice,) = _counted(_CITY, _ACTIVE, rules=rules).notices
    assert (notice.code, notice.values) == ("event_clock", {})
    assert notice.message == (
        "Heartbeats were taken as received at their own timestamp (event clock), "
        "so none of those was late."
    )
