"""How long to wait after failed attempts to sign in."""

from datetime import UTC, datetime, timedelta

import pytest

from api.access.delays import (
    FREE_BY_ACCOUNT,
    FREE_BY_ADDRESS,
    address_subject,
    name_subject,
    remaining_s,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (3, 0), (4, 2), (5, 4), (6, 8), (12, 512), (13, 900), (99, 900)],
)
def test_the_wait_doubles_after_three_failures_up_to_a_quarter_of_an_hour(
    failures: int, seconds: int
) -> None:
    """By the name of the account."""
    assert remaining_s(failures, FREE_BY_ACCOUNT, NOW, NOW) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(20, 0), (21, 2), (30, 900), (10_000, 900)])
def test_an_address_may_fail_twenty_times(failures: int, seconds: int) -> None:
    """Many people may share one."""
    assert remaining_s(failures, FREE_BY_ADDRESS, NOW, NOW) == seconds


def test_the_wait_is_told_in_whole_seconds_and_ends() -> None:
    """Rounded up: whoever comes back then is heard."""
    assert remaining_s(5, 3, NOW, NOW + timedelta(seconds=1.5)) == 3
    assert remaining_s(5, 3, NOW, NOW + timedelta(seconds=4)) == 0
    assert remaining_s(5, 3, NOW, NOW + timedelta(days=1)) == 0


@pytest.mark.parametrize("ahead", [timedelta(minutes=2), timedelta(days=1), timedelta(days=400)])
def test_a_clock_that_was_ahead_keeps_nobody_waiting(ahead: timedelta) -> None:
    """However many failures it noted."""
    assert remaining_s(99, FREE_BY_ACCOUNT, NOW + ahead, NOW) == 0


def test_what_two_clocks_differ_by_makes_no_wait_longer() -> None:
    """Nor shorter: another server's failure may lie some seconds ahead."""
    assert remaining_s(5, FREE_BY_ACCOUNT, NOW + timedelta(seconds=30), NOW) == 4


@pytest.mark.parametrize(
    ("origin", "subject"),
    [
        ("203.0.113.9", "address:203.0.113.9"),
        ("::ffff:203.0.113.9", "address:203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "address:2001:db8:1:2::/64"),
        ("unknown", "address:unknown"),
    ],
)
def test_an_address_of_version_6_stands_for_its_network(origin: str, subject: str) -> None:
    """Its holder has 2^64 of them."""
    assert address_subject(origin) == subject


def test_names_share_a_bounded_number_of_rows() -> None:
    """However many are tried, and whatever they are made of."""
    subjects = {name_subject(f"nobody-{number}") for number in range(400_000)}
    assert 65_000 < len(subjects) <= 65_536
    assert name_subject("\0\ud800") == name_subject("\0\ud800")
