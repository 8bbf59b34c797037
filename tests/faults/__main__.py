"""`python -m tests.faults`: play many schedules, and say how long recovery took by kind of fault.

Exit code 1 when something was lost, counted twice or acknowledged too early; and when a recovery
took longer than it should, which on a busy machine may be the machine's fault.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.faults.run import RECOVERY_GOAL_S, Outcome, play
from tests.faults.schedule import Kind, Schedule, read_schedule, schedule_of
from tests.faults.seeds import EVERY_NIGHT
from tests.faults.shrink import shrink
from tests.faults.stage import Servers
from tests.support.debian_root import ensure_debian_root

__all__: list[str] = []

_SHRINKING_PLAYS: Final = 16


def _main(arguments: Sequence[str]) -> int:
    asked = _read(arguments)
    if asked.schedule:
        text = asked.schedule.read_text(encoding="utf-8")
        schedules = [read_schedule(each) for each in text.split("\n\n") if each.strip()]
    else:
        schedules = [schedule_of(seed) for seed in _seeds(asked)]
    outcomes = []
    with Servers(ensure_debian_root()) as servers:
        for schedule in schedules:
            outcomes.append(outcome := _play(servers, schedule))
            if outcome.findings and not asked.as_it_is:
                _shrink(servers, schedule)
    _print_table(outcomes)
    failed = [each for each in outcomes if each.findings]
    slow = [each for each in outcomes if each.recovery_s > RECOVERY_GOAL_S]
    for name, them in (("failed", failed), (f"recovered after {RECOVERY_GOAL_S:.0f} s", slow)):
        if them:
            print(
                f"{len(them)} {name}: seeds {', '.join(str(each.schedule.seed) for each in them)}"
            )
    return 1 if failed or slow else 0


def _seeds(asked: argparse.Namespace) -> Sequence[int]:
    if asked.seed is not None:
        return [asked.seed]
    if asked.schedules is not None:
        return range(asked.seed_from, asked.seed_from + asked.schedules)
    return [seed for seed in EVERY_NIGHT if seed >= asked.seed_from]


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--schedules", type=int, help="how many seeds; else those of the night")
    parser.add_argument("--seed-from", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--schedule", type=Path, help="a file of schedules as they are printed")
    parser.add_argument("--as-it-is", action="store_true", help="do not shrink what fails")
    return parser.parse_args(arguments)


def _play(servers: Servers, schedule: Schedule) -> Outcome:
    began = time.monotonic()
    outcome = play(servers, schedule)
    word = "FAILED" if outcome.findings else "well"
    seconds = time.monotonic() - began
    print(f"{schedule}\n  {word}; recovered in {outcome.recovery_s:.1f} s, took {seconds:.0f} s")
    print(f"  noticed: {', '.join(f'{n} {event}' for event, n in outcome.troubles.items())}")
    if outcome.deeds:
        print(f"  hostile: {', '.join(f'{n} {kind}' for kind, n in outcome.deeds.items())}")
    for finding in outcome.findings:
        print(f"  - {finding}")
    if outcome.findings:
        print(outcome.log)
    sys.stdout.flush()
    return outcome


def _shrink(servers: Servers, schedule: Schedule) -> None:
    smallest = shrink(
        schedule, lambda each: bool(play(servers, each).findings), limit=_SHRINKING_PLAYS
    )
    print(f"shrunken to:\n{smallest}", flush=True)


def _print_table(outcomes: Iterable[Outcome]) -> None:
    """By kind of fault: recoveries where it was the only fault, and in whatever company."""
    by_kind: defaultdict[Kind, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        for kind in outcome.schedule.kinds:
            by_kind[kind].append(outcome)
    columns = (
        "fault",
        "schedules",
        "noticed",
        "median s",
        "longest s",
        "longest s alone",
        "failed",
    )
    table = Table(*columns)
    for kind, them in sorted(by_kind.items()):
        recoveries = [each.recovery_s for each in them]
        alone = [each.recovery_s for each in them if len(each.schedule.faults) == 1]
        table.add_row(
            kind,
            str(len(them)),
            str(sum(bool(each.troubles) for each in them)),
            f"{statistics.median(recoveries):.1f}",
            f"{max(recoveries):.1f}",
            f"{max(alone):.1f}" if alone else "",
            str(sum(bool(each.findings) for each in them)),
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
