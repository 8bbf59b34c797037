"""Small disks are full when they are filled, and nobody else sees them."""

import errno
from pathlib import Path

import pytest

from tests.support.processes import StartError, run
from tests.support.small_disks import SmallDisks


def test_a_filled_disk_takes_nothing_until_it_is_freed(tmp_path: Path) -> None:
    """The other disk is not touched."""
    with SmallDisks(tmp_path, {"first": 1, "second": 1}) as disks:
        disks.fill("first")
        assert disks.free_bytes("first") == 0
        with pytest.raises(OSError, match="No space") as refused:
            (disks.path("first") / "file").write_bytes(b"x")
        assert refused.value.errno == errno.ENOSPC
        (disks.path("second") / "file").write_bytes(b"x")
        disks.free("first")
        (disks.path("first") / "file").write_bytes(b"x")


def test_only_what_is_run_for_them_sees_the_disks(tmp_path: Path) -> None:
    """For all others the folder stays empty, and nothing is left mounted."""
    with SmallDisks(tmp_path, {"disk": 1}) as disks:
        inside = tmp_path / "disk" / "file"
        run(disks.command(["sh", "-c", f"echo written > {inside}"]))
        assert not inside.exists()
        assert (disks.path("disk") / "file").read_text(encoding="utf-8") == "written\n"
        with pytest.raises(StartError, match="No space"):
            run(disks.command(["sh", "-c", f"head -c 2000000 /dev/zero > {inside}"]))
