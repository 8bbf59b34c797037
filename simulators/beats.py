"""What every machine really sends: habits and faults turned into single heartbeats.

This is the ground truth of a scenario, both of the messages that are published and of what the
count is expected to be.
"""

import heapq
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain, count, cycle
from random import Random
from typing import Final, NamedTuple, TypeVar

from jieru.calendar import MILLISECONDS_PER_HOUR, epoch_milliseconds
from simulators.evidence.machine import Machine
from simulators.faults import (
    ClockAhead,
    ClockBehind,
    Duplicates,
    Fault,
    Flaky,
    LateUpload,
    Malformed,
    Silent,
)
from simulators.fleet import Device, Fleet, ServedConnection
from simulators.garbling import Garbling
from simulators.habits import hours_worked
from simulators.identities import seeded

__all__ = ["Beat", "BeatKind", "beats_of_device", "beats_of_fleet"]

_MILLISECONDS_PER_MINUTE: Final = 60_000
_MILLISECONDS_PER_DAY: Final = 24 * MILLISECONDS_PER_HOUR
_DUPLICATE_AFTER_MILLISECONDS: Final = 5_000

_ChanceFault = TypeVar("_ChanceFault", Flaky, Malformed, Duplicates)


class BeatKind(StrEnum):
    """What becomes of a heartbeat, as the one who sends it knows."""

    HEARTBEAT = "heartbeat"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"
    UNKNOWN_DEVICE = "unknown_device"


class Beat(NamedTuple):
    """One message of one machine; instants in milliseconds since the Unix epoch."""

    sent_at_ms: int
    ts: int
    """What the machine's clock says."""
    seq: int
    kind: BeatKind
    garbling: Garbling | None
    platform: str
    device: Device
    boot: int | None = None
    """Which start of its controller, where the machine counts."""
    counter: float | None = None


def beats_of_fleet(fleet: Fleet, platform: str | None = None) -> Iterator[Beat]:
    """Every message of the city, or of one platform, in the order of sending."""
    return heapq.merge(
        *(
            beats_of_device(connection, device, fleet.scenario.heartbeats_per_hour)
            for connection in fleet.connections
            if platform in (None, connection.platform)
            for device in connection.devices
        ),
        key=_sent_at_ms,
    )


def _sent_at_ms(beat: Beat) -> int:
    return beat.sent_at_ms


def beats_of_device(
    connection: ServedConnection, device: Device, heartbeats_per_hour: int
) -> Iterator[Beat]:
    """Every message of one machine, in the order of sending.

    What is sent later than it happened waits in a heap, which never holds more than the
    messages of the longest delay.
    """
    if device.drawn is not None:
        yield from _drawn_beats(connection, device, device.drawn)
        return
    waiting: list[tuple[int, int, Beat]] = []
    numbers = count()
    for happened_at_ms, beat in _as_they_happen(connection, device, heartbeats_per_hour):
        while waiting and waiting[0][0] <= happened_at_ms:
            yield heapq.heappop(waiting)[2]
        heapq.heappush(waiting, (beat.sent_at_ms, next(numbers), beat))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _drawn_beats(connection: ServedConnection, device: Device, machine: Machine) -> Iterator[Beat]:
    """One message for each hour in which a drawn machine was heard, in the order of sending."""
    start_ms = epoch_milliseconds(machine.first_on)
    readings = {hour: (boot, counter) for hour, counter, boot in machine.readings()}
    delays = machine.delays.reshape(-1)
    beats = []
    for seq, hour in enumerate(machine.heard_hours(), start=1):
        happened_at_ms = start_ms + hour * MILLISECONDS_PER_HOUR + machine.second * 1_000
        boot, counter = readings.get(hour, (None, None))
        beats.append(
            Beat(
                sent_at_ms=happened_at_ms + int(delays[hour]) * _MILLISECONDS_PER_MINUTE,
                ts=happened_at_ms,
                seq=seq,
                kind=BeatKind.HEARTBEAT,
                garbling=None,
                platform=connection.platform,
                device=device,
                boot=boot,
                counter=counter,
            )
        )
    yield from sorted(beats, key=_sent_at_ms)


def _as_they_happen(
    connection: ServedConnection, device: Device, heartbeats_per_hour: int
) -> Iterator[tuple[int, Beat]]:
    """The machine's messages with the instant at which each would honestly have been sent."""
    chance = seeded(device.machine)
    spacing_ms = MILLISECONDS_PER_HOUR // heartbeats_per_hour
    phase_ms = chance.randrange(spacing_ms)
    turns = {fault: cycle(fault.garblings) for fault in device.faults if type(fault) is Malformed}
    seq = 0
    for day, hour in chain.from_iterable(
        hours_worked(device.habit, period) for period in device.works
    ):
        faults = [fault for fault in device.faults if fault.applies_on(day)]
        if any(isinstance(fault, Silent) for fault in faults):
            continue
        is_heard = not _befalls(chance, faults, Flaky)
        hour_ms = epoch_milliseconds(day, hour)
        for happened_at_ms in range(
            hour_ms + phase_ms, hour_ms + heartbeats_per_hour * spacing_ms, spacing_ms
        ):
            seq += 1  # the machine counts what nobody hears
            garbled_by = _befalls(chance, faults, Malformed)
            is_doubled = _befalls(chance, faults, Duplicates)
            if not is_heard or (connection.is_mirror and not connection.covers(day)):
                continue
            beat = Beat(
                sent_at_ms=happened_at_ms + _delay_ms(faults),
                ts=happened_at_ms + _clock_error_ms(faults),
                seq=seq,
                kind=_kind(device, is_garbled=bool(garbled_by)),
                garbling=next(turns[garbled_by[0]]) if garbled_by else None,
                platform=connection.platform,
                device=device,
            )
            yield happened_at_ms, beat
            if is_doubled:
                again = BeatKind.DUPLICATE if beat.kind is BeatKind.HEARTBEAT else beat.kind
                sent_at_ms = beat.sent_at_ms + _DUPLICATE_AFTER_MILLISECONDS
                yield happened_at_ms, beat._replace(sent_at_ms=sent_at_ms, kind=again)


def _befalls(chance: Random, faults: list[Fault], kind: type[_ChanceFault]) -> list[_ChanceFault]:
    """Faults of this kind that strike now; chance is drawn for each of them."""
    return [fault for fault in faults if isinstance(fault, kind) and chance.random() < fault.share]


def _clock_error_ms(faults: list[Fault]) -> int:
    ahead = sum(fault.minutes for fault in faults if isinstance(fault, ClockAhead))
    behind = sum(fault.minutes for fault in faults if isinstance(fault, ClockBehind))
    return (ahead - behind) * _MILLISECONDS_PER_MINUTE


def _delay_ms(faults: list[Fault]) -> int:
    return _MILLISECONDS_PER_DAY * sum(
        fault.days for fault in faults if isinstance(fault, LateUpload)
    )


def _kind(device: Device, *, is_garbled: bool) -> BeatKind:
    if is_garbled:
        return BeatKind.MALFORMED
    return BeatKind.HEARTBEAT if device.is_registered else BeatKind.UNKNOWN_DEVICE
