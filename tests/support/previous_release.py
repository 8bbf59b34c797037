"""The release before this one, as its programs ran: its files out of this repository's history."""

import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

from tests.support.command import clean_environment
from tests.support.source_tree import ROOT

__all__ = ["PREVIOUS", "PreviousRelease"]

PREVIOUS: Final = "62d6ede4f5c0d27096210ddd0d711a84d3c140b6"
"""The commit from which an upgrade must be possible while programs run. It moves on with each
release, to the release before."""
_VENDOR: Final = Path("api/static/vendor")


class PreviousRelease:
    """Programs of the release before, which run from a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Lay its files out; they run with what is installed here.

        Raises:
            AssertionError: this checkout has not the history that the test needs.
        """
        self.folder = folder
        packed = subprocess.run(
            ["git", "archive", "--format=tar", PREVIOUS], cwd=ROOT, capture_output=True, check=False
        )
        assert packed.returncode == 0, (
            f"this checkout lacks the commit {PREVIOUS}: fetch the whole history "
            f"(git fetch --unshallow); {packed.stderr.decode(errors='replace')}"
        )
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as files:
            files.extractall(folder, filter="data")
        shutil.copytree(ROOT / _VENDOR, folder / _VENDOR)

    def command(self, argv: list[str]) -> list[str]:
        """What to run so that `argv`, which begins with Python, finds its modules and not ours."""
        return ["env", f"--chdir={self.folder}", f"PYTHONPATH={self.folder}", *argv]

    @property
    def prelude(self) -> str:
        """Python that makes a process find its modules and not ours."""
        return f"import sys; sys.path.insert(0, {str(self.folder)!r})"

    def run(self, program: str, **settings: str) -> str:
        """What a Python program prints that uses its modules, those of its tests too."""
        done = subprocess.run(
            self.command([sys.executable, "-c", program]),
            env=clean_environment(**settings),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
