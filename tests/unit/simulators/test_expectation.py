"""What a scenario is expected to count to (design section 7)."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import Heartbeat, TimeRules, decode
from jieru.calendar import SHANGHAI
from jieru.wire import RejectionReason
from simulators.expectation import expect
from simulators.expectation_file import expectation_as_dict
from simulators.fleet import Fleet, build_fleet
from simulators.messages import messages_of_fleet
from simulators.scenario import Clock, load_scenario
from tests.support.messages import message, origins
from tests.unit.simulators.cities import (
    MONDAY,
    city,
    connection,
    enterprise,
    fault,
    mirror_of,
    outcome_of,
    works,
)

_SUNDAYS_OFF = {"starts_at": [8], "hours_per_shift": 5, "sundays_off": True}
_THREE_HOURS = {"starts_at": [8], "hours_per_shift": 3}
_NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


def _decision(kind: str, **keys: object) -> dict[str, Any]:
    return {
        "kind": kind,
        "platform": "xielian",
        "enterprise": "one",
        "reason": "because",
        "decided_by": "Lin",
    } | keys


def _platform(*recognitions: dict[str, Any]) -> dict[str, Any]:
    return {"code": "xielian", "name": "协联", "recognitions": list(recognitions)}


def _recognised(level: str, recognised_on: date, **keys: date) -> dict[str, Any]:
    return {"level": level, "recognised_on": recognised_on} | keys


def _counts(fleet: Fleet) -> date | None:
    determination = outcome_of(fleet)
    assert determination.outcome == "counted"
    return determination.connected_on


# --- Windows ------------------------------------------------------------------------------------


def test_the_worked_example_is_counted_from_2026_03_02() -> None:
    """As of 2026-05-30, the last of its 90 days; 78 of them are active."""
    fleet = build_fleet(load_scenario("worked-example", today=date(2026, 11, 23)))
    (determination,) = expect(fleet, clock="event").determinations.values()
    assert (determination.outcome, determination.connected_on) == ("counted", date(2026, 3, 2))
    first_window = {
        datetime.fromtimestamp(json.loads(each.payload)["ts"] / 1000, SHANGHAI).date()
        for each in messages_of_fleet(fleet)
    } & {MONDAY + timedelta(days=number) for number in range(90)}
    assert len(first_window) == 78


def test_the_worked_example_is_pending_a_day_before() -> None:
    """As of 2026-05-29 the window is not complete."""
    scenario = load_scenario("worked-example", today=date(2026, 11, 23))
    fleet = build_fleet(scenario.model_copy(update={"as_of": date(2026, 5, 29)}))
    (determination,) = expect(fleet, clock="event").determinations.values()
    assert (determination.outcome, determination.connected_on) == ("pending", None)


@pytest.mark.parametrize(("days", "outcome"), [(70, "not_effective"), (71, "counted")])
def test_the_days_after_the_last_active_one_are_a_gap(days: int, outcome: str) -> None:
    """Ninety less 70 are 20 days, which with the last Sunday make 21."""
    served = connection(works=[works(days)])
    assert outcome_of(city(enterprise("one", served), habit=_SUNDAYS_OFF)).outcome == outcome


@pytest.mark.parametrize(("gap", "connected_on"), [(20, MONDAY), (21, date(2026, 4, 22))])
def test_a_gap_longer_than_allowed_starts_a_new_window_after_it(
    gap: int, connected_on: date
) -> None:
    """Twenty days of silence are borne, twenty-one are not."""
    resumed = MONDAY + timedelta(days=30 + gap)
    served = connection(works=[works(30), works(120, resumed)])
    assert _counts(city(enterprise("one", served))) == connected_on


def test_a_trial_that_was_abandoned_costs_nothing() -> None:
    """The enterprise is connected when it comes back in earnest."""
    served = connection(works=[works(10), works(90, date(2026, 8, 3))])
    assert _counts(city(enterprise("one", served))) == date(2026, 8, 3)


def test_three_hours_a_day_are_no_active_day() -> None:
    """Four are asked for."""
    assert outcome_of(city(habit=_THREE_HOURS)).outcome == "not_effective"


def test_two_devices_are_too_few() -> None:
    """Three are asked for, and an unregistered one is none."""
    served = connection(faults=[fault("unknown-device", devices=[2])])
    assert outcome_of(city(enterprise("one", served))).outcome == "not_effective"


def test_days_outside_the_connection_do_not_count() -> None:
    """Though the devices were heard."""
    served = connection(to_date=MONDAY + timedelta(days=60), works=[works(120)])
    assert outcome_of(city(enterprise("one", served))).outcome == "not_effective"


def test_two_connections_of_one_enterprise_make_one_window() -> None:
    """It left for a week and came back with other machines."""
    left, back = MONDAY + timedelta(days=40), MONDAY + timedelta(days=47)
    fleet = city(enterprise("one", connection(to_date=left), connection(from_date=back)))
    assert _counts(fleet) == MONDAY


def test_evidence_after_as_of_is_not_used() -> None:
    """A window that ends later is pending, whatever came."""
    served = connection(works=[works(120)])
    fleet = city(enterprise("one", served), as_of=MONDAY + timedelta(days=88))
    assert outcome_of(fleet).outcome == "pending"


def test_a_window_of_next_year_is_none_for_this_one() -> None:
    """It is not even pending."""
    january = date(2027, 1, 4)
    served = connection(works=[works(120, january)])
    fleet = city(enterprise("one", served), as_of=date(2027, 6, 1))
    assert outcome_of(fleet).outcome == "not_effective"


# --- Outcomes -----------------------------------------------------------------------------------


def test_an_enterprise_elsewhere_is_out_of_scope() -> None:
    """By its district."""
    assert outcome_of(city(enterprise(district="other"))).outcome == "out_of_scope"


def test_an_enterprise_that_makes_nothing_is_out_of_scope() -> None:
    """By the section of its industry code."""
    assert outcome_of(city(enterprise(industry_code="F5171"))).outcome == "out_of_scope"


def test_the_operator_of_the_platform_is_out_of_scope_on_it() -> None:
    """But not on another."""
    platforms = [
        {"code": "xielian", "name": "协联", "operator": "one"},
        {"code": "haichuang", "name": "海创"},
    ]
    fleet = city(
        enterprise("one", connection(), connection(platform="haichuang")), platforms=platforms
    )
    assert outcome_of(fleet).outcome == "out_of_scope"
    assert outcome_of(fleet, platform="haichuang").outcome == "platform_not_recognised"


def test_an_excluded_enterprise_is_excluded_with_or_without_a_window() -> None:
    """A decision does not wait for evidence."""
    decisions = [_decision("exclude")]
    assert outcome_of(city(decisions=decisions)).outcome == "excluded"
    idle = enterprise("one", connection(works=[works(1)]))
    assert outcome_of(city(idle, decisions=decisions)).outcome == "excluded"


def test_a_hold_keeps_a_counted_enterprise_back_and_nothing_else() -> None:
    """Without a window there is nothing to hold."""
    decisions = [_decision("hold")]
    assert outcome_of(city(decisions=decisions)).outcome == "held"
    idle = enterprise("one", connection(works=[works(1)]))
    assert outcome_of(city(idle, decisions=decisions)).outcome == "not_effective"


def test_a_decision_on_one_platform_is_none_on_another() -> None:
    """It names both."""
    both = enterprise("one", connection(), connection(platform="haichuang"))
    fleet = city(both, decisions=[_decision("exclude")])
    assert outcome_of(fleet).outcome == "excluded"
    assert outcome_of(fleet, platform="haichuang").outcome == "counted"


def test_a_waiver_sets_one_criterion() -> None:
    """One device is enough for the one whose whole workshop it is."""
    one_device = enterprise("one", connection(devices=1))
    waiver = _decision("waive", criterion="active_devices_min", value=1)
    assert outcome_of(city(one_device)).outcome == "not_effective"
    assert outcome_of(city(one_device, decisions=[waiver])).outcome == "counted"


def test_a_waiver_may_set_the_hours_of_a_day() -> None:
    """As every numeric criterion."""
    waiver = _decision("waive", criterion="active_hours_per_day_min", value=3)
    assert outcome_of(city(habit=_THREE_HOURS, decisions=[waiver])).outcome == "counted"


def test_an_enterprise_of_an_earlier_year_is_connected_earlier() -> None:
    """The start of its first window tells the year."""
    served = connection(from_date=date(2025, 11, 3))
    assert outcome_of(city(enterprise("one", served))).outcome == "connected_earlier"


def test_an_enterprise_whose_connection_ended_before_the_year_is_not_listed() -> None:
    """Nor one that begins after it."""
    earlier = connection(from_date=date(2025, 1, 1), to_date=date(2026, 1, 1))
    later = connection(from_date=date(2027, 1, 1))
    fleet = city(enterprise("one", earlier), enterprise("two", later), as_of=date(2027, 12, 31))
    assert expect(fleet, clock="event").determinations == {}


@pytest.mark.parametrize(
    ("recognitions", "outcome"),
    [
        ([], "platform_not_recognised"),
        ([_recognised("municipal", MONDAY)], "counted"),
        ([_recognised("national", MONDAY + timedelta(days=1))], "platform_not_recognised"),
        ([_recognised("provincial", date(2025, 1, 1), revoked_on=MONDAY)],
         "platform_not_recognised"),
    ],
)  # fmt: skip
def test_the_platform_must_be_recognised_on_the_day_of_connection(
    recognitions: list[dict[str, Any]], outcome: str
) -> None:
    """At the level asked for or above; the day of recognition is in, that of revocation out."""
    assert outcome_of(city(platforms=[_platform(*recognitions)])).outcome == outcome


def test_a_level_below_the_one_asked_for_is_not_enough() -> None:
    """If the policy asked for provincial."""
    policy = {"recognition_level_min": "provincial"}
    assert outcome_of(city(policy=policy)).outcome == "platform_not_recognised"


def test_the_policy_must_be_in_force_on_the_day_of_connection() -> None:
    """From its first day on."""
    tuesday = MONDAY + timedelta(days=1)
    assert outcome_of(city(policy={"in_force_from": MONDAY})).outcome == "counted"
    assert outcome_of(city(policy={"in_force_from": tuesday})).outcome == "policy_not_in_force"


# --- Awards -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "yuan"), [(1, 10_000), (15, 150_000), (17, 150_000)])
def test_each_enterprise_earns_ten_thousand_up_to_the_cap(number: int, yuan: int) -> None:
    """Clause 1.2."""
    served = connection(works=[works(90)])
    award = expect(city(enterprise("many", served, count=number)), clock="event").awards["xielian"]
    assert (award.counted, award.enterprises_yuan, award.award_yuan) == (number, yuan, yuan)


@pytest.mark.parametrize(
    ("titles", "yuan"),
    [
        ([date(2026, 8, 20)], 300_000),
        ([date(2025, 8, 20)], 0),
        ([date(2025, 8, 20), date(2026, 9, 1)], 0),
        ([date(2027, 1, 1)], 0),
    ],
)
def test_the_first_national_title_earns_once_in_its_year(titles: list[date], yuan: int) -> None:
    """Clause 1.1."""
    recognitions = [
        _recognised("national", day, revoked_on=day + timedelta(days=1)) for day in titles
    ]
    awards = expect(city(platforms=[_platform(*recognitions)]), clock="event").awards
    assert awards["xielian"].national_title_yuan == yuan


# --- Clocks and messages ------------------------------------------------------------------------


def test_late_uploads_count_by_the_event_clock_only() -> None:
    """By the clock of receipt their hours are late."""
    served = connection(faults=[fault("late-upload", days=5)])
    fleet = city(enterprise("one", served))
    by_event, by_receipt = expect(fleet, clock="event"), expect(fleet, clock="receipt")
    assert outcome_of(fleet).outcome == "counted"
    assert {each.outcome for each in by_receipt.determinations.values()} == {"not_effective"}
    assert by_event.messages.late == 0
    assert by_receipt.messages.late == by_receipt.messages.heartbeats == by_receipt.messages.sent


@pytest.mark.parametrize(("minutes", "rejected"), [(10, 0), (11, 15)])
def test_a_clock_too_far_ahead_is_refused_by_the_clock_of_receipt(
    minutes: int, rejected: int
) -> None:
    """Ten minutes are borne."""
    served = connection(works=[works(1)], faults=[fault("clock-ahead", minutes=minutes)])
    fleet = city(enterprise("one", served))
    rejections = expect(fleet, clock="receipt").messages.rejections
    assert rejections[RejectionReason.FUTURE_TIMESTAMP] == rejected
    assert expect(fleet, clock="event").messages.rejections == {}


def test_a_clock_behind_by_hours_moves_the_hours_that_are_heard() -> None:
    """Five hours from eight, three hours behind, are from five: still an active day."""
    served = connection(faults=[fault("clock-behind", minutes=180)])
    assert _counts(city(enterprise("one", served))) == MONDAY


def test_a_clock_behind_over_midnight_moves_the_day() -> None:
    """Nine hours before eight o'clock it was yesterday."""
    served = connection(faults=[fault("clock-behind", minutes=13 * 60)])
    fleet = city(enterprise("one", served | {"from_date": date(2026, 3, 1), "works": [works(90)]}))
    assert _counts(fleet) == MONDAY - timedelta(days=1)


