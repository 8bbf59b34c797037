"""Wrong credentials are looked at a bounded number of times."""

from ingest.http.attempts import FailedAttempts


def test_an_address_fails_twenty_times_at_once_and_then_every_three_seconds() -> None:
    """What it may do fills up again, up to twenty."""
    attempts = FailedAttempts()
    for _ in range(20):
        assert attempts.seconds_to_wait("192.0.2.1", 100.0) == 0
        attempts.fail("192.0.2.1", 100.0)
    assert 1 <= attempts.seconds_to_wait("192.0.2.1", 100.0) <= 4
    assert attempts.seconds_to_wait("192.0.2.1", 103.1) == 0
    attempts.fail("192.0.2.1", 103.1)
    assert attempts.seconds_to_wait("192.0.2.1", 103.2) > 0


def test_others_are_not_concerned() -> None:
    """But of IPv6 all addresses of one subscriber are one."""
    attempts = FailedAttempts()
    for _ in range(20):
        attempts.fail("2001:db8:1:2::1", 0.0)
    assert attempts.seconds_to_wait("2001:db8:1:2:ffff::9", 0.0) > 0
    assert attempts.seconds_to_wait("2001:db8:1:3::1", 0.0) == 0
    assert attempts.seconds_to_wait("192.0.2.1", 0.0) == 0


def test_all_together_are_bounded_too_and_so_is_what_is_remembered() -> None:
    """Whoever has many addresses costs so many hashes a second and no more."""
    attempts = FailedAttempts()
    for number in range(1_000):
        attempts.fail(f"10.0.{number // 250}.{number % 250}", 0.0)
    assert attempts.seconds_to_wait("192.0.2.1", 0.0) > 0
    assert attempts.seconds_to_wait("192.0.2.1", 1.0) == 0
    for number in range(20_000):
        attempts.fail(f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}", 5.0)
    assert len(attempts._accounts) == 10_000
