"""A full disk is one sentence: nothing is stored, nothing left, and it works when there is room."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from archive.folder import new_manifest
from archive.manifest import MANIFEST_NAME, write_manifest
from command import draw, procedure
from dashboards import export
from jieru.credentials.broker_files import BrokerFiles
from jieru.credentials.secret import hash_secret
from jieru.database import connect
from jieru.documents.store import DocumentStore, NewDocument
from jieru.durable_files import write_durably, write_output
from jieru.errors import NoRoomError, UserError, WorldError
from tests.support.archives import insert, jieru_archive, old_beats, stored_beats
from tests.support.callers import bearer
from tests.support.processes import free_port
from tests.support.served import jieru_serve
from tests.support.small_disks import SmallDisks
from verifier.procedure.signing import new_signing_key

if TYPE_CHECKING:
    import subprocess

_MIB: Final = 1 << 20
_FILE: Final = b"x" * (3 * _MIB)
"""More than a form keeps in memory."""


@pytest.fixture(autouse=True)
def _speak_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[SmallDisks]:
    """A disk of some megabytes."""
    with SmallDisks(tmp_path, {"disk": 8}) as made:
        yield made


@pytest.fixture
def connection(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the test's own."""
    with connect(embedded_database_url) as opened:
        yield opened


def test_a_form_whose_file_finds_no_room(
    embedded_database_url: str, connection: psycopg.Connection, disks: SmallDisks, tmp_path: Path
) -> None:
    """However often it is sent, no room is lost by it (finding C9)."""
    key = bearer(connection, Role.ADMIN)
    port = free_port()
    with (
        jieru_serve(
            embedded_database_url, port, within=disks.command, temporary=tmp_path / "disk"
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=key, timeout=60) as client,
    ):

        def send() -> httpx.Response:
            file = ("devices.csv", _FILE, "text/csv")
            return client.post("/api/v1/imports/devices", files={"file": file})

        # A folder in which nothing can be written from the start is not taken for temporary files.
        assert send().status_code == 422
        free = disks.free_bytes("disk")
        disks.fill("disk")
        for _time in range(3):
            answer = send()
            assert answer.status_code == 507, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"] == "/docs#problem-no_room"
            assert "nothing of this request was stored" in answer.json()["detail"]
        disks.free("disk")
        assert disks.free_bytes("disk") == free
        assert send().status_code == 422
        assert disks.free_bytes("disk") == free
        process.terminate()
        _output, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors.count('"disk_full"') == 3
    assert "Traceback" not in errors


def test_a_document_that_finds_no_room(connection: psycopg.Connection, disks: SmallDisks) -> None:
    """It is kept when there is room."""
    folder = disks.path("disk")
    store = DocumentStore(folder, 20)
    document = NewDocument("report.pdf", b"%PDF-1.7\n" + _FILE)
    disks.fill("disk")
    with pytest.raises(NoRoomError, match="No space left"):
        store.keep(connection, [document], by="lin")
    assert [path for path in folder.rglob("*") if path.is_file() and path.name != "ballast"] == []
    disks.free("disk")
    (kept,) = store.keep(connection, [document], by="lin")
    assert store.read(kept.sha256) == document.content


def test_what_is_written_durably_leaves_nothing_on_a_full_disk(
    connection: psycopg.Connection, disks: SmallDisks
) -> None:
    """Checkpoints, cosignatures and the archive's manifest; what was there before stays whole."""
    folder = disks.path("disk")
    manifest = new_manifest(connection)
    write_manifest(folder, manifest)
    before = (folder / MANIFEST_NAME).read_bytes()
    disks.fill("disk")
    with pytest.raises(OSError, match="No space left"):
        write_manifest(folder, manifest)
    with pytest.raises(OSError, match="No space left"):
        write_durably(folder / "checkpoint-1.json", _FILE)
    assert sorted(path.name for path in folder.iterdir()) == ["ballast", MANIFEST_NAME]
    assert (folder / MANIFEST_NAME).read_bytes() == before
    disks.free("disk")
    write_durably(folder / "checkpoint-1.json", _FILE)


