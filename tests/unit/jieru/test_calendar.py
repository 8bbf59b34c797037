"""The civil calendar of Asia/Shanghai."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.calendar import (
    CivilHour,
    bit_index,
    civil_date,
    civil_hour_of,
    days_in_month,
    epoch_milliseconds,
    hours_since_epoch,
    months_between,
    parse_date,
)


def test_the_year_turns_at_16_utc() -> None:
    """The last millisecond before 16:00 UTC on 31 December is still the old year."""
    turn_ms = int(datetime(2026, 12, 31, 16, tzinfo=UTC).timestamp() * 1000)
    assert civil_hour_of(turn_ms - 1) == CivilHour(date(2026, 12, 1), 30 * 24 + 23)
    assert civil_hour_of(turn_ms) == CivilHour(date(2027, 1, 1), 0)


@given(st.integers(1_577_808_000_000, 253_402_214_400_000))
def test_a_civil_hour_is_what_the_time_zone_database_says(epoch_ms: int) -> None:
    """The fixed offset agrees with Asia/Shanghai for every instant the contract admits."""
    local = datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo("Asia/Shanghai"))
    assert civil_hour_of(epoch_ms) == CivilHour(
        date(local.year, local.month, 1), bit_index(local.date(), local.hour)
    )


@given(st.integers(1_577_808_000_000, 253_402_214_400_000))
def test_a_civil_hour_is_known_by_its_hours_since_the_epoch(epoch_ms: int) -> None:
    """There and back."""
    assert hours_since_epoch(*civil_hour_of(epoch_ms)) == epoch_ms // 3_600_000


def test_a_civil_date_needs_an_instant_with_a_zone() -> None:
    """A naive time means nothing."""
    assert civil_date(datetime(2026, 12, 31, 16, tzinfo=UTC)) == date(2027, 1, 1)
    with pytest.raises(ValueError, match="time zone"):
        civil_date(datetime(2026, 12, 31, 16))  # noqa: DTZ001 - the case


def test_epoch_milliseconds_and_civil_hours_are_inverse() -> None:
    """29 February included."""
    assert civil_hour_of(epoch_milliseconds(date(2028, 2, 29), 23, 59)) == CivilHour(
        date(2028, 2, 1), 28 * 24 + 23
    )


def test_months_between_are_all_first_days() -> None:
    """Both ends belong to the range."""
    assert months_between(date(2026, 11, 30), date(2027, 1, 1)) == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
    ]
    assert [days_in_month(date(year, 2, 1)) for year in (2026, 2028)] == [28, 29]


@pytest.mark.parametrize("text", ["20260302", "2026-3-2", "2026-W10-1", "2026-02-30", "", "now"])
def test_only_one_form_of_a_date_is_taken(text: str) -> None:
    """Two ways to write a date are two ways to misread one."""
    assert parse_date("2026-03-02") == date(2026, 3, 2)
    with pytest.raises(ValueError, match=r"."):
        parse_date(text)
