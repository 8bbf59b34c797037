"""A load from its plan to its books: every connection made first, then all let go at once."""

import asyncio
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np

from jieru.broker import BrokerAddress
from jieru.errors import UserError, WorldError
from jieru.wire import DeviceAddress, RejectionReason
from simulators.load.ledger import ACCEPTED, UNKNOWN, Ledger
from simulators.load.payloads import MessageMaker
from simulators.load.publisher import LoadPublisher
from simulators.load.turns import Turn, aligned_turns, flat_out_turns, paced_turns

__all__ = ["Load", "LoadPlan", "run_load"]

_PLATFORM_MARK: Final = "{platform}"
_FLAT_OUT_PAST_MS: Final = 3_600_000
_PROGRESS_S: Final = 0.5
_PERCENTILES: Final = (50, 95, 99, 100)


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What is to be sent."""

    devices: Sequence[DeviceAddress]
    pace: Literal["flat-out", "even", "aligned"] = "flat-out"
    per_second: float = 0.0
    """Of an even pace, over all connections."""
    every_s: int = 60
    """Of an aligned one: a burst of all devices at each full so many seconds."""
    within_s: float = 1.0
    """Over so long each burst is spread."""
    messages: int | None = None
    """Stop after so many; None: after `seconds`."""
    seconds: float | None = None
    spacing_ms: int = 1
    """Flat out: how far one device's heartbeats lie apart by what they say.

    The first ones say an hour ago, or earlier where that lets the last ones not lie in the future.
    """
    connections: int = 1
    """Over which the devices are spread; of each platform, where each has its own user."""
    window: int = 65_535
    """Unacknowledged messages of a connection at most; the broker's Receive Maximum may be less."""
    payload_bytes: int = 0
    faults: Mapping[RejectionReason, float] = field(default_factory=dict)
    seed: int = 0
    patience_s: float = 30.0
    """For how long to wait for a broker that is away, and for the last acknowledgements."""


@dataclass(slots=True)
class Load:
    """What was sent, and what the broker said."""

    ledger: Ledger
    seconds: float = 0.0
    """From the moment when every connection stood to the last acknowledgement."""
    cpu_s: float = 0.0
    """What this process computed meanwhile."""
    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))
    """Of each acknowledged message, from its first sending."""
    failure: UserError | WorldError | None = None
    """Why the broker was lost for good."""

    def to_json_object(self) -> dict[str, object]:
        """The summary: messages by outcome, rate, latencies in milliseconds."""
        ledger = self.ledger
        outcomes = ledger.outcomes()
        sent, accepted = len(ledger), outcomes[ACCEPTED]
        acknowledged = sent - outcomes[UNKNOWN]
        faults = ledger.faults()
        percentiles = (
            np.percentile(np.array(self.latencies_s), _PERCENTILES) * 1000
            if self.latencies_s
            else [0.0] * len(_PERCENTILES)
        )
        return {
            "started_ms": ledger.started_ms,
            "seconds": round(self.seconds, 3),
            "sent": sent,
            "accepted": accepted,
            "unknown": outcomes[UNKNOWN],
            "resent": ledger.resent,
            "acknowledged_otherwise": {
                f"0x{code:02x}": count
                for code, count in sorted(outcomes.items())
                if code not in (ACCEPTED, UNKNOWN)
            },
            "accepted_good": accepted - faults.total(),
            "accepted_bad": {reason.value: faults[reason] for reason in faults if faults[reason]},
            "acknowledged_per_s": round(acknowledged / self.seconds) if self.seconds else 0,
            "latency_ms": {
                name: round(float(value), 2)
                for name, value in zip(("p50", "p95", "p99", "max"), percentiles, strict=True)
            },
            "cpu_us_per_message": round(self.cpu_s / sent * 1e6, 2) if sent else 0.0,
        }