def test_messages_played_at_once_are_received_at_once() -> None:
    """What is older than 72 hours then is late."""
    fleet = city(enterprise("one", connection(devices=1, works=[works(6)])))
    noon = datetime(2026, 3, 7, 12, tzinfo=SHANGHAI)
    messages = expect(fleet, clock="receipt", received_at=noon).messages
    # Of six days the last three are in time, and those of the third last after noon.
    assert messages.sent - messages.late - sum(messages.rejections.values()) == pytest.approx(
        15, abs=2
    )


def test_duplicates_and_mirrors_are_kept_apart() -> None:
    """The same instant of one device is one heartbeat; of its mirror image it is another."""
    served = connection(devices=1, works=[works(2)], faults=[fault("duplicates", share=1)])
    fleet = city(enterprise("one", served), enterprise("two", mirror_of("one")))
    messages = expect(fleet, clock="event").messages
    assert (messages.sent, messages.heartbeats, messages.duplicates) == (40, 20, 20)


def _decoded(fleet: Fleet, clock: Clock) -> tuple[Counter[str], int]:
    """What the ingester's decoder makes of all messages received at `_NOW`."""
    rules = TimeRules.of_policy(
        max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=clock == "event"
    )
    device_ids = {
        f"jieru/v1/{served.platform}/{device.serial}/heartbeat": number
        for number, (served, device) in enumerate(
            (served, device) for served in fleet.connections for device in served.devices
        )
        if device.is_registered
    }
    became: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    late = 0
    for sent in messages_of_fleet(fleet):
        received = message(
            sent.payload, topic=sent.topic, received_ms=round(_NOW.timestamp() * 1000)
        )
        result = decode(received, origins(device_ids), rules)
        if not isinstance(result, Heartbeat):
            became[result.reason] += 1
        elif (result.device_id, result.ts_ms) in seen:
            became["duplicate"] += 1
        else:
            seen.add((result.device_id, result.ts_ms))
            became["heartbeat"] += 1
            late += result.is_late
    return became, late


