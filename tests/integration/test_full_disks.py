"""A full disk is one sentence: nothing is stored, nothing left, and it works when there is room."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from archive.folder import new_manifest
from archive.manifest import MANIFEST_NAME, write_manifest
from jieru.database import connect
from jieru.documents.store import DocumentStore, NewDocument
from jieru.durable_files import write_durably
from jieru.errors import NoRoomError
from tests.support.callers import bearer
from tests.support.processes import free_port
from tests.support.served import jieru_serve
from tests.support.small_disks import SmallDisks

_MIB: Final = 1 << 20
_FILE: Final = b"x" * (3 * _MIB)
"""More than a form keeps in memory."""


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
