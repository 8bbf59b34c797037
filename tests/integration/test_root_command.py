"""`deploy/jieru.sh`, the command for root: whose role, whose user, which folder."""

import os
import subprocess
from pathlib import Path

import pytest

_SHIPPED = Path(__file__).parents[2] / "deploy" / "jieru.sh"
_PROGRAM = """#!/bin/sh
echo "user=${AS_USER-root}"
env | grep '^JIERU_'
"""
_RUNUSER = """#!/bin/sh
[ "$1" = -u ] && [ "$3" = -- ] || exit 9
AS_USER=$2; export AS_USER
shift 3
exec "$@"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder in the place of /, with a program that says what it was given."""
    for name in ("etc/jieru", "opt/jieru/bin", "var/lib/jieru/archive", "bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "var/lib/jieru/checkpoints").mkdir()
    script = _SHIPPED.read_text(encoding="utf-8")
    for name in ("/etc/jieru", "/opt/jieru", "/var/lib/jieru"):
        script = script.replace(name, f"{tmp_path}{name}")
    programs = {"jieru.sh": script, "opt/jieru/bin/jieru": _PROGRAM, "bin/runuser": _RUNUSER}
    for name, text in programs.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    common = 'JIERU_SIGNING_KEY_FILE="/etc/count key.pem"\n# JIERU_X=1\n'
    (tmp_path / "etc/jieru/jieru.env").write_text(common, encoding="utf-8")
    return tmp_path


def _told(machine: Path, *words: str, **environment: str) -> dict[str, str]:
    done = subprocess.run(
        [machine / "jieru.sh", *words],
        env={"PATH": f"{machine}/bin:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return {name.removeprefix("JIERU_"): value for name, value in lines.items()}


@pytest.mark.parametrize(
    ("words", "user", "role", "folder"),
    [
        ("archive run", "jieru-archive", "jieru_archive", "ARCHIVE_DIR archive"),
        ("verify-evidence", "jieru-archive", "jieru_archive", "ARCHIVE_DIR archive"),
        ("checkpoint", "jieru-api", "jieru_api", "CHECKPOINT_DIR checkpoints"),
        ("procedure freeze 2026", "jieru-api", "jieru_api", "CHECKPOINT_DIR checkpoints"),
        ("procedure paid 2026 one", "jieru-api", "jieru_api", "CHECKPOINT_DIR checkpoints"),
    ],
)
def test_what_writes_into_the_folder_of_a_service_is_run_as_its_user(
    machine: Path, words: str, user: str, role: str, folder: str
) -> None:
    """And is given the common settings, which only root reads, as they are."""
    told = _told(machine, *words.split())
    assert told["user"] == user
    assert told["DATABASE_URL"].endswith(f"&user={role}")
    name, place = folder.split()
    assert told[name] == f"{machine}/var/lib/jieru/{place}"
    assert told["SIGNING_KEY_FILE"] == "/etc/count key.pem"
    assert "ENV_FILE" not in told


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("migrate", "jieru"),
        ("audit verify", "jieru_verifier"),
        ("signals --record", "jieru_verifier"),
        ("procedure export 2026 count.json", "jieru_api"),
        ("person list", "jieru_api"),
    ],
)
def test_all_else_is_run_as_root(machine: Path, words: str, role: str) -> None:
    """Which reads and writes files where only root may."""
    told = _told(machine, *words.split())
    assert told["user"] == "root"
    assert told["DATABASE_URL"].endswith(f"&user={role}")
    assert told["ENV_FILE"] == f"{machine}/etc/jieru/jieru.env"


def test_the_environment_comes_before_the_common_file_and_both_before_the_usual_folder(
    machine: Path,
) -> None:
    """As for every command, and as the unit has it."""
    common = f"JIERU_ARCHIVE_DIR={machine}/srv/a b\nJIERU_LANGUAGE=zh"
    (machine / "etc/jieru/jieru.env").write_text(common, encoding="utf-8")
    told = _told(machine, "archive", "run", JIERU_LANGUAGE="en")
    assert told["ARCHIVE_DIR"] == f"{machine}/srv/a b"
    assert told["LANGUAGE"] == "en"
