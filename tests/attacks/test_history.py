"""Whoever owns the database writes what was: past triggers, with the database's own functions."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.audit import Actor, changing
from jieru.audit_chain import verify_audit
from jieru.database import connect
from tests.attacks.book import Attack, Book
from tests.support.heard import hear, run_ingester
from tests.support.procedure import KEY, TRUSTED
from tests.support.rewriting import past_all_triggers, rewrite_audit
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.verifying import check_database, check_statements
from verifier.checkpoints.witness import RefusedError, WitnessFolder, new_witness
from verifier.checkpoints.writing import write_checkpoint
from verifier.counting.reading import consistent_snapshot
from verifier.evidence.differences import Difference, DifferenceKind
from verifier.evidence.verifying import Source, verify_month

_HEARD: Final = 240
_DAYS: Final = 10
_FIRST: Final = datetime.now(UTC).replace(day=1, hour=4, minute=7) - timedelta(days=40)
_MONTH: Final = (_FIRST + timedelta(hours=8)).date().replace(day=1)


@pytest.fixture
def owner(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """The owner of a database with honest evidence and an honest audit."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    with connect(database_url, autocommit=True) as connection:
        run_ingester(connection)
        hours = range(_HEARD // _DAYS)
        hear(connection, 1, [_FIRST + timedelta(hours=hour) for hour in hours])
        hear(connection, 2, [_FIRST + timedelta(hours=hour) for hour in range(_HEARD)])
        with changing(connection, Actor("user:lin", "127.0.0.1")):
            connection.execute("INSERT INTO platforms (code, name) VALUES ('alpha', 'alpha')")
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    """Where checkpoints go, which the owner cannot reach."""
    path = tmp_path / "checkpoints"
    path.mkdir()
    return CheckpointFolder(path)


def _checkpoint(owner: psycopg.Connection, folder: CheckpointFolder) -> bytes:
    written = write_checkpoint(owner, folder, KEY, max_delay_hours=72)
    return written.signed.content()


def _findings(owner: psycopg.Connection, folder: CheckpointFolder) -> list[str]:
    found: list[str] = []
    checked = check_statements(folder, TRUSTED, {}, lambda finding: found.append(str(finding)))
    with consistent_snapshot(owner):
        check_database(owner, folder, checked, lambda finding: found.append(str(finding)))
    return found


def _differences(database_url: str) -> list[Difference]:
    source = Source(database_url, None, max_delay_hours=72)
    return list(verify_month(source, _MONTH).compared.listed())


def _enter(book: Book, owner: psycopg.Connection, name: str, tries: str, seen: str) -> None:
    stored = owner.execute("SELECT count(*) FROM heartbeats WHERE device_id = 2").fetchone()
    lost = _HEARD - (stored[0] if stored else 0)
    book.enter(Attack(name, tries, published=_HEARD, lost=lost, delay_s=0.0, seen=seen))


def test_the_owner_who_rewrites_history_is_found(
    owner: psycopg.Connection, folder: CheckpointFolder, book: Book
) -> None:
    """Chain, head and presence made anew, whole in themselves (finding S7): what, and when."""
    _checkpoint(owner, folder)
    assert _findings(owner, folder) == []
    rewrite_audit(owner, "UPDATE audit_entries SET actor = 'user:nobody' WHERE number = 1")
    past_all_triggers(
        owner,
        "UPDATE presence SET hours = ~0::bit(744) & (hours | (hours >> 1)) WHERE device_id = 1",
    )
    whole: list[str] = []
    verify_audit(owner, {}, lambda finding: whole.append(str(finding)))
    assert whole == []
    _checkpoint(owner, folder)
    found = _findings(owner, folder)
    assert any("an entry from 1 to 1 is not what checkpoint 1 (" in each for each in found)
    assert any(
        "Presence of #1 (publisher 1) on" in each
        and "hours added: " in each
        and "changed between checkpoint 1 (" in each
        for each in found
    )
    seen = "jieru audit verify --checkpoints: which entries, which hours, between which two"
    _enter(book, owner, "history rewritten", "to make audit and presence anew", seen)


@pytest.mark.parametrize("is_invented", [False, True], ids=["flipped", "invented"])
def test_one_bit_of_presence_is_found(
    owner: psycopg.Connection, database_url: str, book: Book, *, is_invented: bool
) -> None:
    """An hour taken away, or one that nobody heard: recomputed from the heartbeats."""
    assert _differences(database_url) == []
    local = _FIRST + timedelta(hours=8 + (_HEARD // _DAYS if is_invented else 0))
    bit = (local.day - 1) * 24 + local.hour
    past_all_triggers(
        owner,
        f"UPDATE presence SET hours = set_bit(hours, {bit}, {int(is_invented)})"  # noqa: S608 - our own numbers
        f" WHERE device_id = 1 AND month = date '{_MONTH}'",
    )
    kind = DifferenceKind.INVENTED if is_invented else DifferenceKind.LOST
    assert _differences(database_url) == [Difference(kind, 1, 1, bit)]
    name = "an invented hour" if is_invented else "an hour taken away"
    seen = "jieru verify-evidence: exit code 1, device and hour; freezing is refused"
    _enter(book, owner, name, "to change one bit of what is counted", seen)


def test_a_witness_sees_a_fork_of_history(
    owner: psycopg.Connection, folder: CheckpointFolder, book: Book, tmp_path: Path
) -> None:
    """A second history under the same numbers and the same key: refused, and kept as evidence."""
    new_witness(tmp_path / "witness", submitter=_text(KEY.public_key), name='莆田 "a"')
    witness = WitnessFolder(tmp_path / "witness")
    witness.accept(_checkpoint(owner, folder))
    witness.accept(_checkpoint(owner, folder))
    rewrite_audit(owner, "UPDATE audit_entries SET actor = 'user:nobody' WHERE number = 1")
    (tmp_path / "forged").mkdir()
    forged = CheckpointFolder(tmp_path / "forged")
    statements = [_checkpoint(owner, forged) for _number in range(3)]
    for content in statements:
        with pytest.raises(RefusedError):
            witness.accept(content)
    assert len(list((tmp_path / "witness" / "refused").iterdir())) == 3
    latest = WitnessFolder(tmp_path / "witness").latest()
    assert latest is not None
    assert latest.number == 2
    seen = "jieru witness: refuses to sign, keeps both; exit code 1 of jieru checkpoint, an alert"
    _enter(book, owner, "history forked", "to state another history with the stolen key", seen)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
