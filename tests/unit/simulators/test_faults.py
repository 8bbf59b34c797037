"""What each fault does to what a device sends."""

from collections import Counter
from datetime import date, datetime, timedelta

import msgspec
import pytest

from jieru.calendar import SHANGHAI
from jieru.wire import HeartbeatPayload
from simulators.beats import Beat, BeatKind, beats_of_fleet
from simulators.garbling import Garbling
from simulators.messages import messages_of_fleet
from tests.unit.simulators.cities import (
    MONDAY,
    beats,
    city,
    connection,
    enterprise,
    fault,
    mirror_of,
    works,
)

_DAYS, _HOURS = 10, 5
_MINUTE_MS, _DAY_MS = 60_000, 86_400_000


def _days(sent: list[Beat]) -> set[date]:
    return {datetime.fromtimestamp(beat.ts / 1000, SHANGHAI).date() for beat in sent}


def test_without_a_fault_every_hour_has_its_heartbeat() -> None:
    """Once an hour, sent when the clock says."""
    sent = beats(days=_DAYS)
    assert len(sent) == _DAYS * _HOURS
    assert all(beat.sent_at_ms == beat.ts for beat in sent)
    assert [beat.seq for beat in sent] == list(range(1, len(sent) + 1))
    assert {datetime.fromtimestamp(beat.ts / 1000, SHANGHAI).hour for beat in sent} == {
        8, 9, 10, 11, 12,
    }  # fmt: skip


def test_several_heartbeats_an_hour_stay_in_their_hour() -> None:
    """They are spread over it."""
    sent = beats(days=1, heartbeats_per_hour=12)
    hours = Counter(datetime.fromtimestamp(beat.ts / 1000, SHANGHAI).hour for beat in sent)
    assert hours == dict.fromkeys(range(8, 13), 12)


def test_a_flaky_device_loses_about_its_share_of_hours() -> None:
    """The numbers in between are missing, as on a bad line."""
    sent = beats(fault("flaky", share=0.3), days=200)
    assert 0.25 < 1 - len(sent) / (200 * _HOURS) < 0.35
    assert sent[-1].seq > len(sent)


def test_a_silent_device_is_not_heard_from_the_day_on() -> None:
    """And before it as ever."""
    silent_from = MONDAY + timedelta(days=4)
    sent = beats(fault("silent", from_date=silent_from), days=_DAYS)
    assert _days(sent) == {MONDAY + timedelta(days=number) for number in range(4)}


def test_a_silence_with_an_end_is_a_pause() -> None:
    """`to_date` is the first day of hearing again."""
    first, end = MONDAY + timedelta(days=4), MONDAY + timedelta(days=6)
    sent = beats(fault("silent", from_date=first, to_date=end), days=_DAYS)
    assert len(sent) == (_DAYS - 2) * _HOURS
    assert end in _days(sent)


@pytest.mark.parametrize(("kind", "sign"), [("clock-ahead", 1), ("clock-behind", -1)])
def test_a_wrong_clock_changes_ts_but_not_the_sending(kind: str, sign: int) -> None:
    """By so many minutes."""
    sent = beats(fault(kind, minutes=95))
    assert {beat.ts - beat.sent_at_ms for beat in sent} == {sign * 95 * _MINUTE_MS}


def test_duplicates_are_the_same_message_sent_again_soon() -> None:
    """With the same ts and seq."""
    sent = beats(fault("duplicates", share=1))
    kinds = Counter(beat.kind for beat in sent)
    assert kinds == {BeatKind.HEARTBEAT: _DAYS * _HOURS, BeatKind.DUPLICATE: _DAYS * _HOURS}
    first, second = sent[0], sent[1]
    assert (first.ts, first.seq) == (second.ts, second.seq)
    assert second.sent_at_ms > first.sent_at_ms


def test_a_late_upload_is_sent_days_after_its_ts() -> None:
    """The clock was right all the time."""
    sent = beats(fault("late-upload", days=5))
    assert {beat.sent_at_ms - beat.ts for beat in sent} == {5 * _DAY_MS}


def test_what_is_uploaded_late_comes_between_what_is_sent_in_time() -> None:
    """A device sends in the order of sending, not of ts."""
    end = MONDAY + timedelta(days=2)
    sent = beats(fault("late-upload", days=5, to_date=end), days=_DAYS)
    assert [beat.sent_at_ms for beat in sent] == sorted(beat.sent_at_ms for beat in sent)
    assert [beat.ts for beat in sent] != sorted(beat.ts for beat in sent)
    assert len(sent) == _DAYS * _HOURS


def test_an_unknown_device_sends_without_being_registered() -> None:
    """Only the device that the fault names."""
    served = connection(devices=2, works=[works(1)], faults=[fault("unknown-device", devices=[2])])
    fleet = city(enterprise("one", served))
    assert [device.is_registered for device in fleet.connections[0].devices] == [True, False]
    kinds = Counter(beat.kind for beat in beats_of_fleet(fleet))
    assert kinds == {BeatKind.HEARTBEAT: _HOURS, BeatKind.UNKNOWN_DEVICE: _HOURS}


def test_malformed_payloads_come_in_every_kind_by_turns() -> None:
    """All kinds unless told otherwise."""
    sent = beats(fault("malformed", share=1))
    assert {beat.garbling for beat in sent} == set(Garbling)
    assert {beat.kind for beat in sent} == {BeatKind.MALFORMED}


def test_a_chosen_kind_of_damage_is_the_only_one() -> None:
    """`garblings` chooses."""
    sent = beats(fault("malformed", share=0.5, garblings=["oversized"]))
    assert {beat.garbling for beat in sent} == {None, Garbling.OVERSIZED}


def test_a_fault_may_befall_some_devices_only() -> None:
    """The others stay sound."""
    served = connection(
        works=[works(1)], faults=[fault("silent", from_date=MONDAY, devices=[1, 3])]
    )
    sent = list(beats_of_fleet(city(enterprise("one", served))))
    assert {beat.device.name[0] for beat in sent} == {"2"}


def test_a_mirrored_machine_sends_the_same_payloads_on_both_platforms() -> None:
    """Registered under two enterprises with one serial, damage and gaps alike."""
    served = connection(works=[works(5)], faults=[fault("flaky", share=0.3)])
    fleet = city(enterprise("one", served), enterprise("two", mirror_of("one")))
    original, mirror = fleet.connections
    assert original.company != mirror.company
    assert original.devices == mirror.devices
    there = [message.payload for message in messages_of_fleet(fleet, "xielian")]
    here = [message.payload for message in messages_of_fleet(fleet, "haichuang")]
    assert here == there
    assert here


def test_a_mirror_shows_only_what_its_connection_covers() -> None:
    """Before and after it, nothing is sent on its platform."""
    begun, ended = MONDAY + timedelta(days=2), MONDAY + timedelta(days=4)
    mirror = mirror_of("one") | {"from_date": begun, "to_date": ended}
    fleet = city(enterprise("one", connection(works=[works(8)])), enterprise("two", mirror))
    assert _days(list(beats_of_fleet(fleet, "haichuang"))) == {begun, begun + timedelta(days=1)}


def test_a_sound_message_is_a_heartbeat_of_the_wire_contract() -> None:
    """Topic and payload as design section 4 has them."""
    message = next(messages_of_fleet(city()))
    assert message.topic == "jieru/v1/xielian/SHO-00001/heartbeat"
    payload = msgspec.json.decode(message.payload, type=HeartbeatPayload)
    assert payload.ts == message.sent_at_ms
    assert payload.seq == 1
