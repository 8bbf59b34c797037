"""`setup.sh` where something is missing: one sentence that says what, and nothing half-made."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pip
import pytest

_PROJECT: Final = Path(__file__).parents[2]
_NOWHERE: Final = "http://127.0.0.1:1/"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what set-up reads."""
    folder = tmp_path / "接入 clone"
    folder.mkdir()
    files = ("setup.sh", "pyproject.toml", "README.md", "requirements.lock", "package.json")
    for name in (*files, "requirements-node.lock", "package-lock.json", ".npmrc", "LICENSE"):
        shutil.copy(_PROJECT / name, folder)
    return folder


def _set_up(clone: Path, **environment: str) -> Sequence[str]:
    """What it says on standard error when it fails, line by line."""
    done = subprocess.run(
        ["bash", str(clone / "setup.sh")],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.splitlines()


def _programs(folder: Path, *, without: str = "", **scripts: str) -> str:
    """A PATH that has what this machine has but one program, and these scripts before it."""
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(":")):
        for program in Path(place).glob("*") if Path(place).is_dir() else ():
            if program.name != without:
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    for name, script in scripts.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def _left(clone: Path) -> set[str]:
    """What set-up put beside the files that were there."""
    return {path.name for path in clone.iterdir()} & {".venv", ".setup", "node_modules", "api"}


def test_a_package_index_that_is_away_is_named(clone: Path, tmp_path: Path) -> None:
    """The last words of pip, then one sentence; no half environment stays."""
    python = tmp_path / "python-with-pip"
    python.write_text(_PYTHON_WITH_PIP.format(python=sys.executable, pip=Path(pip.__file__).parent))
    python.chmod(0o755)
    said = _set_up(
        clone, PYTHON=str(python), PIP_INDEX_URL=_NOWHERE, PIP_RETRIES="0", PIP_NO_CACHE_DIR="1"
    )
    assert "PIP_INDEX_URL" in said[-1]
    assert said[-1].startswith("setup: ")
    assert _left(clone) == set()


def test_npm_that_fails_is_heard(clone: Path, tmp_path: Path) -> None:
    """Its words are shown, which `npm ci --silent` kept to itself; the environment is whole."""
    path = _programs(tmp_path / "bin", npm="echo npm error: nobody answers >&2; exit 1")
    # As if all dependencies had been installed: to install them again is not this test's business.
    path_of_python = tmp_path / "bin" / "python-that-installs-nothing"
    path_of_python.write_text(_PYTHON_THAT_INSTALLS_NOTHING.format(python=sys.executable))
    path_of_python.chmod(0o755)
    said = _set_up(clone, PATH=path, PYTHON=str(path_of_python))
    assert "npm error: nobody answers" in said
    assert "NPM_CONFIG_REGISTRY" in said[-1]
    assert _left(clone) == {".venv"}


# Whether this Python brings pip along or not: Debian's does not.
_PYTHON_WITH_PIP: Final = """#!/bin/sh
case "$*" in
  *"import ensurepip"*) ;;
  *"-m venv"*)
    for folder; do :; done
    {python} -m venv --without-pip "$folder" && cp -r {pip} "$folder"/lib/python*/site-packages/
    ;;
  *) exec {python} "$@" ;;
esac
"""
_PYTHON_THAT_INSTALLS_NOTHING: Final = """#!/bin/sh
case "$*" in
  *"import ensurepip"*) ;;
  *"-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; ln -s "$0" "$folder/bin/python" ;;
  *"-m pip"*) ;;
  *) exec {python} "$@" ;;
esac
"""


def test_python_that_is_too_old_or_missing_is_said(clone: Path, tmp_path: Path) -> None:
    """With the setting that names another one."""
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert "PYTHON=" in _set_up(clone, PYTHON=str(old))[-1]
    assert "PYTHON=" in _set_up(clone, PYTHON="/nowhere/python3")[-1]
    assert _left(clone) == set()


def test_without_ensurepip_and_without_apt_the_module_is_named(clone: Path, tmp_path: Path) -> None:
    """A system that is no Debian and splits Python as Debian does."""
    path = _programs(tmp_path / "bin", without="apt-get")
    python = tmp_path / "python-without-pip"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *"import ensurepip"*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    assert "ensurepip" in _set_up(clone, PATH=path, PYTHON=str(python))[-1]
    assert _left(clone) == set()
