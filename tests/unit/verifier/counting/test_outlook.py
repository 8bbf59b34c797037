"""What an outlook promises is what the count itself says when the days come so."""

from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.verifier.builders import (
    a_case,
    a_decision,
    a_platform,
    active_days_of,
    evidence_of,
    policy_with,
)
from verifier.counting.determination import Determination, Outcome
from verifier.counting.eligibility import Case
from verifier.counting.evaluation import CaseActivity, Evaluation, evaluation_of
from verifier.counting.outlook import Outlook, Result, outlooks
from verifier.counting.registry import Recognition
from verifier.counting.windows import ActiveDays
from verifier.policy import Policy

DAY = timedelta(days=1)


class Known(NamedTuple):
    """A case and what was heard of it, up to the last mark."""

    first: date
    marks: str
    year: int
    policy: Policy
    case: Case

    @property
    def as_of(self) -> date:
        """The day of the last mark."""
        return self.first + timedelta(days=len(self.marks) - 1)

    def evaluation(self, ahead: str = "") -> Evaluation:
        """The count on the day of the last mark, when these days come after those known."""
        days = active_days_of(self.first, self.marks + ahead)
        as_of = self.as_of + timedelta(days=len(ahead))
        evidence = evidence_of([self.case], [])
        return evaluation_of(evidence, CaseActivity(days), self.year, as_of, self.policy)

    def counted(self, ahead: str = "") -> Determination:
        """What the count says then."""
        (found,) = self.evaluation(ahead).count.platforms[0].determinations
        return found

    def outlook(self) -> Outlook:
        """Where it stands."""
        (found,) = outlooks(self.evaluation())
        return found


@st.composite
def _known(draw: st.DrawFn) -> Known:
    """Some weeks around a new year, under rules short enough to be met and missed in them."""
    window_days = draw(st.integers(2, 14))
    first = date(2026, 12, 1)
    policy = policy_with(
        window_days=window_days,
        active_days_min=max(1, window_days - draw(st.integers(0, 8))),
        longest_gap_days_max=draw(st.integers(0, 6)),
        count_year_of=draw(st.sampled_from(["window_start", "window_end"])),
        in_force_to=first + timedelta(days=draw(st.sampled_from([700, 700, 20, 50]))),
    )
    revoked = first + timedelta(days=draw(st.integers(0, 60)))
    platform = a_platform(
        recognitions=(
            Recognition(
                "municipal", date(2025, 1, 1), draw(st.sampled_from([None, None, revoked]))
            ),
        )
    )
    decisions = [a_decision("waive", "active_days_min", draw(st.integers(1, 14)))]
    case = a_case(None, platform=platform, decisions=draw(st.sampled_from([(), tuple(decisions)])))
    marks = draw(st.text("##.", min_size=1, max_size=50))
    return Known(first, marks, draw(st.sampled_from([2026, 2027])), policy, case)


def _until(known: Known, day: date) -> int:
    return (day - known.as_of).days


@given(_known())
def test_complete_on_a_day_if_every_day_is_active_is_what_the_count_says_on_that_day(
    known: Known,
) -> None:
    """On that day, and on no day before it, the count says what an outlook expects."""
    found = known.outlook()
    if found.complete_on is None or found.determination.window is not None:
        return
    ahead = "#" * _until(known, found.complete_on)
    then = known.counted(ahead)
    assert then.outcome is found.expected is Outcome.COUNTED
    assert then.window is not None
    assert then.window.last_day == found.complete_on
    assert known.counted(ahead[:-1]).window is None


@given(_known())
def test_what_is_not_for_this_year_does_not_count_when_every_day_is_active(known: Known) -> None:
    """Whoever is told so loses nothing by believing it: no day of the year says otherwise."""
    found = known.outlook()
    if found.result is not Result.NOT_THIS_YEAR:
        return
    for days in range(0, _until(known, date(known.year + 1, 1, 31)) + 1, 3):
        assert known.counted("#" * days).outcome is not Outcome.COUNTED


@given(_known())
def test_so_many_silent_days_leave_the_promise_and_one_more_breaks_it(known: Known) -> None:
    """The gap left is silent days in a row from the day after the evidence on."""
    found = known.outlook()
    if not found.runs or found.complete_on is None:
        return
    length = _until(known, found.complete_on)
    left = found.gap_left_days

    def completes(silent: int) -> bool:
        window = known.counted("." * silent + "#" * (length - silent)).window
        return window is not None and window.last_day == found.complete_on

    if left is None:
        assert completes(length)
    else:
        assert completes(left)
        assert not completes(left + 1)


