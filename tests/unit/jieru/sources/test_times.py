"""Times as others write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.errors import UserError
from jieru.sources.times import TimeUnit, time_reader

_TS = 1_780_117_171_000


@pytest.mark.parametrize(
    ("unit", "pattern", "zone", "text", "expected"),
    [
        ("s", None, None, "1780117171", _TS),
        ("s", None, None, "1780117171.5", _TS + 500),
        ("s", None, None, "1.780117171e9", _TS),
        ("ms", None, None, "1780117171000", _TS),
        ("us", None, None, "1780117171000999", _TS + 1),
        ("ns", None, None, "1780117171000000000", _TS),
        ("iso", None, None, "2026-05-30T04:59:31Z", _TS),
        ("iso", None, None, "2026-05-30T12:59:31+08:00", _TS),
        ("iso", None, None, "2026-05-30 12:59:31 +0800", _TS),
        ("iso", None, None, "20260530T045931Z", _TS),
        ("iso", None, None, "2026-05-30T04:59:31.123456789Z", _TS + 123),
        ("iso", None, "+08:00", "2026-05-30T12:59:31", _TS),
        ("iso", None, "+08:00", "2026-05-30", 1_780_070_400_000),
        ("pattern", "%Y/%m/%d %H:%M:%S", "+08:00", "2026/5/30 12:59:31", _TS),
        ("pattern", "%d.%m.%Y %H:%M:%S.%f %z", None, "30.05.2026 04:59:31.25 Z", _TS + 250),
        ("pattern", "%Y年%m月%d日 %H时", "+08:00", "2026年5月30日 12时", 1_780_113_600_000),
    ],
)
def test_times_are_read(
    unit: TimeUnit, pattern: str | None, zone: str | None, text: str, expected: int
) -> None:
    """To the millisecond."""
    assert time_reader(unit, pattern, zone)(text) == expected


@pytest.mark.parametrize(
    ("unit", "zone", "text"),
    [
        ("ms", None, ""),
        ("ms", None, "now"),
        ("ms", None, "NaN"),
        ("ms", None, "Infinity"),
        ("s", None, "1e99999999999"),
        ("ms", None, "1" * 65),
        ("iso", None, "2026-05-30T12:59:31"),
        ("iso", None, "2026-02-30T12:59:31Z"),
        ("iso", None, "2026-05-30T25:00:00Z"),
        ("iso", None, "2026-05-30T12:00:00+99:00"),
        ("iso", None, "0000-01-01T00:00:00Z"),
        ("iso", "UTC", "30.05.2026"),
    ],
)
def test_what_is_no_time_is_refused(unit: TimeUnit, zone: str | None, text: str) -> None:
    """Without a zone a civil time is none."""
    with pytest.raises(ValueError, match=r".*"):
        time_reader(unit, None, zone)(text)


@pytest.mark.parametrize(
    ("unit", "pattern", "zone"),
    [
        ("pattern", None, None),
        ("iso", "%Y", None),
        ("ms", None, "UTC"),
        ("iso", None, "Asia/Shanghai"),
        ("iso", None, "+25:00"),
        ("pattern", "%Y-%m-%d", None),
        ("pattern", "%H:%M", "UTC"),
        ("pattern", "%Y-%m-%d %b", "UTC"),
        ("pattern", "%Y-%m-%d %Y", "UTC"),
        ("pattern", "%Y-%m-%d %", "UTC"),
    ],
)
def test_a_unit_that_cannot_be_is_told(
    unit: TimeUnit, pattern: str | None, zone: str | None
) -> None:
    """When the source is declared, not when its first message comes."""
    with pytest.raises(UserError):
        time_reader(unit, pattern, zone)


@given(
    moment=st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 28)),  # noqa: DTZ001
    offset=st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_iso_times_are_read_as_python_reads_them(moment: datetime, offset: int) -> None:
    """In every zone."""
    zone = timezone(timedelta(minutes=offset))
    expected = (moment.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )
    assert time_reader("iso", None, None)(moment.replace(tzinfo=zone).isoformat()) == expected


@given(text=st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """And nothing else happens."""
    for reader in (
        time_reader("iso", None, "UTC"),
        time_reader("s", None, None),
        time_reader("pattern", "%Y%m%d", "UTC"),
    ):
        try:
            assert isinstance(reader(text), int)
        except ValueError:
            continue
