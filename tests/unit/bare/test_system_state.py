"""What changed in a system is found, and what may change is left out."""

from pathlib import Path

import pytest

from tests.bare.system_state import changes, system_state


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small system."""
    for folder in ("etc", "root/jieru", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("root\n")
    return tmp_path


def _changes(root: Path, before: dict[str, str]) -> list[str]:
    return [each.path for each in changes(before, system_state(root, own=["/root/jieru"]))]


def test_what_was_made_removed_opened_or_written_is_found(root: Path) -> None:
    """By its path, as somebody in that system would name it."""
    (root / "etc/motd").touch()
    before = system_state(root, own=["/root/jieru"])
    (root / "etc/motd").unlink()
    (root / "etc/passwd").write_text("root\nembedded_postgres\n")
    (root / "root").chmod(0o711)
    (root / "srv").mkdir()
    (root / "srv/left").touch()
    assert _changes(root, before) == ["/etc/motd", "/etc/passwd", "/root", "/srv", "/srv/left"]


def test_folders_of_ones_own_and_mounts_are_left_out(root: Path) -> None:
    """The clone, and what the kernel shows."""
    before = system_state(root, own=["/root/jieru"])
    (root / "root/jieru/.venv").mkdir()
    (root / "proc/1").mkdir()
    assert _changes(root, before) == []


def test_a_change_says_what_was_and_what_is(root: Path) -> None:
    """For a person to read."""
    before = system_state(root, own=[])
    (root / "etc/shadow").write_text("x")
    (root / "etc/shadow").chmod(0o600)
    (found,) = changes(before, system_state(root, own=[]))
    assert str(found).startswith("  /etc/shadow: not there -> -rw------- ")
