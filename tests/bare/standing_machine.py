"""A bare machine that stays up: what is started on it runs on until the machine is gone.

Its services speak over a loopback interface of their own, so nothing of this machine is in their
way or in their reach. Only commands that fetch something see the outside.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bare import systemctl
from tests.support.bare_debian import BareDebian, bare_debian
from tests.support.processes import StartError

__all__ = ["StandingMachine", "standing_machine"]

_UP: Final = "up"
# It waits for children it never had, as PID 1 must.
_STAY: Final = f"echo {_UP}; while :; do sleep 3600; done"
_STAND_IN: Final = "usr/local/lib/stand-in/systemctl.py"
_SYSTEMCTL: Final = f"""#!/bin/sh
# In the namespaces of PID 1, whoever asks.
exec nsenter --net=/proc/1/ns/net python3 /{_STAND_IN} "$@"
"""
# Packages would start what they bring; nothing was booted that could (invoke-rc.d(8)).
_POLICY: Final = "#!/bin/sh\nexit 101\n"


@dataclass(frozen=True, slots=True)
class StandingMachine:
    """One that runs."""

    root: Path
    """Its folder, as seen from here."""
    _bare: BareDebian
    _pid: int
    """Of its PID 1, as seen from here."""

    def run(
        self, commands: str, *, is_online: bool = False, timeout_s: float = 900
    ) -> "subprocess.CompletedProcess[str]":
        """Play commands for root there, to the first that fails; both outputs are one."""
        enter = ["nsenter", f"--target={self._pid}", "--mount", "--pid", "--uts", "--ipc"]
        network = [] if is_online else ["--net"]
        shell = ["bash", "-euo", "pipefail", "-c", commands]
        return subprocess.run(
            [*enter, *network, "--root", "--", *self._environment(), *shell],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def _environment(self) -> list[str]:
        # What `BareDebian.command` gives a login of root, without the way in.
        command = self._bare.command("true")
        (begin, end) = command.index("env"), -1
        return ["env", "--chdir=/", *command[begin + 1 : end], "DEBIAN_FRONTEND=noninteractive"]


@contextmanager
def standing_machine(suite: str) -> Iterator[StandingMachine]:
    """A fresh machine of a suite of Debian, with a stand-in for systemd; gone at the end.

    Raises:
        StartError: it cannot be made.
    """
    with bare_debian(suite) as bare:
        _put(bare.path / "usr/local/bin/systemctl", _SYSTEMCTL)
        _put(bare.path / "usr/sbin/policy-rc.d", _POLICY)
        (bare.path / _STAND_IN).parent.mkdir(parents=True)
        shutil.copyfile(systemctl.__file__, bare.path / _STAND_IN)
        enter = bare.command("sh", "-c", _STAY, has_network=False)
        with subprocess.Popen(
            enter,
            stdout=subprocess.PIPE,
            text=True,
        ) as outer:
            try:
                if outer.stdout is None or outer.stdout.readline().strip() != _UP:
                    raise StartError("A bare machine does not come up.")
                yield StandingMachine(bare.path, bare, _first_child(outer.pid))
            finally:
                outer.kill()


def _first_child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0])


def _put(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    path.chmod(0o755)
    os.chown(path, 0, 0)
