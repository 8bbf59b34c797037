"""Play the guide to installing on bare machines: `python -m tests.bare.install`, as root.

What is played is this checkout with its uncommitted changes, by the commands that stand in
docs/install.md, to the removal at its end. Some five minutes for each Debian. What the commands
print stays in `build/bare`.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bare.document import Block, blocks_of, missing_line
from tests.bare.standing_machine import StandingMachine, standing_machine
from tests.support.processes import StartError

_ROOT: Final = Path(__file__).parents[2]
_GUIDE: Final = _ROOT / "docs/install.md"
_PRINTED: Final = _ROOT / "build/bare"
_SOURCE: Final = "usr/local/src/jieru"
_SUITES: Final = {"trixie": "debian-13", "bookworm": "debian-12"}
_PATIENCE_S: Final = 60
_PAUSE_S: Final = 0.5
_TAIL_CHARACTERS: Final = 4_000

# Debian starts what it installs; here `policy-rc.d` forbade it, for nothing was booted.
_START_WHAT_WAS_INSTALLED: Final = """
for unit in postgresql mosquitto; do
  if [ -e /etc/systemd/system/multi-user.target.wants/$unit.service ]; then
    systemctl start $unit
  fi
done
"""
_LOGS: Final = "tail -n 5 /var/log/mosquitto/*.log /var/log/stand-in/*.log 2>&1 || true"


class PlayError(Exception):
    """A command of the guide does not do what it says."""


def play(machine: StandingMachine, blocks: Sequence[Block], log: Path, said: Console) -> None:
    """Play blocks in their order, and write down what they print.

    Raises:
        PlayError: one fails, or prints something else.
    """
    log.write_text("", encoding="utf-8")
    for block in blocks:
        started = time.monotonic()
        printed = _play_block(machine, block)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"--- line {block.line}\n{block.commands}--- printed\n{printed}")
        if block.is_online:
            machine.run(_START_WHAT_WAS_INSTALLED).check_returncode()
        first = block.commands.splitlines()[0]
        said.print(f"line {block.line}: {time.monotonic() - started:5.1f} s  {first}", markup=False)


def _play_block(machine: StandingMachine, block: Block) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        done = machine.run(block.commands, is_online=block.is_online)
        missing = missing_line(block.output, done.stdout)
        if done.returncode == 0 and missing is None:
            return done.stdout
        if not block.is_repeated or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_S)
    complaint = f"exit code {done.returncode}" if done.returncode else f"not printed: {missing}"
    logs = machine.run(_LOGS).stdout
    raise PlayError(
        f"docs/install.md, line {block.line}: {complaint}\n{block.commands}\n"
        f"It printed:\n{done.stdout[-_TAIL_CHARACTERS:]}\nLogs:\n{logs[-_TAIL_CHARACTERS:]}"
    )


def _bring_the_source(machine: StandingMachine) -> None:
    """What git knows of this checkout, and what it does not ignore."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=_ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (_ROOT / name).is_file():
            target = machine.root / _SOURCE / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / name, target)


def main(arguments: Sequence[str]) -> int:
    """Play the guide on every Debian that it is for, or on one; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bare.install", description=__doc__)
    parser.add_argument("--machine", choices=_SUITES)
    chosen = parser.parse_args(arguments).machine
    said = Console(highlight=False, soft_wrap=True)
    guide = _GUIDE.read_text(encoding="utf-8")
    failed = 0
    _PRINTED.mkdir(parents=True, exist_ok=True)
    for suite, variant in _SUITES.items():
        if chosen not in {None, suite}:
            continue
        said.print(f"{variant}:")
        try:
            with standing_machine(suite) as machine:
                _bring_the_source(machine)
                log = _PRINTED / f"install-{suite}.log"
                play(machine, blocks_of(guide, variant), log, said)
        except PlayError as error:
            said.print(str(error), markup=False)
            failed += 1
    return int(failed > 0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        try:
            sys.exit(main(sys.argv[1:]))
        except StartError as error:
            sys.exit(f"Error: {error}")
    sys.exit(130)
