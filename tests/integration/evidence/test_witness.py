"""`jieru witness`: it cosigns what extends what it saw, and refuses the rest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jieru.database import connect
from tests.support.command import jieru
from tests.support.procedure import KEY, TRUSTED, write_key
from tests.support.rewriting import rewrite_audit
from tests.support.witnesses import RunningWitness, running_witness
from verifier.checkpoints.chain import archives_sha256
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.statement import AuditHead, Statement, cosign, sign
from verifier.checkpoints.verifying import check_statements
from verifier.checkpoints.witness import WitnessFolder
from verifier.procedure.signing import SigningKey

if TYPE_CHECKING:
    import subprocess


_MADE_AT = datetime(2026, 4, 10, tzinfo=UTC)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[RunningWitness]:
    """A witness that takes this installation's statements."""
    with running_witness(tmp_path, submitter=KEY.public_key) as running:
        yield running


@pytest.fixture
def settings(database_url: str, tmp_path: Path, witness: RunningWitness) -> dict[str, str]:
    """Of an installation that makes checkpoints."""
    (tmp_path / "checkpoints").mkdir()
    with connect(database_url) as connection:
        connection.execute("INSERT INTO platforms (code, name) VALUES ('alpha', 'alpha')")
    return {
        "database_url": database_url,
        "signing_key_file": str(write_key(tmp_path / "key.pem")),
        "checkpoint_dir": str(tmp_path / "checkpoints"),
        "witnesses": witness.url,
        "witness_keys": str(witness.keys_file),
    }


def _checkpoint(settings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return jieru("checkpoint", timeout_s=60, **settings)


def _verify(settings: dict[str, str]) -> tuple[int, str]:
    folder = settings["checkpoint_dir"]
    done = jieru("audit", "verify", "--checkpoints", folder, timeout_s=60, **settings)
    return done.returncode, done.stderr


def test_each_statement_is_cosigned(settings: dict[str, str], witness: RunningWitness) -> None:
    """The signatures are kept beside the statements, and all of it verifies."""
    for _number in range(3):
        made = _checkpoint(settings)
        assert (made.returncode, made.stderr) == (0, "")
    assert len(list(Path(settings["checkpoint_dir"]).glob("*.cosigned-*.json"))) == 3
    assert CheckpointFolder(witness.folder / "statements").numbers() == [1, 2, 3]
    assert _verify(settings) == (0, "")
    with psycopg.connect(settings["database_url"]) as connection:
        rows = connection.execute("SELECT number, findings, cosigned, witnesses FROM checkpoints")
        assert rows.fetchall() == [(1, 0, 1, 1), (2, 0, 1, 1), (3, 0, 1, 1)]


def test_a_witness_that_was_away_gets_what_it_missed(settings: dict[str, str]) -> None:
    """Said with exit code 1 when it happens; the statement is there all the same."""
    away = _checkpoint({**settings, "witnesses": "http://127.0.0.1:9"})
    assert away.returncode == 1
    assert "The witness at http://127.0.0.1:9 cannot be reached" in away.stderr
    code, said = _verify(settings)
    assert code == 1
    assert "was not signed by the witness finance" in said
    assert _checkpoint(settings).returncode == 0
    assert _verify(settings) == (0, "")


def test_a_fork_is_refused_and_kept(settings: dict[str, str], witness: RunningWitness) -> None:
    """Two statements of one number: the second is evidence, and nothing that follows is signed."""
    folder = Path(settings["checkpoint_dir"])
    assert _checkpoint(settings).returncode == 0
    assert _checkpoint(settings).returncode == 0
    for path in folder.glob("checkpoint-00000002.*"):
        path.unlink()
    forked = _checkpoint(settings)
    assert forked.returncode == 1
    assert "has signed another checkpoint 2 than the one that is here" in forked.stderr
    answer = httpx.post(
        f"{witness.url}/checkpoints", content=(folder / "checkpoint-00000002.json").read_bytes()
    )
    assert answer.status_code == 409
    assert "number 3 was expected" in answer.text
    (kept,) = (witness.folder / "refused").iterdir()
    assert kept.read_bytes() == (folder / "checkpoint-00000002.json").read_bytes()


def test_a_statement_of_a_rewritten_record_is_refused(
    settings: dict[str, str], witness: RunningWitness
) -> None:
    """The installation says itself that its audit is another one, and the witness does not sign."""
    assert _checkpoint(settings).returncode == 0
    with psycopg.connect(settings["database_url"], autocommit=True) as owner:
        rewrite_audit(owner, "UPDATE audit_entries SET actor = 'user:x' WHERE number = 1")
    made = _checkpoint(settings)
    assert made.returncode == 1
    assert "the audit was written anew" in made.stderr
    assert "refuses checkpoint 2" in made.stderr
    assert len(list((witness.folder / "refused").iterdir())) == 1
    code, said = _verify(settings)
    assert code == 1
    assert "was not signed by the witness finance" in said
    assert "between checkpoint 1" in said


def test_the_witness_is_asked_what_it_signed_last(
    settings: dict[str, str], witness: RunningWitness
) -> None:
    """A folder whose end was cut off, in the database too, is whole in itself."""
    for _number in range(3):
        assert _checkpoint(settings).returncode == 0
    for path in Path(settings["checkpoint_dir"]).glob("checkpoint-00000003.*"):
        path.unlink()
    with psycopg.connect(settings["database_url"], autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM checkpoints WHERE number = 3")
    code, said = _verify({**settings, "witnesses": ""})
    assert (code, said) == (0, "")
    code, said = _verify(settings)
    assert code == 1
    assert f"The witness at {witness.url} has signed checkpoint 3" in said
    assert "end with 2: their end was cut off" in said


def test_a_witness_that_cannot_be_asked_leaves_the_check_undone(settings: dict[str, str]) -> None:
    """All else is whole, so nothing was found; but the end of the folder is not vouched for."""
    assert _checkpoint(settings).returncode == 0
    code, said = _verify({**settings, "witnesses": "http://127.0.0.1:9"})
    assert code == 3
    assert "The witness at http://127.0.0.1:9 cannot be reached" in said


def _statement(number: int, before: Statement | None, at: datetime) -> Statement:
    return Statement(
        installation=_MADE_AT,
        is_simulation=False,
        number=number,
        previous_sha256=None if before is None else before.sha256(),
        at=at,
        occasion="pay 2026-1",
        audit=AuditHead(number=1, hash="0" * 64, before=None if before is None else "0" * 64),
        closed_through=None,
        days=(),
        months=(),
        archives=(),
        archives_sha256=archives_sha256([]),
    )


def test_a_statement_of_a_time_to_come_or_before_the_last_one_is_refused(
    witness: RunningWitness,
) -> None:
    """Clocks may differ by ten minutes."""

    def refusal(statement: Statement) -> str:
        content = sign(statement, KEY).content()
        answer = httpx.post(f"{witness.url}/checkpoints", content=content)
        return "" if answer.status_code == 200 else answer.text

    now = datetime.now(UTC)
    assert "of a time to come" in refusal(_statement(1, None, now + timedelta(minutes=30)))
    first = _statement(1, None, now + timedelta(minutes=5))
    assert refusal(first) == ""
    assert "is earlier than the one before it" in refusal(_statement(2, first, now))
    assert refusal(_statement(2, first, first.at)) == ""


def test_when_a_witness_saw_a_statement_is_held_against_the_time_it_says(tmp_path: Path) -> None:
    """Signed before it was made, or before the one before it: found. Seen long after: remarked."""
    folder = CheckpointFolder(tmp_path)
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39))))
    day = timedelta(days=1)
    last: Statement | None = None
    for number, (made, seen) in enumerate([(0, 0), (1, 9), (2, 5), (12, 11)], start=1):
        last = _statement(number, last, _MADE_AT + made * day)
        folder.store(sign(last, KEY))
        folder.store_cosignature(cosign(last, key, _MADE_AT + seen * day))
    found: list[str] = []
    checked = check_statements(
        folder, TRUSTED, {"finance": key.public_key}, lambda each: found.append(each.message)
    )
    assert [each.split(",")[0] for each in found] == [
        "The witness {name} signed checkpoint {checkpoint} ({made_at}) at {seen_at}",
        "Checkpoint {checkpoint} says to be of {made_at}",
    ]
    assert [each.values["checkpoint"] for each in checked.seen_late] == [2, 3]


