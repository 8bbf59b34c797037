"""One schedule, from an empty database to a verdict."""

import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.faults.inject import NEWCOMER, inject
from tests.faults.load import DEVICES, Load, Message
from tests.faults.schedule import Fault, Kind, Schedule
from tests.faults.stage import Servers, Stage, stage
from tests.faults.verdict import Books, findings, missing, read_stored

__all__ = ["RECOVERY_GOAL_S", "Outcome", "play"]

RECOVERY_GOAL_S: Final = 30.0
"""What an ingester should need at most; reported, and no reason to fail: machines are busy."""

_PATIENCE_S: Final = 120.0
_POLL_S: Final = 0.2
_TAIL_CHARACTERS: Final = 3_000
_TROUBLE: Final = re.compile(r'"event": "(\w+)", "level": "warning"|"(batch_of_lost_connection)"')


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a schedule."""

    schedule: Schedule
    findings: Sequence[str]
    """Empty: all is well."""
    recovery_s: float
    """From the end of the last fault until everything of before was stored."""
    messages: int
    troubles: Counter[str]
    """What the ingesters said of it, by event: a fault that nobody noticed proves little."""
    deeds: Mapping[Kind, int]
    """How often each hostile client got as far as the broker."""
    log: str
    """The end of what the ingesters said."""

    def __str__(self) -> str:
        lines = [str(self.schedule), *(f"  - {each}" for each in self.findings)]
        return "\n".join(lines)


def play(
    servers: Servers, schedule: Schedule, *, prelude: str = "", http_prelude: str = ""
) -> Outcome:
    """Play one schedule and compare.

    Args:
        servers: of all schedules.
        schedule: what breaks when.
        prelude: Python that runs in each ingester of the broker, to break it on purpose.
        http_prelude: the same for the one that takes posts.
    """
    with (
        TemporaryDirectory() as folder,
        stage(servers, schedule, Path(folder), prelude=prelude, http_prelude=http_prelude) as parts,
    ):
        return _play(parts, schedule)


def _play(parts: Stage, schedule: Schedule) -> Outcome:
    found: list[str] = []
    with Load(parts.gateway, schedule.seed) as load:
        _break(schedule.faults, parts, load)
        ended = time.monotonic()
        if finding := _wait_until_stored(parts, frozenset(parts.published_s)):
            found.append(finding)
        recovery_s = time.monotonic() - ended
        load.stop()
        if not found:
            parts.poster.stop()
        changes = Kind.REGISTRY_CHANGE in schedule.kinds
        if found:
            return _outcome(parts, schedule, found, recovery_s)
        load.last_round([*DEVICES, *([NEWCOMER] if changes else [])])
        parts.wait_until_acknowledged()
    if finding := _wait_until_stored(parts, parts.acknowledged):
        found.append(finding)
    for each in [*parts.ingesters, parts.http_ingester]:
        found += [f"an ingester crashed: {crash}" for crash in each.crashes]
        if (code := each.leave()) != 0:
            found.append(f"an ingester left with {code} at SIGTERM")
    if parts.tap.strays:
        found.append(f"{parts.tap.strays} acknowledgements of what was not delivered")
    for hostile in parts.hostiles.values():
        found += hostile.findings
    jumps = [each.amount for each in schedule.faults if each.kind is Kind.CLOCK_JUMP]
    books = Books(
        parts.acknowledged,
        parts.published_s,
        [*parts.tap.acknowledged, *parts.poster.promises],
        [0, *jumps],
    )
    found += findings(parts.patiently(read_stored), books)
    return _outcome(parts, schedule, found, recovery_s)


def _outcome(parts: Stage, schedule: Schedule, found: Sequence[str], recovery_s: float) -> Outcome:
    said = [each.says for each in [*parts.ingesters, parts.http_ingester]]
    troubles = Counter("".join(match) for each in said for match in _TROUBLE.findall(each))
    tails = "\n".join(each[-_TAIL_CHARACTERS:] for each in said)
    messages = len(parts.acknowledged)
    deeds = {kind: each.deeds for kind, each in parts.hostiles.items()}
    return Outcome(schedule, found, recovery_s, messages, troubles, deeds, tails)


def _break(faults: Sequence[Fault], parts: Stage, load: Load) -> None:
    """Let each fault happen at its time, and wait until all are over."""
    begun = time.monotonic()
    errors: list[BaseException] = []

    def happen(fault: Fault) -> None:
        time.sleep(max(0.0, begun + fault.at_s - time.monotonic()))
        try:
            inject(fault, parts, load)
        except BaseException as error:  # noqa: BLE001 - raised anew below
            errors.append(error)

    threads = [threading.Thread(target=happen, args=(fault,)) for fault in faults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    if not faults:
        time.sleep(1.0)


def _wait_until_stored(parts: Stage, messages: frozenset[Message]) -> str:
    """What keeps them from being stored; empty: nothing does."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        promised = [*parts.tap.acknowledged, *parts.poster.promises]
        done_with = {(each.topic, each.payload) for each in promised}
        stored = parts.patiently(read_stored)
        left = missing(stored, messages)
        # What was set apart is durable, and stored later.
        lost = [
            each
            for each in left
            if (key := (each.topic, each.payload)) in done_with and key not in stored.apart
        ]
        if lost:  # nobody will bring them any more, so there is nothing to wait for
            return f"{len(lost)} acknowledged by an ingester and not stored: {lost[0]}"
        if not left:
            return ""
        if time.monotonic() > deadline:
            return f"{len(left)} not stored {_PATIENCE_S:.0f} s after the last fault: {left[0]}"
        time.sleep(_POLL_S)
