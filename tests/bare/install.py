"""The guide to installing, played on bare machines by its own commands, removal included.

Some five minutes for each Debian. What the commands print stays beside the other logs.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bare.commit import Commit
from tests.bare.document import Block, blocks_of, missing_line
from tests.bare.standing_machine import StandingMachine, standing_machine

__all__ = ["VARIANTS", "PlayError", "play_guide"]

VARIANTS: Final = {"trixie": "debian-13", "bookworm": "debian-12"}
"""The suites that the guide is for, and how it marks what is for one only."""

_SOURCE: Final = "usr/local/src/jieru"
_GUIDE: Final = "docs/install.md"
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


def play_guide(suite: str, commit: Commit, log: Path, said: Console) -> None:
    """Install by the guide on a machine of this suite, where the commit is already cloned.

    Raises:
        PlayError: a command fails, or prints something else than the guide says.
        StartError: the machine cannot be made.
    """
    with standing_machine(suite) as machine:
        source = machine.root / _SOURCE
        commit.clone(source)
        guide = (source / _GUIDE).read_text(encoding="utf-8")
        _play(machine, blocks_of(guide, VARIANTS[suite]), log, said)


def _play(machine: StandingMachine, blocks: Sequence[Block], log: Path, said: Console) -> None:
    """Play blocks in their order, and write down what they print."""
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