@given(_known())
def test_on_the_last_day_a_window_of_the_year_can_begin_and_on_none_after_it(known: Known) -> None:
    """A window that begins on it counts; one that begins later counts for no more this year."""
    found = known.outlook()
    last = found.last_start_on
    if last is None or last <= known.as_of:
        return
    silent = "." * (_until(known, last) - 1)
    length = found.rule.window_days
    begun = known.counted(silent + "#" * length)
    # What is known may have begun one that goes on over the silence: it is no later than this.
    assert begun.window is not None
    assert begun.window.first_day <= last
    if begun.window.first_day == last:
        assert begun.outcome is Outcome.COUNTED
    later = known.counted(silent + "." + "#" * length)
    if later.window is not None and later.window.first_day > last:
        assert later.outcome is not Outcome.COUNTED


@given(_known())
def test_a_day_heard_never_worsens_a_outlook(known: Known) -> None:
    """With the next day active, what could be complete on a day still can."""
    found = known.outlook()
    assume(found.complete_on is not None and found.determination.window is None)
    assert found.complete_on is not None
    assume(found.complete_on > known.as_of + DAY)
    after = known._replace(marks=known.marks + "#").outlook()
    assert after.complete_on == found.complete_on


def _of(marks: str, **changes: object) -> Outlook:
    """A outlook under the policy of Putian, of days that begin on the first of March 2026."""
    values: dict[str, object] = {
        "first": date(2026, 3, 1),
        "marks": marks,
        "year": 2026,
        "policy": policy_with(),
        "case": a_case(None),
    }
    return Known(**{**values, **changes}).outlook()  # type: ignore[arg-type]


def test_an_enterprise_heard_for_ten_days_runs_until_the_ninetieth() -> None:
    """It has ten of sixty days, may be silent for twenty, and is complete after ninety."""
    found = _of("#" * 10)
    assert found.result is Result.PENDING
    assert (found.active_days, found.rule.active_days_min) == (10, 60)
    assert found.first_day == date(2026, 3, 1)
    assert found.complete_on == date(2026, 5, 29)
    assert (found.silent_days, found.gap_left_days) == (0, 20)
    assert found.last_start_on == date(2026, 12, 31)


def test_an_enterprise_silent_for_twelve_days_has_eight_left_and_is_at_risk() -> None:
    """The gap counts from its last active day, wherever the weekend was."""
    found = _of("#" * 10 + "." * 12)
    assert (found.result, found.silent_days, found.gap_left_days) == (Result.AT_RISK, 12, 8)


def test_a_window_that_broke_leaves_its_best_attempt_and_a_new_beginning() -> None:
    """Silent for longer than may be: the earliest end is that of a window from tomorrow on."""
    found = _of("#" * 10 + "." * 21)
    assert found.result is Result.NOT_YET
    assert found.first_day is None
    assert found.gap_left_days is None
    assert found.active_days == 10
    assert found.complete_on == date(2026, 4, 1) + 89 * DAY


def test_a_window_that_cannot_break_any_more_has_no_gap_to_watch() -> None:
    """With sixty days of seventy, and no more than the longest gap to go."""
    found = _of("#" * 75)
    assert (found.result, found.gap_left_days) == (Result.PENDING, None)


def test_a_counted_enterprise_has_its_window_and_nothing_to_wait_for() -> None:
    """It has no gap to watch and no day by which to begin."""
    found = _of("#" * 90)
    assert found.result is Result.COUNTED
    assert (found.first_day, found.complete_on) == (date(2026, 3, 1), date(2026, 5, 29))
    assert (found.gap_left_days, found.last_start_on) == (None, None)


def test_a_window_that_would_be_one_of_the_year_before_is_none_of_this_year() -> None:
    """The count of this year calls it pending; going on, it is counted for the year before."""
    found = _of("#" * 40, first=date(2025, 12, 1), case=a_case(None))
    assert found.determination.outcome is Outcome.PENDING
    assert found.result is Result.NOT_THIS_YEAR
    assert found.expected is Outcome.CONNECTED_EARLIER


def test_outlooks_come_in_the_order_of_the_count_and_for_its_platform_alone() -> None:
    """Every enterprise is evaluated; those of the platform that is listed are told."""
    cases = [
        replace(a_case(None), platform=a_platform(code)) for code in ("alpha", "beta", "gamma")
    ]
    days = ActiveDays(date(2026, 3, 1).toordinal(), np.ones((3, 5), dtype=np.bool_))
    whole = evaluation_of(
        evidence_of(cases, []), CaseActivity(days), 2026, date(2026, 3, 5), policy_with()
    )
    one = evaluation_of(
        evidence_of(cases, []), CaseActivity(days), 2026, date(2026, 3, 5), policy_with(), "beta"
    )
    assert [each.key[0] for each in outlooks(whole)] == ["alpha", "beta", "gamma"]
    assert [each.key[0] for each in outlooks(one)] == ["beta"]
