"""`jieru archive verify` finds whatever is not as it was archived, in one sentence each."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from jieru.database import connect
from jieru.errors import UserError
from tests.support.archives import (
    archive,
    findings,
    insert,
    jieru_archive,
    old_beats,
    restore,
    stored_beats,
)
from tests.support.databases import DatabaseServer

_Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def archived_once(
    timescale_server: DatabaseServer, real_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A database whose old heartbeats are archived, for looking at, and the archive's folder."""
    folder = tmp_path_factory.mktemp("archived")
    with timescale_server.database(template=real_template) as url:
        with connect(url, autocommit=True) as connection:
            insert(connection, old_beats(50))
            archive(connection, folder)
        yield url, folder


@pytest.fixture
def archived_url(archived_once: tuple[str, Path], folder: Path) -> str:
    """The address of that database; `folder` is a copy of the archive, to be damaged."""
    shutil.copytree(archived_once[1], folder, dirs_exist_ok=True)
    return archived_once[0]


def _first(folder: Path) -> Path:
    return min(folder.glob("*.parquet"))


def _flip_a_bit(folder: Path) -> None:
    content = bytearray(_first(folder).read_bytes())
    content[len(content) // 2] ^= 1
    _first(folder).write_bytes(content)


def _cut(folder: Path) -> None:
    content = _first(folder).read_bytes()
    _first(folder).write_bytes(content[:-100])


def _remove(folder: Path) -> None:
    _first(folder).unlink()


def _add(folder: Path) -> None:
    (folder / "heartbeats-of-mine.parquet").write_bytes(b"")


def _spoil_the_manifest(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-30])


def _remove_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _changing(change: Callable[[dict[str, Any]], object]) -> _Damage:
    def damage(folder: Path) -> None:
        manifest = folder / "manifest.json"
        content = json.loads(manifest.read_bytes())
        change(content)
        # As it is written, or that alone would be found.
        manifest.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")

    return damage


_DAMAGES: Final[dict[str, tuple[_Damage, str]]] = {
    "a flipped bit": (_flip_a_bit, "another SHA-256"),
    "a cut file": (_cut, "was changed: it has"),
    "a missing file": (_remove, "is missing"),
    "a further file": (_add, "heartbeats-of-mine.parquet is not in the manifest"),
    "a cut manifest": (_spoil_the_manifest, "changed or is damaged"),
    "a missing manifest": (_remove_the_manifest, "manifest is missing"),
    "another number of heartbeats": (
        _changing(lambda content: content["files"][0].update(heartbeats=1)),
        "say different things",
    ),
    "another digest of rows": (
        _changing(lambda content: content["files"][0].update(rows_sha256="0" * 64)),
        "holds other heartbeats",
    ),
    "an entry less": (
        _changing(lambda content: content["files"].pop()),
        "and the manifest none",
    ),
    "an entry more": (
        _changing(
            lambda content: content["files"].append({**content["files"][-1], "file": "x.parquet"})
        ),
        "the database has no record",
    ),
    "another installation": (
        _changing(lambda content: content.update(is_simulation=True)),
        "that of another database",
    ),
}


@pytest.mark.parametrize("damage", _DAMAGES)
def test_damage_is_found(archived_url: str, folder: Path, damage: str) -> None:
    """And nothing is found before it."""
    inflict, sentence = _DAMAGES[damage]
    with connect(archived_url, autocommit=True) as connection:
        assert findings(connection, folder) == []
        inflict(folder)
        assert any(sentence in found for found in findings(connection, folder))


@pytest.mark.parametrize("damage", ["a missing file", "a flipped bit"])
def test_the_command_ends_with_1(archived_url: str, folder: Path, damage: str) -> None:
    """One sentence for the finding, and what it comes to; 0 where all is whole."""
    whole = jieru_archive("verify", database_url=archived_url, folder=folder)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout == "The archive is whole. Files: 3, heartbeats: 600.\n"
    _DAMAGES[damage][0](folder)
    done = jieru_archive("verify", database_url=archived_url, folder=folder)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout.startswith("The archive is NOT whole.")


def test_a_damaged_file_is_not_restored(archived_url: str, folder: Path) -> None:
    """It is refused as a whole, by name."""
    _flip_a_bit(folder)
    with connect(archived_url, autocommit=True) as connection:
        with pytest.raises(UserError, match="is missing or damaged"):
            restore(connection, folder)
        assert stored_beats(connection).total() == 0


def test_nothing_is_dropped_because_of_a_damaged_file(
    connection: psycopg.Connection, folder: Path
) -> None:
    """Restored heartbeats stay where they are when the file that held them is no more.

    Those of other days go, and the damaged file is told at the end.
    """
    stored = insert(connection, old_beats())
    archive(connection, folder)
    restore(connection, folder)
    connection.execute("UPDATE heartbeat_archives SET kept_until = now() - interval '1 second'")
    _flip_a_bit(folder)
    with pytest.raises(UserError, match=f"{_first(folder).name}.*were not dropped"):
        archive(connection, folder)
    of_the_first_day = {beat for beat in stored if beat[1].day == 1}
    assert set(stored_beats(connection)) == of_the_first_day


@pytest.mark.parametrize("damage", [_cut, _remove])
def test_a_damaged_day_stops_no_newer_ones(
    database_url: str, folder: Path, damage: _Damage
) -> None:
    """A run archives them, says which file is damaged, and ends with 1."""
    with connect(database_url, autocommit=True) as connection:
        insert(connection, old_beats())
        archive(connection, folder)
        damaged = _first(folder).name
        damage(folder)
        insert(connection, old_beats(first=datetime(2025, 4, 1, tzinfo=UTC)))
        run = jieru_archive("run", database_url=database_url, folder=folder)
        assert run.returncode == 1
        assert damaged in run.stderr
        assert "Ranges dropped: 3" in run.stdout
        assert stored_beats(connection).total() == 0


def test_a_listed_file_that_is_damaged_before_it_was_recorded_stops_no_other_day(
    connection: psycopg.Connection, folder: Path
) -> None:
    """It may be the only place of its heartbeats: nothing is written over it."""
    insert(connection, old_beats())
    archive(connection, folder)
    name = _first(folder).name
    with connection.transaction():  # as in a database that was restored from before
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM heartbeat_archives WHERE file = %s", (name,))
    _flip_a_bit(folder)
    before = _first(folder).read_bytes()
    insert(connection, old_beats(first=datetime(2025, 4, 1, tzinfo=UTC)))
    with pytest.raises(UserError, match=name):
        archive(connection, folder)
    assert stored_beats(connection).total() == 0
    assert _first(folder).read_bytes() == before


def test_damage_that_a_verification_recorded_is_told_by_each_run(
    database_url: str, folder: Path
) -> None:
    """Though it reads no file for it; until a verification finds the archive whole."""
    with connect(database_url, autocommit=True) as connection:
        insert(connection, old_beats())
        archive(connection, folder)
    whole = _first(folder).read_bytes()
    _flip_a_bit(folder)
    verify = ("verify", "--record")
    assert jieru_archive(*verify, database_url=database_url, folder=folder).returncode == 1
    run = jieru_archive("run", database_url=database_url, folder=folder)
    assert run.returncode == 1
    assert "had 1 findings" in run.stderr
    _first(folder).write_bytes(whole)
    assert jieru_archive(*verify, database_url=database_url, folder=folder).returncode == 0
    assert jieru_archive("run", database_url=database_url, folder=folder).returncode == 0
