"""The commit that is tried: packed once, so that every machine is given the same."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import run

__all__ = ["Commit", "packed_commit"]

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Commit:
    """What HEAD was when it was packed."""

    name: str
    bundle: Path
    """What `git clone` takes, with its whole history."""
    has_more_beside: bool
    """Whether there are changes that were not committed, which nobody tries."""

    def put(self, path: Path) -> None:
        """Lay the bundle somewhere, for everybody to clone."""
        path.write_bytes(self.bundle.read_bytes())
        path.chmod(0o644)

    def clone(self, folder: Path) -> None:
        """Clone it here."""
        run(["git", "clone", "--quiet", str(self.bundle), str(folder)])


@contextmanager
def packed_commit() -> Iterator[Commit]:
    """The last commit of this checkout."""
    with tempfile.TemporaryDirectory(prefix="jieru-commit-") as folder:
        bundle = Path(folder) / "jieru.bundle"
        _git("bundle", "create", "--quiet", str(bundle), "HEAD")
        yield Commit(
            _git("bundle", "list-heads", str(bundle))[:9],
            bundle,
            has_more_beside=bool(_git("status", "--porcelain")),
        )


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=_ROOT, check=True, capture_output=True, text=True
    ).stdout
