"""An archive that may only be read is verified and restored, and not written to."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from jieru.database import connect
from tests.support.archives import archive, insert, jieru_archive, old_beats, stored_beats

_MOUNTED: Final = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


def _mounted_read_only(folder: Path) -> list[str]:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--mount", "sh", "-c", _MOUNTED, str(folder)]


def _without_write_bits(folder: Path) -> list[str]:
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)
    if os.geteuid() != 0:
        return []
    # Of the rights of root, which no bit keeps out, none is left.
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]


@pytest.mark.parametrize("within", [_mounted_read_only, _without_write_bits])
def test_it_is_verified_and_restored(
    database_url: str, folder: Path, within: Callable[[Path], list[str]]
) -> None:
    """And what a run left half-done lies there as before; a further run says that it may not."""
    with connect(database_url, autocommit=True) as connection:
        stored = insert(connection, old_beats())
        archive(connection, folder)
        left = folder / ".heartbeats-x.partial"
        left.touch()
        prefix = within(folder)

        verified = jieru_archive(
            "verify", "--record", database_url=database_url, folder=folder, within=prefix
        )
        assert (verified.returncode, verified.stderr) == (0, "")
        restored = jieru_archive("restore", database_url=database_url, folder=folder, within=prefix)
        assert (restored.returncode, restored.stderr) == (0, "")
        assert stored_beats(connection) == stored
        assert left.exists()

        run = jieru_archive("run", database_url=database_url, folder=folder, within=prefix)
        assert run.returncode == 1
        assert "may not be written to" in run.stderr
        assert stored_beats(connection) == stored
    folder.chmod(0o700)