@pytest.mark.parametrize("clock", ["event", "receipt"])
def test_the_books_of_every_fault_agree_with_the_ingester(clock: Clock) -> None:
    """Heartbeats, duplicates, late ones and each reason of rejection, in number."""
    fleet = build_fleet(load_scenario("faults", today=_NOW.astimezone(SHANGHAI).date()))
    messages = expect(fleet, clock=clock, received_at=_NOW).messages
    became, late = _decoded(fleet, clock)
    assert became == Counter(
        heartbeat=messages.heartbeats, duplicate=messages.duplicates
    ) + Counter({str(reason): number for reason, number in messages.rejections.items()})
    assert late == messages.late
    assert became.total() == messages.sent


@st.composite
def _cities(draw: st.DrawFn) -> Fleet:
    """A fortnight of one enterprise with some faults."""
    share = st.floats(0.05, 0.9)
    faults = draw(
        st.lists(
            st.one_of(
                st.builds(lambda s: fault("flaky", share=s), share),
                st.builds(lambda s: fault("duplicates", share=s), share),
                st.builds(lambda s: fault("malformed", share=s), share),
                st.builds(lambda m: fault("clock-ahead", minutes=m), st.integers(1, 3000)),
                st.builds(lambda m: fault("clock-behind", minutes=m), st.integers(1, 3000)),
                st.builds(lambda d: fault("late-upload", days=d), st.integers(1, 9)),
                st.just(fault("unknown-device", devices=[1])),
            ),
            max_size=3,
        )
    )
    habit = {
        "starts_at": [draw(st.integers(0, 23))],
        "hours_per_shift": draw(st.integers(1, 24)),
        "sundays_off": draw(st.booleans()),
    }
    # Windows of five days, so that a fortnight holds some and misses some.
    policy = {"window_days": 5, "active_days_min": 4, "longest_gap_days_max": 1}
    served = connection(
        devices=4, from_date=MONDAY - timedelta(days=30), works=[works(14)], faults=faults
    )
    return city(
        enterprise("one", served),
        habit=habit,
        policy=policy,
        seed=draw(st.integers(0, 99)),
        heartbeats_per_hour=draw(st.integers(1, 3)),
        as_of=MONDAY + timedelta(days=60),
    )


