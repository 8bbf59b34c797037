"""What was written down after it was heard."""

from datetime import date

from verifier.trust.registration import LateRegistration, Registration, late_registrations

_MARCH, _JUNE = date(2026, 3, 1), date(2026, 6, 1)


def test_what_is_recorded_when_it_begins_is_in_time() -> None:
    """And what is recorded beforehand, or within a month."""
    in_time = [
        Registration(0, None, _MARCH, _MARCH),
        Registration(0, "a", _JUNE, _MARCH),
        Registration(0, "b", _MARCH, date(2026, 3, 30)),
    ]
    assert late_registrations(in_time, 30) == []


def test_each_case_is_told_once_with_all_that_was_late() -> None:
    """By how many days at most, since when, until when, and which devices."""
    found = late_registrations(
        [
            Registration(4, "b", _MARCH, _JUNE),
            Registration(4, None, date(2026, 4, 1), _JUNE),
            Registration(4, "a", _MARCH, date(2026, 5, 1)),
            Registration(4, "c", _MARCH, _MARCH),
            Registration(2, None, _MARCH, date(2026, 3, 31)),
        ],
        30,
    )
    assert found == [
        LateRegistration(2, 30, _MARCH, date(2026, 3, 31), ()),
        LateRegistration(4, 92, _MARCH, _JUNE, ("a", "b")),
    ]
