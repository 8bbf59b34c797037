"""`python -m tests.stall`: play schedules, print a table and write JSON.

Exit code 1 when a change was lost, doubled or half stored, when the audit is not whole, when an
answer was unclear or `serve` did not come back; and, unless `--untimed`, when something took
longer than it may (health 1 s, the crowd 500 ms in 95 of 100, recovery 30 s).
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.stall.run import Outcome, play
from tests.stall.schedule import Schedule, schedule_of
from tests.stall.seeds import EVERY_NIGHT
from tests.stall.stage import Servers
from tests.support.debian_root import ensure_debian_root

__all__: list[str] = []


def _main(arguments: Sequence[str]) -> int:
    asked = _read(arguments)
    outcomes = []
    with Servers(ensure_debian_root()) as servers:
        for seed in _seeds(asked):
            schedule = schedule_of(seed)
            if asked.calm:
                schedule = Schedule(seed, schedule.serves, ())
            outcomes.append(_play(servers, schedule, asked.people))
    _print_table(outcomes)
    if asked.json:
        objects = [outcome.to_json_object() for outcome in outcomes]
        asked.json.write_text(json.dumps(objects, ensure_ascii=False, indent=1), encoding="utf-8")
    failed = [each for each in outcomes if each.findings]
    slow = [each for each in outcomes if each.slow]
    for name, them in (("failed", failed), ("slow", slow)):
        if them:
            print(f"{len(them)} {name}: seeds {', '.join(str(o.schedule.seed) for o in them)}")
    return 1 if failed or (slow and not asked.untimed) else 0


def _seeds(asked: argparse.Namespace) -> Sequence[int]:
    if asked.seed is not None:
        return [asked.seed]
    if asked.schedules is not None:
        return range(asked.seed_from, asked.seed_from + asked.schedules)
    return [seed for seed in EVERY_NIGHT if seed >= asked.seed_from]


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stall", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--schedules", type=int, help="how many seeds; else those of the night")
    parser.add_argument("--seed-from", type=int, default=1, help="the first of them")
    parser.add_argument("--people", type=int, default=50, help="of the crowd")
    parser.add_argument("--calm", action="store_true", help="the crowd alone, to compare with")
    parser.add_argument("--untimed", action="store_true", help="timings do not fail")
    parser.add_argument("--json", type=Path, help="where to write what was measured")
    return parser.parse_args(arguments)


def _play(servers: Servers, schedule: Schedule, people: int) -> Outcome:
    began = time.monotonic()
    outcome = play(servers, schedule, people=people)
    word = "FAILED" if outcome.findings else "slow" if outcome.slow else "well"
    print(f"{outcome}\n  {word}, took {time.monotonic() - began:.0f} s")
    for kind, answers in outcome.answers.items():
        print(f"  {kind}: {', '.join(f'{n} of {status}' for status, n in answers.items())}")
    if outcome.findings:
        print(outcome.log)
    sys.stdout.flush()
    return outcome


def _print_table(outcomes: Iterable[Outcome]) -> None:
    table = Table(
        "seed",
        "what happened",
        "requests",
        "changes",
        "p95 ms before",
        "during",
        "own lag",
        "no answer",
        "refused",
        "health ms",
        "late",
        "recovery s",
        "verdict",
    )
    for each in outcomes:
        verdict = "FAILED" if each.findings else "slow" if each.slow else "well"
        table.add_row(
            f"{each.schedule.seed} ({each.schedule.serves})",
            ", ".join(event.kind for event in each.schedule.events),
            str(each.abused.requests),
            str(each.changes),
            f"{each.lull.p95_ms:.0f}",
            f"{each.abused.p95_ms:.0f}",
            f"{each.lag_p95_ms:.0f}",
            str(each.abused.unanswered),
            str(each.abused.refused),
            f"{each.health_slowest_ms:.0f}",
            str(each.health_late),
            f"{each.recovery_s:.1f}",
            verdict,
        )
    Console(width=160).print(table)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
