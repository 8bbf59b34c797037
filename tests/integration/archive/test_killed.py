"""Killed at any step, the next run loses nothing and archives nothing twice."""

from pathlib import Path
from typing import Final

import pytest

from jieru.database import connect
from tests.support.archives import (
    archive,
    archived_beats,
    findings,
    insert,
    jieru_archive,
    old_beats,
    restore,
    stored_beats,
    wait_until_free,
)

_DIE: Final = """
import os, signal
from archive import {module} as module
def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)
"""
_AT_ITS_CALL: Final = _DIE + "module.{name} = die\n"
_AFTER_ITS_CALL: Final = (
    _DIE
    + """
wrapped = module.{name}
def finish_and_die(*arguments, **named):
    wrapped(*arguments, **named)
    die()
module.{name} = finish_and_die
"""
)
_IN_THE_MIDDLE_OF_A_FILE: Final = (
    _DIE
    + """
copy_rows = module.copy_rows
def some_rows(*arguments):
    for number, row in enumerate(copy_rows(*arguments)):
        if number == 5:
            die()
        yield row
module.copy_rows = some_rows
from archive import parquet_file
parquet_file._ROWS_IN_GROUP = 2
"""
)
_SIGKILL: Final = -9

_STEPS: Final = {
    "in the middle of a file": (_IN_THE_MIDDLE_OF_A_FILE, "archiving", ""),
    "before the file is read back": (_AT_ITS_CALL, "archiving", "_compare"),
    "before the file gets its name": (_AT_ITS_CALL, "archiving", "_give_name"),
    "before the manifest lists it": (_AT_ITS_CALL, "archiving", "add_to_manifest"),
    "before the manifest is flushed": (_AT_ITS_CALL, "manifest", "flush_folder"),
    "before the database records it": (_AT_ITS_CALL, "archiving", "record_file"),
    "before that is committed": (_AFTER_ITS_CALL, "archiving", "record_file"),
    "before the rows are compared again": (_AT_ITS_CALL, "archiving", "hold_unchanged"),
    "before the rows are dropped": (_AT_ITS_CALL, "archiving", "drop_rows"),
    "before the drop is committed": (_AFTER_ITS_CALL, "archiving", "mark_dropped"),
    "after the drop": (_AT_ITS_CALL, "archiving", "Progress"),
}


_ON_A_PLAIN_TABLE: Final = ["before the rows are dropped", "before the drop is committed"]
"""The steps that are others there."""

_EVERY_RUN: Final = {
    "in the middle of a file",
    "before the manifest lists it",
    "before the database records it",
    "before that is committed",
    "before the drop is committed",
}
"""One of each state: half a file, a file that nobody lists, one that the database does not know, a
record that is undone, rows that are dropped and are there again. The others are the night's."""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The address of the database that a case names."""
    return str(request.getfixturevalue(request.param))


@pytest.mark.parametrize(
    ("database", "step"),
    [
        *(
            pytest.param(
                "database_url", step, marks=() if step in _EVERY_RUN else pytest.mark.nightly
            )
            for step in _STEPS
        ),
        *(("embedded_database_url", step) for step in _ON_A_PLAIN_TABLE),
    ],
    indirect=["database"],
)
def test_killed(database: str, folder: Path, step: str) -> None:
    """Every heartbeat is in the database or in a file then, and in one file after a further run."""
    with connect(database, autocommit=True) as connection:
        stored = insert(connection, old_beats())
        prelude, module, name = _STEPS[step]
        prelude = prelude.format(module=module, name=name)
        killed = jieru_archive("run", database_url=database, folder=folder, prelude=prelude)
        assert killed.returncode == _SIGKILL, killed.stderr
        wait_until_free(connection)
        assert stored_beats(connection) | archived_beats(folder) == stored
        archive(connection, folder)
        assert archived_beats(folder) == stored
        assert stored_beats(connection).total() == 0
        assert findings(connection, folder) == []
        assert not list(folder.glob(".*"))


def test_killed_in_the_middle_of_a_restore(database_url: str, folder: Path) -> None:
    """What is restored is; the next one restores the rest."""
    with connect(database_url, autocommit=True) as connection:
        stored = insert(connection, old_beats())
        archive(connection, folder)
        prelude = _AFTER_ITS_CALL.format(module="restoring", name="mark_restored")
        killed = jieru_archive("restore", database_url=database_url, folder=folder, prelude=prelude)
        assert killed.returncode == _SIGKILL, killed.stderr
        wait_until_free(connection)
        assert stored_beats(connection).total() == 0
        restore(connection, folder)
        assert stored_beats(connection) == stored
