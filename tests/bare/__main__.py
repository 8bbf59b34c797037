"""Try the README on bare machines: `make bare`, or `python -m tests.bare --machine trixie`.

What is tried is the last commit, cloned. The logs stay in `build/bare`.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bare.commit import Commit, packed_commit
from tests.bare.install import VARIANTS, PlayError, play_guide
from tests.bare.machines import (
    ACCOUNTS,
    LAST_OF_THE_DEMONSTRATION,
    MACHINES,
    ROOT,
    SET_UP,
    Account,
    Machine,
    Part,
    Step,
    steps,
)
from tests.bare.system_state import Change, changes, system_state
from tests.support.bare_debian import BareDebian, bare_debian
from tests.support.processes import StartError

_LOGS: Final = Path("build/bare")
_BUNDLE: Final = "/srv/jieru.bundle"
_STEP_TIMEOUT_S: Final = 90 * 60
_TAIL_LINES: Final = 25
_LISTED_CHANGES: Final = 20


@dataclass(frozen=True, slots=True)
class Result:
    """How one step went."""

    machine: str
    account: str
    step: str
    seconds: float
    complaint: str = ""
    """What was wrong; empty: nothing."""


def main(arguments: Sequence[str]) -> int:
    """Try all that the arguments name; returns the exit code."""
    options = _parser().parse_args(arguments)
    # What a step complains of may look like markup, a name of a test for one.
    said = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    _LOGS.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    with packed_commit() as commit:
        if commit.has_more_beside:
            said.print("Uncommitted changes are not tried.", style="yellow")
        for machine in MACHINES:
            if options.machine in {None, machine.suite}:
                for result in _try_machine(machine, commit, part=options.part):
                    results.append(result)
                    said.print(_line(result), style="red" if result.complaint else "green")
        Console(highlight=False, markup=False).print(f"commit {commit.name}", _table(results))
    return int(any(result.complaint for result in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bare", description=__doc__)
    parser.add_argument("--machine", choices=[machine.suite for machine in MACHINES])
    parser.add_argument(
        "--part",
        choices=get_args(Part),
        help="the README's commands, the guide to installing, or `make test`; without it, all",
    )
    return parser


def _try_machine(machine: Machine, commit: Commit, *, part: Part | None) -> Iterator[Result]:
    with bare_debian(machine.suite) as bare:
        commit.put(Path(f"{bare.path}{_BUNDLE}"))
        for account in ACCOUNTS:
            before = system_state(bare.path, own=_own_folders(account))
            for step in steps(machine, account, part=part):
                result = _take(step, machine, account, bare)
                yield result
                if step is SET_UP and result.complaint:
                    break
                if step is LAST_OF_THE_DEMONSTRATION:
                    yield _unchanged(machine, account, bare, before)
    if part in {None, "install"} and machine.suite in VARIANTS:
        yield _install(machine, commit)


def _install(machine: Machine, commit: Commit) -> Result:
    started = time.monotonic()
    complaint = ""
    log = _LOGS / f"{machine.suite}-install.log"
    with log.with_suffix(".steps").open("w", encoding="utf-8") as taken:
        try:
            play_guide(machine.suite, commit, log, Console(file=taken, soft_wrap=True))
        except PlayError as error:
            complaint = str(error)
    return Result(
        machine.suite, ROOT.name, "docs/install.md", time.monotonic() - started, complaint
    )


def _own_folders(account: Account) -> tuple[str, ...]:
    """What may change where somebody follows the README: the clone, and caches of package clients.

    `/tmp` is not among them: what is left there is a finding.
    """
    home = str(Path(account.clone).parent)
    return (account.clone, f"{home}/.cache", f"{home}/.npm")


def _take(step: Step, machine: Machine, account: Account, bare: BareDebian) -> Result:
    argv, folder = step.argv, account.clone
    if not Path(f"{bare.path}{account.clone}").exists():
        clone = f'git clone --quiet {_BUNDLE} "$1" && cd "$1" && shift && exec "$@"'
        argv, folder = ("sh", "-c", clone, "sh", account.clone, *argv), "/"
    log = _LOGS / f"{machine.suite}-{account.name}-{step.name.replace(' ', '-')}.log"
    started = time.monotonic()
    complaint = ""
    with log.open("wb") as output:
        command = bare.command(
            *argv,
            user=account.name,
            folder=folder,
            has_network=step.has_network,
            environment=account.environment,
        )
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_STEP_TIMEOUT_S,
                check=False,
            )
            if done.returncode:
                complaint = f"exit code {done.returncode}"
        except subprocess.TimeoutExpired:
            complaint = f"not done after {_STEP_TIMEOUT_S} s"
    if complaint:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        complaint = "\n".join([f"{complaint}, see {log}:", *tail])
    return Result(machine.suite, account.name, step.name, time.monotonic() - started, complaint)


def _unchanged(
    machine: Machine, account: Account, bare: BareDebian, before: dict[str, str]
) -> Result:
    started = time.monotonic()
    found: list[Change] = changes(before, system_state(bare.path, own=_own_folders(account)))
    listed = [*map(str, found[:_LISTED_CHANGES]), f"  {len(found)} in all"]
    complaint = "\n".join(["the system was changed:", *listed]) if found else ""
    return Result(machine.suite, account.name, "unchanged", time.monotonic() - started, complaint)


def _line(result: Result) -> str:
    verdict = result.complaint or f"{result.seconds:.0f} s"
    return f"{result.machine} {result.account} {result.step}: {verdict}"


def _table(results: Sequence[Result]) -> Table:
    """A row for each step, a column for each machine and account; seconds, or FAILED."""
    columns = list(dict.fromkeys((each.machine, each.account) for each in results))
    cells = {(each.step, each.machine, each.account): each for each in results}
    table = Table()
    table.add_column("")
    for machine, account in columns:
        table.add_column(f"{machine}\n{account}", justify="right")
    for step in dict.fromkeys(each.step for each in results):
        row: list[str | Text] = []
        for machine, account in columns:
            result = cells.get((step, machine, account))
            if result is None:
                row.append("")
            else:
                row.append(
                    Text("FAILED", style="red") if result.complaint else f"{result.seconds:.0f} s"
                )
        table.add_row(step, *row)
    return table


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        try:
            sys.exit(main(sys.argv[1:]))
        except StartError as error:
            sys.exit(f"Error: {error}")
    sys.exit(130)