def test_strangers_and_nonsense_are_refused_and_not_kept(
    settings: dict[str, str], witness: RunningWitness, tmp_path: Path
) -> None:
    """Who may submit is told by a key that the witness's own file names."""
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    made = _checkpoint({**settings, "signing_key_file": str(stranger)})
    assert made.returncode == 1
    assert "a key that nobody vouches for" in made.stderr
    for content in (b"", b"{}", b"[" * 100_000, b"\xff"):
        assert httpx.post(f"{witness.url}/checkpoints", content=content).status_code == 409
    large = httpx.post(f"{witness.url}/checkpoints", content=b"x" * (9 << 20))
    assert large.status_code == 413
    assert httpx.get(f"{witness.url}/checkpoints/latest").status_code == 404
    assert list((witness.folder / "refused").iterdir()) == []


def test_an_answer_of_somebody_else_is_not_taken(settings: dict[str, str], tmp_path: Path) -> None:
    """Its key must be among those that the installation's file names."""
    keys = tmp_path / "other-keys.toml"
    keys.write_text(
        '[[keys]]\nname = "finance"\nkey = "' + "A" * 43 + '="\nvalid_from = 2020-01-01\n',
        encoding="utf-8",
    )
    made = _checkpoint({**settings, "witness_keys": str(keys)})
    assert made.returncode == 1
    assert "is none of the witnesses whose keys are known" in made.stderr


def test_a_witness_that_ended_before_it_kept_its_signature_signs_at_its_start(
    settings: dict[str, str], witness: RunningWitness
) -> None:
    """Else it would say that it saw nothing, and the installation could not go on."""
    assert _checkpoint(settings).returncode == 0
    assert _checkpoint(settings).returncode == 0
    (kept,) = (witness.folder / "statements").glob("checkpoint-00000002.cosigned-*")
    kept.unlink()
    latest = WitnessFolder(witness.folder).latest()
    assert latest is not None
    assert latest.number == 2
    assert kept.is_file()


def test_a_key_is_never_made_twice(witness: RunningWitness) -> None:
    """A witness that forgot its key could sign another history."""
    again = jieru("witness", "init", str(witness.folder), "--submitter", "A" * 43 + "=",
                  "--name", "x")  # fmt: skip
    assert again.returncode == 1
    assert "exists already" in again.stderr