def _earliest_window(payloads: list[tuple[str, bytes]], fleet: Fleet) -> date | None:
    """The same answer by another way: from the bytes on the wire, with bits instead of dates."""
    registered = {device.serial for device in fleet.connections[0].devices if device.is_registered}
    hours: dict[str, set[int]] = defaultdict(set)
    for topic, payload in payloads:
        serial = topic.split("/")[3]
        if serial not in registered or len(payload) > 4096:
            continue
        try:
            fields = json.loads(payload)
            ts, seq = fields["ts"], fields["seq"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(ts, int) and seq >= 0 and ts > 1_600_000_000_000:
            hours[serial].add(ts // 3_600_000 + 8)
    devices = Counter(
        day
        for heard in hours.values()
        for day, number in Counter(hour // 24 for hour in heard).items()
        if number >= 4
    )
    active = "".join("1" if devices[day] >= 3 else "0" for day in range(20_400, 20_620))
    for first in range(len(active) - 5):
        window = active[first : first + 5]
        if window[0] == "1" and window.count("1") >= 4 and "00" not in window:
            return date(1970, 1, 1) + timedelta(days=20_400 + first)
    return None


@settings(deadline=None)  # an example takes 20 ms, and ten times that on a busy machine
@given(fleet=_cities())
def test_the_expectation_is_what_the_bytes_on_the_wire_say(fleet: Fleet) -> None:
    """Whatever the habit and the faults."""
    payloads = [(each.topic, each.payload) for each in messages_of_fleet(fleet)]
    determination = outcome_of(fleet)
    expected = _earliest_window(payloads, fleet)
    if determination.outcome == "counted":
        assert determination.connected_on == expected
    else:
        assert expected is None


@settings(deadline=None)  # an example takes 20 ms, and ten times that on a busy machine
@given(fleet=_cities())
def test_messages_of_a_city_come_in_the_order_of_sending(fleet: Fleet) -> None:
    """With late uploads and duplicates among them."""
    sent = [each.sent_at_ms for each in messages_of_fleet(fleet)]
    assert sent == sorted(sent)


def test_an_expectation_as_json_has_the_shape_of_a_count() -> None:
    """With the decisions it assumes and the books of its messages."""
    fleet = city(decisions=[_decision("hold")])
    written = expectation_as_dict(fleet, expect(fleet, clock="event"))
    assert (written["year"], written["clock"], written["total_yuan"]) == (2026, "event", 0)
    platforms = json.loads(json.dumps(written, default=str))["platforms"]
    assert platforms[0] == {
        "platform": "xielian",
        "counted": 0,
        "award_yuan": 0,
        "amounts_yuan": {"1.1": 0, "1.2": 0},
        "enterprises": [
            {
                "uscc": fleet.companies[0].uscc,
                "name": fleet.companies[0].name,
                "outcome": "held",
                "connected_on": None,
            }
        ],
    }
    assert written["decisions"] == [
        {
            "uscc": fleet.companies[0].uscc,
            "kind": "hold",
            "platform": "xielian",
            "reason": "because",
            "decided_by": "Lin",
            "criterion": None,
            "value": None,
        }
    ]


def test_what_was_heard_long_before_the_registration_does_not_count() -> None:
    """Evidence follows registration: seven days before it, and no more."""
    fleet = city()
    (served,) = fleet.connections
    for days_late, outcome in ((0, "counted"), (7, "counted"), (280, "pending")):
        recorded = replace(served, recorded_on=MONDAY + timedelta(days=days_late))
        told = replace(fleet, connections=(recorded,))
        assert outcome_of(told).outcome == outcome
    late = replace(served, recorded_on=MONDAY + timedelta(days=37))
    assert outcome_of(replace(fleet, connections=(late,))).connected_on == MONDAY + timedelta(
        days=30
    )


def test_what_was_heard_long_before_the_registration_speaks_against_all_the_same() -> None:
    """Connected in the year before, or before policy or recognition, however late that is told."""
    fleet = city()
    (served,) = fleet.connections
    late = replace(served, recorded_on=MONDAY + timedelta(days=37))
    told = replace(fleet, connections=(late,))
    after = {"recognised_on": MONDAY + timedelta(days=20)}
    later = tuple(
        each.model_copy(
            update={
                "recognitions": tuple(one.model_copy(update=after) for one in each.recognitions)
            }
        )
        for each in fleet.scenario.platforms
    )
    in_force = {"in_force_from": MONDAY + timedelta(days=20)}
    for changes, outcome in (
        ({"year": 2027, "as_of": date(2027, 12, 31)}, "connected_earlier"),
        ({"platforms": later}, "platform_not_recognised"),
        (
            {"policy": fleet.scenario.policy.model_copy(update=in_force)},
            "policy_not_in_force",
        ),
    ):
        scenario = fleet.scenario.model_copy(update=changes)
        assert outcome_of(replace(told, scenario=scenario)).outcome == outcome
