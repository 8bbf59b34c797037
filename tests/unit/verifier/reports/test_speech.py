"""A report speaks one language, its dates and numbers too."""

from datetime import UTC, date, datetime

import pytest

from jieru.i18n import Language
from tests.support.signed_counts import (
    a_decision_object,
    a_document,
    a_platform_object,
    an_enterprise_object,
    signed_file,
)
from verifier.reports import read_signed_count
from verifier.reports.document import Measure, SignedCount
from verifier.reports.speech import Speech


def _signed(**enterprise: object) -> SignedCount:
    platform = a_platform_object(enterprises=[an_enterprise_object(**enterprise)])  # type: ignore[arg-type]
    return read_signed_count(signed_file(a_document([platform])))


def _speech(language: Language) -> Speech:
    return Speech(language, _signed().document)


@pytest.mark.parametrize(
    ("language", "day", "number", "instant"),
    [
        ("zh", "2026年3月2日", "1,234,567", "2027年4月6日 10:00"),
        ("en", "2 March 2026", "1,234,567", "6 April 2027, 10:00"),
    ],
)
def test_dates_and_numbers_are_the_language_s(
    language: Language, day: str, number: str, instant: str
) -> None:
    """Instants are told by the clocks of Asia/Shanghai."""
    speech = _speech(language)
    assert speech.day(date(2026, 3, 2)) == day
    assert speech.number(1_234_567) == number
    assert speech.instant(datetime(2027, 4, 6, 2, tzinfo=UTC)) == instant


def test_a_share_is_exact_and_of_nothing_a_dash() -> None:
    """No float rounds it."""
    speech = _speech("zh")
    assert speech.share(230_000, 10_000_000) == "2.30%"
    assert speech.share(10_000_000, 10_000_000) == "100.00%"
    assert speech.share(1, 0) == "-"


@pytest.mark.parametrize(
    ("criterion", "required", "said"),
    [
        ("active_hours_per_day_min", 4, "at least 4"),
        ("longest_gap_days_max", 20, "at most 20"),
        ("newly_connected", 2026, "2026"),
        ("platform_recognised", "municipal", "municipal or above"),
        (
            "policy_in_force",
            {"from": "2026-01-01", "to": "2029-12-31"},
            "1 January 2026 to 31 December 2029",
        ),
        ("district", ["licheng", "xianyou"], "荔城区, 仙游县"),
        ("not_own_operator", {"not": "X"}, "not X"),
        ("effective_window", {"active_days_min": 60}, "the five rows below"),
        ("not_held", [], "none"),
        ("counted_once", None, "–"),
    ],
)
def test_what_is_required_is_said_in_words(criterion: str, required: Measure, said: str) -> None:
    """No reader needs to know a slug or a key."""
    assert _speech("en").required(criterion, required) == said


@pytest.mark.parametrize(
    ("criterion", "measured", "said"),
    [
        (
            "effective_window",
            {"first_day": "2026-03-02", "last_day": "2026-05-30", "active_days": 78},
            "2026年3月2日 至 2026年5月30日",
        ),
        ("platform_recognised", {"on": "2026-03-02", "level": "none"}, "2026年3月2日：未获认定"),
        ("policy_in_force", "2026-03-02", "2026年3月2日"),
        ("district", "other", "其他"),
        ("industry", "C1810", "C1810"),
        ("not_excluded", ["3", "5"], "3、5"),
    ],
)
def test_what_was_measured_is_said_in_words(criterion: str, measured: Measure, said: str) -> None:
    """In the language of the report."""
    assert _speech("zh").measured(criterion, measured) == said


def test_a_criterion_of_another_version_stands_as_it_is() -> None:
    """An old count can be reported for as long as its file is kept."""
    assert _speech("zh").criterion("of_tomorrow") == "of_tomorrow"


def test_reasons_say_when_a_pending_one_may_be_complete() -> None:
    """Pending is no refusal."""
    signed = _signed(outcome="pending", pending_until="2027-03-01")
    enterprise = signed.document.platforms[0].enterprises[0]
    assert Speech("en", signed.document).reasons(enterprise) == (
        "no effective window; complete on 1 March 2027 at the earliest"
    )


def test_decisions_and_closings_are_told_with_who_and_when() -> None:
    """A withdrawn one says so."""
    closing = {
        "id": 1,
        "reason": "申报截止",
        "closed_by": "陈复核",
        "closed_at": "2027-04-01T00:00:00+00:00",
    }
    waiver = a_decision_object(
        kind="waive",
        criterion="active_devices_min",
        value=2,
        attachment="莆工信函〔2027〕3号",
        withdrawn_reason="误填",
        withdrawn_by="陈复核",
        withdrawn_at="2027-01-06T00:00:00+00:00",
    )
    signed = _signed(outcome="pending", decisions=[waiver], closing=closing)
    said = Speech("zh", signed.document).proceedings(signed.document.platforms[0].enterprises[0])
    assert said == [
        (
            "第 1 号 放宽（一日活跃设备台数：2）：现场核查未见设备"
            "（林核查，2027年1月5日 09:30）；附件：莆工信函〔2027〕3号；"
            "已撤回：误填（陈复核，2027年1月6日 08:00）"
        ),
        "窗口未满即予办结：申报截止（陈复核，2027年4月1日 08:00）",
    ]
