"""`jieru demo` where there is too little room."""

import subprocess
import threading
from pathlib import Path

from tests.support.command import clean_environment, jieru_path
from tests.support.fleet import wait_until
from tests.support.small_disks import SmallDisks


def test_too_small_a_disk_is_said_before_the_work_begins(tmp_path: Path) -> None:
    """With how much is needed and what to do."""
    with SmallDisks(tmp_path, {"small": 48}) as disks:
        done = _run_on(disks, tmp_path / "small")
        assert (done.returncode, done.stdout) == (1, "")
        assert "150 MB are needed in" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_disk_that_fills_up_is_one_sentence(tmp_path: Path) -> None:
    """Whichever server failed of it; what was begun is removed."""
    with SmallDisks(tmp_path, {"disk": 160}) as disks:
        playing = threading.Thread(target=_fill_while_playing, args=(disks,), daemon=True)
        playing.start()
        done = _run_on(disks, tmp_path / "disk")
        playing.join()
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert done.stderr.splitlines()[-1].startswith("Error: The disk of ")
        assert "Traceback" not in done.stderr
        left = {path.name for path in disks.path("disk").iterdir()}
        assert {name for name in left if name.startswith("jieru-")} == set()


def _fill_while_playing(disks: SmallDisks) -> None:
    """As soon as the ingester of the demonstration has begun."""
    wait_until(
        lambda: any(disks.path("disk").glob("jieru-ingest-*/ingest.log")), "it plays", timeout_s=60
    )
    disks.fill("disk")


def _run_on(disks: SmallDisks, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        disks.command([jieru_path(), "demo", "--once", "--json"]),
        env=clean_environment(language="en") | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
