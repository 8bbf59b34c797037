"""What an installation is made of, as files: the packages that the lock of production names."""

import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.support.debian_packages import cache_folder
from tests.support.folder_lock import locked
from tests.support.processes import StartError

__all__ = ["PRODUCTION_LOCK", "ensure_wheelhouse"]

PRODUCTION_LOCK: Final = Path(__file__).parents[2] / "requirements-production.lock"
_BESIDE: Final = "urllib3"
"""What others may have in their environment, and should keep."""


def ensure_wheelhouse() -> Path:
    """A folder for `pip install --no-index --find-links`, fetched now if it must be.

    Raises:
        StartError: the packages cannot be fetched; the message has pip's last words.
    """
    key = sha256(PRODUCTION_LOCK.read_bytes()).hexdigest()[:8]
    folder = cache_folder() / f"wheels-{sys.implementation.cache_tag}-{key}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            if not folder.exists():
                _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder.parent) as unfinished:
        fetched = Path(unfinished) / "wheels"
        for what in (["--require-hashes", "--requirement", str(PRODUCTION_LOCK)], [_BESIDE]):
            download = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(fetched)]
            done = subprocess.run(
                [*download, "--only-binary=:all:", *what],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise StartError(f"The packages of production cannot be fetched:\n{done.stderr}")
        fetched.rename(folder)
