"""What the suite needs of Debian's packages: installed in one go, or asked for in one line."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.support.processes import StartError, run

__all__ = ["PACKAGES", "cache_folder", "ensure_debian_packages", "run_as_caller"]

PACKAGES: Final = (
    # The browser tests: Chromium, a font with 汉字, and what Playwright's own Node is linked to.
    *("chromium", "fonts-noto-cjk", "libatomic1"),
    # The folder with TimescaleDB and Mosquitto, and an ordinary user's way into it.
    *("mmdebstrap", "uidmap"),
    # Reports are opened, taken apart, and validated by veraPDF.
    *("poppler-utils", "qpdf", "maven"),
    # Small disks that a test fills.
    "mount",
    # They check compose.yaml and the units, for which neither has to run; timers name a time zone.
    *("docker-compose", "systemd", "tzdata"),
)


def cache_folder() -> Path:
    """Where what is made once is kept: `JIERU_CACHE_DIR`, or a folder of the user's cache."""
    if ours := os.environ.get("JIERU_CACHE_DIR"):
        return Path(ours).absolute()
    if everyones := os.environ.get("XDG_CACHE_HOME"):
        return Path(everyones) / "jieru"
    return Path.home() / ".cache" / "jieru"


def ensure_debian_packages(*names: str) -> None:
    """Install the Debian packages that this machine lacks.

    Raises:
        StartError: we may not, or it failed; the message says what to run, for these and for all
            that the rest of the suite would miss next.
    """
    missing = _missing(names)
    if not missing:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends"]
    if not shutil.which("apt-get"):
        raise StartError(f"Install these programs and try again: {', '.join(missing)}.")
    if os.geteuid() != 0:
        everything = " ".join([*install, *_missing(dict.fromkeys([*names, *PACKAGES]))])
        raise StartError(
            f"Debian packages are missing: run `sudo apt-get update && sudo {everything}`, "
            "try again."
        )
    # Another installation may be under way on this machine: wait for it.
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    run_as_caller([*apt, "update"])
    run_as_caller(["env", "DEBIAN_FRONTEND=noninteractive", *apt, *install[1:], *missing])


def run_as_caller(argv: list[str]) -> None:
    """Run a program with the caller's environment, which may name a proxy.

    Raises:
        StartError: it failed; the message carries what it said.
    """
    # An ordinary user's PATH lacks sbin.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    run(argv, environment={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"}, timeout_s=1_200)


def _missing(names: Iterable[str]) -> list[str]:
    return [name for name in names if not _is_installed(name)]


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no Debian: its program counts
        return shutil.which(package) is not None
    return answer.stdout == "installed"