async def run_load(
    plan: LoadPlan,
    mqtt_url: str,
    *,
    ca_file: str = "",
    progress: Callable[[int], None] | None = None,
    stop: asyncio.Event | None = None,
) -> Load:
    """Publish what the plan says.

    Args:
        plan: what is to be sent.
        mqtt_url: the broker. With `{platform}` in it each platform has connections of its own, with
            its own user.
        ca_file: certificate authority for `mqtts://`; empty: the system's own.
        progress: told twice a second how many messages are acknowledged.
        stop: ends it early; what is out is waited for.

    Returns:
        The books, complete whatever happened: what the broker did not acknowledge is unknown
        there, and a broker that was lost for good is in `failure`.

    Raises:
        UserError: the plan or the address is wrong, or the broker refuses us.
        WorldError: the broker cannot be reached at the start.
    """
    if plan.messages is None and plan.seconds is None:
        raise UserError("Say how long the load is to last: by messages, or by seconds.")
    load = Load(Ledger(plan.devices))
    maker = MessageMaker(
        plan.devices, payload_bytes=plan.payload_bytes, faults=plan.faults, seed=plan.seed
    )
    now_ms = time.time_ns() // 1_000_000
    publishers = [
        LoadPublisher(
            BrokerAddress.of_url(url, ca_file),
            f"jieru-load-{now_ms:x}-{number}",
            _turns(plan, share, now_ms),
            maker,
            load.ledger,
            is_paced=plan.pace != "flat-out",
            window=plan.window,
            patience_s=plan.patience_s,
        )
        for number, (url, share) in enumerate(_shares(plan, mqtt_url))
    ]
    await asyncio.gather(*(publisher.connect() for publisher in publishers))
    load.ledger.started_ms, started_s = time.time_ns() // 1_000_000, time.monotonic()
    computed_s = time.process_time()
    aside = [
        asyncio.create_task(_stop_in_time(plan, publishers, stop)),
        asyncio.create_task(_tell(load.ledger, publishers, progress)),
    ]
    try:
        await asyncio.gather(*(_publish(publisher, publishers, load) for publisher in publishers))
    finally:
        for task in aside:
            task.cancel()
        load.seconds = time.monotonic() - started_s
        load.cpu_s = time.process_time() - computed_s
        for publisher in publishers:
            load.latencies_s.extend(publisher.latencies_s)
    return load


async def _publish(
    publisher: LoadPublisher, publishers: Sequence[LoadPublisher], load: Load
) -> None:
    """Publish to the end; when one connection is lost for good, so is the load."""
    try:
        await publisher.publish_all()
    except (UserError, WorldError) as error:
        load.failure = load.failure or error
        for each in publishers:
            each.stop()


async def _stop_in_time(
    plan: LoadPlan, publishers: Sequence[LoadPublisher], stop: asyncio.Event | None
) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(plan.seconds):
            await (stop or asyncio.Event()).wait()
    for publisher in publishers:
        publisher.stop()


async def _tell(
    ledger: Ledger, publishers: Sequence[LoadPublisher], progress: Callable[[int], None] | None
) -> None:
    while progress is not None:
        progress(len(ledger) - sum(publisher.unacknowledged for publisher in publishers))
        await asyncio.sleep(_PROGRESS_S)


class _Share(NamedTuple):
    """What one connection sends."""

    places: Sequence[int]
    """Of its devices."""
    part: float
    """Of all devices."""
    messages: int | None


def _shares(plan: LoadPlan, mqtt_url: str) -> list[tuple[str, _Share]]:
    """The address and the share of each connection."""
    fleets: dict[str, list[int]] = {}
    for place, device in enumerate(plan.devices):
        fleets.setdefault(mqtt_url.replace(_PLATFORM_MARK, device.platform), []).append(place)
    size, given, shares = len(plan.devices), 0, []
    for url, fleet in fleets.items():
        for number in range(min(plan.connections, len(fleet))):
            places = fleet[number :: plan.connections]
            messages = None
            if plan.messages is not None:  # rounded so that the sum is exact
                before, given = given, given + len(places)
                messages = plan.messages * given // size - plan.messages * before // size
            shares.append((url, _Share(places, len(places) / size, messages)))
    return shares


def _turns(plan: LoadPlan, share: _Share, now_ms: int) -> Iterator[Turn]:
    places, part, messages = share
    match plan.pace:
        case "even":
            return paced_turns(
                places, first_ms=now_ms, per_second=plan.per_second * part, messages=messages
            )
        case "aligned":
            return aligned_turns(
                places,
                first_ms=now_ms,
                every_ms=plan.every_s * 1000,
                within_ms=int(plan.within_s * 1000),
                messages=messages,
            )
        case "flat-out":
            rounds = 0 if messages is None else -(-messages // len(places))
            first_ms = now_ms - max(_FLAT_OUT_PAST_MS, rounds * plan.spacing_ms)
            return flat_out_turns(
                places, first_ms=first_ms, spacing_ms=plan.spacing_ms, messages=messages
            )
