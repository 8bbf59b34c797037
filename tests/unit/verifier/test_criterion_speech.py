"""Criteria in words, for whoever reads them."""

from datetime import date

import pytest

from jieru.i18n import translations
from tests.unit.api.counting import criterion
from verifier.counting.eligibility import Criterion, CriterionName, Measure
from verifier.criterion_speech import CriterionSpeech

ISO = CriterionSpeech(
    lambda message: message,
    day=date.isoformat,
    number="{:,}".format,
    district={"hanjiang": "涵江区"}.__getitem__,
)
CHINESE = CriterionSpeech(
    translations("zh").gettext,
    day=lambda day: f"{day:%Y年%-m月%-d日}",
    number=str,
    district=str,
)


@pytest.mark.parametrize(
    ("name", "measured", "said"),
    [
        ("active_days_min", 1_078, "1,078"),
        (
            "effective_window",
            {"first_day": "2026-03-02", "last_day": "2026-05-30", "active_days": 78},
            "2026-03-02 to 2026-05-30",
        ),
        ("newly_connected", 2026, "2026"),
        (
            "platform_recognised",
            {"on": "2026-03-02", "level": "none"},
            "not recognised on 2026-03-02",
        ),
        ("policy_in_force", "2026-03-02", "2026-03-02"),
        ("district", "hanjiang", "涵江区"),
        ("industry", None, "–"),
        ("not_held", ["3", "5"], "3, 5"),
        ("not_held", [], "none"),
        ("of_tomorrow", {"a": 1, "b": "x"}, "1, x"),
    ],
)
def test_what_was_measured_is_said(name: str, measured: Measure, said: str) -> None:
    """Each kind of measure in words of its own; a year is no quantity."""
    assert ISO.measured(name, measured) == said


@pytest.mark.parametrize(
    ("name", "required", "said"),
    [
        ("active_hours_per_day_min", 4, "at least 4"),
        ("longest_gap_days_max", 20, "at most 20"),
        ("window_days", 90, "90"),
        ("effective_window", {"window_days": 90}, "the five rows below"),
        ("newly_connected", 2026, "2026"),
        ("platform_recognised", "municipal", "municipal or above"),
        (
            "policy_in_force",
            {"from": "2026-01-01", "to": "2029-12-31"},
            "2026-01-01 to 2029-12-31",
        ),
        ("district", ["hanjiang"], "涵江区"),
        ("industry", ("C", "D"), "C, D"),
        ("not_own_operator", {"not": "B"}, "not B"),
        ("counted_once", None, "–"),
    ],
)
def test_what_is_required_is_said(name: str, required: Measure, said: str) -> None:
    """With its bound, where it is one."""
    assert ISO.required(name, required) == said


def test_each_reader_has_days_and_words_of_his_own() -> None:
    """A report writes days in full and speaks Chinese."""
    level = {"on": "2026-03-02", "level": "none"}
    assert CHINESE.measured("platform_recognised", level) == "2026年3月2日：未获认定"
    assert CHINESE.required("active_days_min", 60) == "不少于 60"
    assert CHINESE.measured("not_excluded", ["3", "5"]) == "3、5"


def test_a_criterion_of_another_version_stands_as_it_is() -> None:
    """Its name, its number, its reason."""
    assert ISO.name("of_tomorrow") == ISO.short_reason("of_tomorrow") == "of_tomorrow"
    assert ISO.required("of_tomorrow", 7) == "7"


@pytest.mark.parametrize("name", CriterionName)
def test_every_criterion_gives_a_reason(name: CriterionName) -> None:
    """Even one that was measured in no way that has words of its own."""
    assert ISO.reason(name, None, None)


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (
            criterion(CriterionName.NEWLY_CONNECTED, measured=2025, required=2026),
            "its connection counts for 2025 already",
        ),
        (
            criterion(CriterionName.COUNTED_ONCE, measured="guolian", required="xielian"),
            "platform guolian connected it first",
        ),
        (
            criterion(
                CriterionName.PLATFORM_RECOGNISED,
                measured={"on": "2026-03-02", "level": "none"},
                required="municipal",
            ),
            "the platform was not recognised on 2026-03-02",
        ),
        (
            criterion(
                CriterionName.PLATFORM_RECOGNISED,
                measured={"on": "2026-03-02", "level": "municipal"},
                required="provincial",
            ),
            "the platform was only municipal on 2026-03-02; provincial or above is required",
        ),
        (
            criterion(
                CriterionName.POLICY_IN_FORCE,
                measured="2025-11-01",
                required={"from": "2026-01-01", "to": "2029-12-31"},
            ),
            "connected on 2025-11-01; the policy is in force from 2026-01-01 to 2029-12-31",
        ),
        (criterion(CriterionName.NOT_EXCLUDED, measured=["7"]), "excluded by decision #7"),
        (criterion(CriterionName.NOT_HELD, measured=["3", "9"]), "held by decision #3, #9"),
        (
            criterion(CriterionName.INDUSTRY, measured="F5110", required=("C",)),
            "industry F5110 is outside the policy's industries",
        ),
    ],
)
def test_a_reason_says_what_was_measured(failed: Criterion, words: str) -> None:
    """Not only which criterion failed."""
    assert ISO.reason(failed.name, failed.measured, failed.required) == words


def test_no_level_is_said_in_words() -> None:
    """A platform without a title."""
    assert ISO.level("none") == "not recognised"
    assert ISO.level("national") == "national"
