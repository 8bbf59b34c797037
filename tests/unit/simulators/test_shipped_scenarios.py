"""The scenarios that come with Jieru show what they claim to show."""

from collections import Counter
from datetime import date, datetime, time, timedelta

import pytest

from jieru.calendar import SHANGHAI
from jieru.wire import RejectionReason
from simulators.beats import BeatKind, beats_of_fleet
from simulators.evidence.cheats import GIVER
from simulators.expectation import Expectation, expect
from simulators.fleet import Fleet, build_fleet
from simulators.scenario import load_scenario

_TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def small_city() -> Fleet:
    """The city of the demonstration."""
    return build_fleet(load_scenario("small-city", today=_TODAY))


@pytest.fixture(scope="module")
def small_city_expected(small_city: Fleet) -> Expectation:
    """What it counts to."""
    return expect(small_city, clock="event")


def test_the_small_city_has_every_outcome_of_one_policy(small_city_expected: Expectation) -> None:
    """All of design section 7 but the two that need another policy."""
    outcomes = Counter(each.outcome for each in small_city_expected.determinations.values())
    assert outcomes == {
        "counted": 22,
        "not_effective": 4,
        "out_of_scope": 3,
        "platform_not_recognised": 2,
        "held": 1,
        "excluded": 1,
        "connected_earlier": 1,
        "pending": 1,
    }


def test_the_small_city_is_out_of_scope_in_all_three_ways(
    small_city: Fleet, small_city_expected: Expectation
) -> None:
    """District, industry, own operator."""
    outside = {
        uscc
        for (_, uscc), each in small_city_expected.determinations.items()
        if each.outcome == "out_of_scope"
    }
    companies = [company for company in small_city.companies if company.uscc in outside]
    assert {company.district == "other" for company in companies} == {True, False}
    assert {company.industry_code[0] for company in companies} == {"C", "F"}
    assert small_city.operator_usccs["xielian"] in outside


def test_the_small_city_shows_the_cap_the_title_and_the_unrecognised(
    small_city_expected: Expectation,
) -> None:
    """Seventeen enterprises earn what fifteen do; a new national title earns beside clause 1.2."""
    awards = {
        platform: (award.counted, award.enterprises_yuan, award.national_title_yuan)
        for platform, award in small_city_expected.awards.items()
    }
    assert awards == {
        "xielian": (17, 150_000, 0),
        "haichuang": (5, 50_000, 300_000),
        "zhilian": (0, 0, 0),
    }


def test_the_small_city_has_one_enterprise_counted_on_two_platforms(
    small_city_expected: Expectation,
) -> None:
    """So that the overlap for review shows."""
    counted = Counter(
        uscc
        for (_, uscc), each in small_city_expected.determinations.items()
        if each.outcome == "counted"
    )
    assert sorted(counted.values(), reverse=True)[:2] == [2, 1]


def test_the_small_city_plays_in_well_under_a_minute(small_city: Fleet) -> None:
    """The embedded broker takes some 3,000 messages a second with the ingester beside it."""
    assert 30_000 <= sum(1 for _ in beats_of_fleet(small_city)) <= 45_000


def test_the_small_city_sends_every_kind_of_message(small_city: Fleet) -> None:
    """Sound, doubled, damaged and unknown."""
    assert {beat.kind for beat in beats_of_fleet(small_city)} == set(BeatKind)


def test_nothing_in_the_small_city_is_heard_after_the_last_day(small_city: Fleet) -> None:
    """Evidence beyond `as_of` would be in the future of the count."""
    last_ms = max(beat.ts for beat in beats_of_fleet(small_city))
    assert datetime.fromtimestamp(last_ms / 1000, SHANGHAI).date() <= small_city.scenario.as_of


@pytest.mark.parametrize("moment", [time(0, 0), time(9, 30), time(23, 59, 59)])
@pytest.mark.parametrize("today", [_TODAY, date(2027, 1, 1), date(2027, 1, 2), date(2028, 3, 1)])
def test_the_faults_are_the_same_on_any_day_at_any_hour(today: date, moment: time) -> None:
    """No timestamp is so near a limit that the time of day decides."""
    fleet = build_fleet(load_scenario("faults", today=today))
    now = datetime.combine(today, moment, SHANGHAI)
    for received_at in (now, now + timedelta(minutes=5)):
        messages = expect(fleet, clock="receipt", received_at=received_at).messages
        assert (messages.sent, messages.late) == (399, 48)
        assert messages.rejections == {
            RejectionReason.MALFORMED_PAYLOAD: 30,
            RejectionReason.PAYLOAD_TOO_LARGE: 3,
            RejectionReason.UNKNOWN_DEVICE: 12,
            RejectionReason.FUTURE_TIMESTAMP: 12,
            RejectionReason.BEFORE_EPOCH: 15,
        }


@pytest.fixture(scope="module")
def cheating_city() -> Fleet:
    """Honest factories and enterprises that were made up."""
    return build_fleet(load_scenario("cheating-city", today=_TODAY))


def test_the_cheating_city_says_by_what_each_cheat_must_be_found(cheating_city: Fleet) -> None:
    """But those that nothing finds, who gave their machines, and the honest."""
    expected = expect(cheating_city, clock="event")
    cheats = {
        (served.platform, served.company.uscc): served.cheat
        for served in cheating_city.connections
        if served.cheat not in (None, GIVER, "careful-generator")
    }
    assert set(expected.signals) == set(cheats)
    assert {*cheats.values()} >= {"clone", "replay", "moved-60", "backdated-shells"}


def test_shells_that_were_registered_afterwards_earn_nothing(cheating_city: Fleet) -> None:
    """Evidence follows registration."""
    expected = expect(cheating_city, clock="event")
    shells = [each for each in cheating_city.connections if each.cheat == "backdated-shells"]
    assert shells
    for shell in shells:
        outcome = expected.determinations[shell.platform, shell.company.uscc].outcome
        assert outcome in {"not_effective", "pending"}


def test_the_cheating_city_plays_in_a_minute(cheating_city: Fleet) -> None:
    """Twice the small city's messages, all of them sound."""
    beats = list(beats_of_fleet(cheating_city))
    assert 50_000 <= len(beats) <= 80_000
    assert {beat.kind for beat in beats} == {BeatKind.HEARTBEAT}
    assert any(beat.counter is not None and beat.boot is not None for beat in beats)
