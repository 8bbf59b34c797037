"""What `jieru archive` says when it cannot do what it is asked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from archive.folder import require_folder
from archive.records import hold_archive
from jieru.database import connect
from jieru.errors import UserError
from tests.support.archives import (
    archive,
    archived_beats,
    findings,
    insert,
    jieru_archive,
    old_beats,
    stored_beats,
)
from tests.support.databases import DatabaseServer

_LITTLE_SPACE: Final = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
"""
_DATABASE_GOES_AWAY: Final = """
from archive import archiving
from jieru.database import connect
from jieru.settings import load_settings
compare = archiving._compare
def end_all_others(*arguments):
    with connect(load_settings().database_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND usename = current_user"
        )
    compare(*arguments)
archiving._compare = end_all_others
"""
_SPOILED_ON_THE_WAY: Final = """
from archive import archiving
compare = archiving._compare
def spoil(path, *arguments):
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1  # the rear half is all about columns
    path.write_bytes(content)
    compare(path, *arguments)
archiving._compare = spoil
"""
_EXIT_WORLD_ERROR: Final = 3


@pytest.fixture
def filled(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with old heartbeats."""
    with connect(database_url, autocommit=True) as opened:
        insert(opened, old_beats())
        yield opened


def test_no_folder_is_named(database_url: str) -> None:
    """The sentence names the setting."""
    done = jieru_archive("run", database_url=database_url, folder=None)
    assert done.returncode == 1
    assert "set JIERU_ARCHIVE_DIR" in done.stderr


def test_a_folder_that_is_not_there(filled: psycopg.Connection, tmp_path: Path) -> None:
    """It may be a disk that is not mounted: so it is not made."""
    with pytest.raises(UserError, match="mount its disk"):
        archive(filled, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told before anything is begun, as is one that may not even be read."""
    monkeypatch.setattr("os.access", lambda _path, mode: not mode & os.W_OK)
    require_folder(tmp_path, is_written=False)
    with pytest.raises(UserError, match="may not be written to"):
        require_folder(tmp_path)
    monkeypatch.setattr("os.access", lambda *_arguments: False)
    with pytest.raises(UserError, match="may not be read"):
        require_folder(tmp_path, is_written=False)


def test_an_empty_folder_in_place_of_the_archive(
    filled: psycopg.Connection, folder: Path, tmp_path: Path
) -> None:
    """A second archive is not begun beside one that is elsewhere."""
    archive(filled, folder)
    other = tmp_path / "other"
    other.mkdir()
    stored = insert(filled, old_beats())
    with pytest.raises(UserError, match="not the one that this database knows"):
        archive(filled, other)
    assert stored_beats(filled) == stored


def test_the_archive_of_another_database(
    filled: psycopg.Connection,
    folder: Path,
    timescale_server: DatabaseServer,
    simulation_template: str,
) -> None:
    """Two of them cannot share a folder."""
    archive(filled, folder)
    with (
        timescale_server.database(template=simulation_template) as url,
        connect(url, autocommit=True) as another,
    ):
        insert(another, old_beats())
        with pytest.raises(UserError, match="archive of another database"):
            archive(another, folder)


@pytest.mark.parametrize("command", ["run", "verify", "restore"])
def test_one_at_a_time(
    filled: psycopg.Connection, database_url: str, folder: Path, command: str
) -> None:
    """The others say so and end; it may be tried again."""
    with hold_archive(filled):
        done = jieru_archive(command, database_url=database_url, folder=folder)
    assert done.returncode == _EXIT_WORLD_ERROR
    assert "is running" in done.stderr
    assert jieru_archive("run", database_url=database_url, folder=folder).returncode == 0


@pytest.mark.parametrize(
    ("prelude", "sentence"),
    [
        (_LITTLE_SPACE, "cannot be used: File too large"),
        (_DATABASE_GOES_AWAY, "The database failed; run the same again."),
        (_SPOILED_ON_THE_WAY, "does not read back as it was written"),
    ],
)
def test_what_fails_on_the_way_loses_nothing(
    filled: psycopg.Connection, database_url: str, folder: Path, prelude: str, sentence: str
) -> None:
    """One sentence, nothing half-done left, and the next run does it."""
    stored = stored_beats(filled)
    done = jieru_archive("run", database_url=database_url, folder=folder, prelude=prelude)
    assert done.returncode == _EXIT_WORLD_ERROR, done.stderr
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(folder.iterdir()) == []
    with connect(database_url, autocommit=True) as connection:
        assert stored_beats(connection) == stored
        archive(connection, folder)
        assert archived_beats(folder) == stored
        assert findings(connection, folder) == []


def test_a_time_of_which_there_is_no_archive(
    filled: psycopg.Connection, database_url: str, folder: Path
) -> None:
    """And a time that is none."""
    archive(filled, folder)
    for arguments, sentence in (
        (("--from", "2024-01-01", "--to", "2024-01-31"), "No archived heartbeats"),
        (("--from", "2024-01-31", "--to", "2024-01-01"), "before the first one"),
        (("--from", "yesterday"), "not a date"),
    ):
        done = jieru_archive("restore", *arguments, database_url=database_url, folder=folder)
        assert done.returncode == 1
        assert sentence in done.stderr
