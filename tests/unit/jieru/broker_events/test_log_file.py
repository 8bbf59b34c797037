"""A log that grows, is renamed, cut and begun anew is read once and whole."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from jieru.broker_events.log_file import BEGINNING, LogFile, Position

Opened = Callable[[Path, Position | None], LogFile]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens logs that are closed after the test."""
    with ExitStack() as stack:
        yield lambda path, position: stack.enter_context(closing(LogFile(path, position)))


def _append(path: Path, *lines: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_it_begins_with_what_is_written_from_now_on(tmp_path: Path, opened: Opened) -> None:
    """Unless it is told where it was."""
    path = tmp_path / "broker.log"
    _append(path, "old")
    log = opened(path, None)
    assert log.read() == []
    _append(path, "new")
    assert log.read() == ["new"]
    assert opened(path, BEGINNING).read() == ["old", "new"]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path, opened: Opened) -> None:
    """The broker writes while we read."""
    path = tmp_path / "broker.log"
    path.write_text("one\ntw")
    log = opened(path, BEGINNING)
    assert log.read() == ["one"]
    _append(path, "o")
    assert log.read() == ["two"]


def test_a_renamed_log_is_read_to_its_end_before_the_new_one(
    tmp_path: Path, opened: Opened
) -> None:
    """As logrotate does it: the broker writes on into the old one until it is told."""
    path = tmp_path / "broker.log"
    _append(path, "one")
    log = opened(path, BEGINNING)
    assert log.read() == ["one"]
    path.rename(tmp_path / "broker.log.1")
    _append(tmp_path / "broker.log.1", "two")
    assert log.read() == ["two"]
    assert log.read() == []
    _append(path, "three")
    assert log.read() == ["three"]


def test_who_was_away_during_the_renaming_misses_nothing(tmp_path: Path, opened: Opened) -> None:
    """It finds the old file again by what it is, not by its name."""
    path = tmp_path / "broker.log"
    _append(path, "one")
    log = opened(path, BEGINNING)
    log.read()
    position = log.position
    log.close()
    _append(path, "two")
    path.rename(tmp_path / "broker.log.1")
    _append(path, "three")
    later = opened(path, position)
    assert (later.read(), later.read()) == (["two"], ["three"])


def test_a_log_that_was_cut_is_read_from_its_beginning(tmp_path: Path, opened: Opened) -> None:
    """Also where it has grown beyond the old place meanwhile (`copytruncate`)."""
    path = tmp_path / "broker.log"
    _append(path, "one", "two")
    log = opened(path, BEGINNING)
    log.read()
    os.truncate(path, 0)
    assert log.read() == []
    _append(path, "x")
    assert log.read() == ["x"]
    position = log.position
    os.truncate(path, 0)
    _append(path, "a", "b", "c")
    assert log.read() == ["a", "b", "c"]
    log.close()
    assert opened(path, position).read() == ["a", "b", "c"]


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path, opened: Opened) -> None:
    """The broker may start later."""
    path = tmp_path / "broker.log"
    log = opened(path, None)
    assert log.read() == []
    _append(path, "one")
    assert log.read() == ["one"]


def test_a_line_without_end_is_let_go(tmp_path: Path, opened: Opened) -> None:
    """No line of the broker's is so long."""
    path = tmp_path / "broker.log"
    path.write_bytes(b"x" * 200_000)
    log = opened(path, BEGINNING)
    assert log.read() == []
    _append(path, "", "one")
    assert log.read() == ["one"]
