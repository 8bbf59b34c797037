"""Words for instants are read as Grafana reads them, in the city's time."""

from datetime import UTC, datetime

import pytest

from dashboards.grafana_time import time_range

_NOW = datetime(2026, 3, 31, 18, 30, 15, tzinfo=UTC)
"""Wednesday, 1 April, 02:30:15 in the city."""


@pytest.mark.parametrize(
    ("word", "begins", "ends"),
    [
        ("now", "2026-03-31T18:30:15", "2026-03-31T18:30:15"),
        ("now-24h", "2026-03-30T18:30:15", "2026-03-30T18:30:15"),
        ("now-90m", "2026-03-31T17:00:15", "2026-03-31T17:00:15"),
        ("now/d", "2026-03-31T16:00:00", "2026-04-01T15:59:59.999"),
        ("now/w", "2026-03-29T16:00:00", "2026-04-05T15:59:59.999"),
        ("now/M", "2026-03-31T16:00:00", "2026-04-30T15:59:59.999"),
        ("now-1y/y", "2024-12-31T16:00:00", "2025-12-31T15:59:59.999"),
        ("now-1d/h", "2026-03-30T18:00:00", "2026-03-30T18:59:59.999"),
        ("now+3M-1w", "2026-06-23T18:30:15", "2026-06-23T18:30:15"),
        ("now-2M", "2026-01-31T18:30:15", "2026-01-31T18:30:15"),
        ("1767196800000", "2025-12-31T16:00:00", "2025-12-31T16:00:00"),
    ],
)
def test_a_word_is_an_instant_and_a_rounded_one_a_span(word: str, begins: str, ends: str) -> None:
    """Its first moment where a range begins, its last where one ends."""
    assert time_range(word, "now+9y", _NOW).begins_at == datetime.fromisoformat(f"{begins}Z")
    assert time_range("0", word, _NOW).ends_at == datetime.fromisoformat(f"{ends}Z")


def test_a_month_without_such_a_day_has_its_last_one() -> None:
    """One month before the 31st of March is the 28th of February."""
    now = datetime(2026, 3, 31, 4, tzinfo=UTC)
    assert time_range("now-1M", "now", now).begins_at == datetime(2026, 2, 28, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("yesterday", "now"), ("now-1", "now"), ("now", "now-1h"), ("now'--", "now"), ("", "now")],
)
def test_what_is_no_range_is_an_error(begins: str, ends: str) -> None:
    """Words that Grafana would not read, and ranges that run backwards."""
    with pytest.raises(ValueError, match=r"no instant|is after"):
        time_range(begins, ends, _NOW)