@pytest.mark.parametrize("write", [write_output, procedure._write, draw._write])
def test_what_a_command_writes_is_whole_or_not_there(
    disks: SmallDisks, write: Callable[[Path, bytes], None]
) -> None:
    """Reports, signed files, lists: what was there before stays, and no part of the new is left."""
    folder = disks.path("disk")
    file = folder / "report.pdf"
    write(file, b"before")
    disks.fill("disk")
    with pytest.raises((OSError, UserError), match="No space left"):
        write(file, _FILE)
    with pytest.raises((OSError, UserError), match="No space left"):
        write(folder / "another.pdf", _FILE)
    assert file.read_bytes() == b"before"
    assert sorted(path.name for path in folder.iterdir()) == ["ballast", "report.pdf"]
    disks.free("disk")
    write(file, _FILE)
    assert file.read_bytes() == _FILE


def test_a_signing_key_that_finds_no_room_is_not_half_there(disks: SmallDisks) -> None:
    """Nobody could write over half a key."""
    file = disks.path("disk") / "key.pem"
    disks.fill("disk")
    with pytest.raises(UserError, match="No space left"):
        new_signing_key(file)
    disks.free("disk")
    new_signing_key(file)


def test_dashboards_that_find_no_room_leave_nothing(disks: SmallDisks) -> None:
    """Grafana goes on reading the files of before."""
    file = disks.path("disk") / "a.json"
    export._replace(file, b"{}")
    disks.fill("disk")
    with pytest.raises(UserError, match="No space left"):
        export._replace(file, _FILE)
    assert file.read_bytes() == b"{}"
    assert sorted(path.name for path in file.parent.iterdir()) == ["a.json", "ballast"]


def test_an_output_that_is_no_file_takes_it(tmp_path: Path) -> None:
    """A pipe is not replaced by a file; a file keeps its rights, a link leads where it led."""
    file, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    file.write_bytes(b"before")
    file.chmod(0o640)
    link.symlink_to(file)
    write_output(link, b"after")
    assert (link.is_symlink(), file.read_bytes(), file.stat().st_mode & 0o777) == (
        True,
        b"after",
        0o640,
    )
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_output(pipe, b"after")
    assert os.read(reader, 100) == b"after"
    os.close(reader)


def test_files_of_the_broker_that_find_no_room(disks: SmallDisks) -> None:
    """Those of before stay whole, nothing else is left, and the next sync writes them."""
    folder = disks.path("disk")
    files = BrokerFiles(folder / "passwords", folder / "acl", None)
    secret = hash_secret("x")
    files.write(lambda: [("alpha", secret)])
    before = files.password_file.read_bytes()
    many = [(f"alpha/cnc-{number:06}", secret) for number in range(20_000)]
    disks.fill("disk")
    with pytest.raises(WorldError, match="No space left"):
        files.write(lambda: many)
    assert files.password_file.read_bytes() == before
    left = {path.name for path in folder.iterdir()} - {"ballast"}
    assert left == {"passwords", "acl"}
    disks.free("disk")
    assert files.write(lambda: many).users == len(many)


def test_an_archive_that_finds_no_room(
    database_url: str, disks: SmallDisks, tmp_path: Path
) -> None:
    """One sentence, no heartbeat lost, no part of a file left; it goes on when there is room."""
    with connect(database_url, autocommit=True) as opened:
        stored = insert(opened, old_beats())
        disks.fill("disk")

        def run() -> "subprocess.CompletedProcess[str]":
            return jieru_archive(
                "run", database_url=database_url, folder=tmp_path / "disk", within=disks.command([])
            )

        for _time in range(2):
            full = run()
            assert full.returncode == 3, full.stderr
            assert "No space left" in full.stderr
            assert full.stderr.count("\n") == 1
            assert "Traceback" not in full.stderr
            assert stored_beats(opened) == stored
            left = [path.name for path in disks.path("disk").rglob("*") if path.is_file()]
            assert [name for name in left if name != "ballast" and "parquet" in name] == []
        disks.free("disk")
        done = run()
        assert done.returncode == 0, done.stderr
        assert (
            jieru_archive(
                "verify",
                database_url=database_url,
                folder=tmp_path / "disk",
                within=disks.command([]),
            ).returncode
            == 0
        )
