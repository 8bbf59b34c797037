"""Disks of a few megabytes that a test can fill: each a tmpfs that only one server sees."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tests.support.processes import spawn, wait_until_ready

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["SmallDisks"]

_MOUNT: Final = (
    'for disk; do mount -t tmpfs -o "size=${disk%%:*}m,mode=0755" tmpfs "${disk#*:}" || exit 1; '
    "done; echo mounted; exec sleep infinity"
)
_BALLAST: Final = "ballast"
_BLOCK: Final = bytes(64 * 1024)


class SmallDisks:
    """Mounted in a mount namespace of their own, which ends with this context manager.

    An ordinary user makes a user namespace around it, in which mounting is allowed.
    """

    def __init__(self, folder: Path, megabytes: Mapping[str, int]) -> None:
        """Choose where; nothing is mounted yet.

        Args:
            folder: in which each disk gets a folder of its name.
            megabytes: the size of each disk by its name.
        """
        self._folder = folder
        self._megabytes = dict(megabytes)
        self._holder: Popen[bytes] | None = None

    def __enter__(self) -> Self:
        log = self._folder / "disks.log"
        disks = []
        for name, size in self._megabytes.items():
            (self._folder / name).mkdir()
            disks.append(f"{size}:{self._folder / name}")
        as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        hold = ["setpriv", "--pdeathsig=KILL"]
        self._holder = spawn(
            [*hold, "unshare", *as_root, "--mount", "sh", "-c", _MOUNT, "sh", *disks],
            log=log,
        )
        wait_until_ready(lambda: b"mounted" in log.read_bytes(), self._holder, log=log)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()

    def command(self, argv: list[str]) -> list[str]:
        """What to run so that `argv` sees the disks; nothing in the chain forks."""
        assert self._holder is not None
        as_root = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={self._holder.pid}", *as_root, "--mount", "--", *argv]

    def path(self, name: str) -> Path:
        """Where this process finds a disk that only the server sees."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root") / (self._folder / name).relative_to("/")

    def fill(self, name: str) -> None:
        """Leave no byte free on a disk."""
        with (self.path(name) / _BALLAST).open("ab", buffering=0) as ballast:
            while True:
                try:
                    ballast.write(_BLOCK)
                except OSError:  # no space left on device
                    return

    def free(self, name: str) -> None:
        """Give back what `fill` took."""
        (self.path(name) / _BALLAST).unlink(missing_ok=True)

    def free_bytes(self, name: str) -> int:
        """How much room there is."""
        return shutil.disk_usage(self.path(name)).free
