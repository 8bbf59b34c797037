"""Steps that the console takes leave a checkpoint, in a thread of its own."""

import threading
from pathlib import Path

import pytest

from api.counts.checkpoints import state_in_checkpoint
from jieru.settings import Settings
from tests.support.procedure import write_key
from verifier.checkpoints.folder import CheckpointFolder


def _settings(database_url: str, tmp_path: Path, folder: str) -> Settings:
    return Settings(
        database_url=database_url,
        signing_key_file=str(write_key(tmp_path / "key.pem")),
        checkpoint_dir=folder,
    )


def _wait() -> None:
    for thread in threading.enumerate():
        if thread.name == "checkpoint":
            thread.join()


def test_many_steps_at_once_leave_one_chain(database_url: str, tmp_path: Path) -> None:
    """Whoever comes second follows the first: numbers without a gap, each naming the one before."""
    settings = _settings(database_url, tmp_path, str(tmp_path))
    for number in range(4):
        state_in_checkpoint(settings, f"pay 2026-1 p{number}")
    _wait()
    folder = CheckpointFolder(tmp_path)
    assert folder.numbers() == [1, 2, 3, 4]
    statements = [folder.read(number).statement for number in folder.numbers()]
    assert [each.previous_sha256 for each in statements[1:]] == [
        each.sha256() for each in statements[:-1]
    ]
    assert {each.occasion for each in statements} == {f"pay 2026-1 p{n}" for n in range(4)}


def test_what_goes_wrong_is_logged_and_stops_nobody(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The step is taken by then; without a folder nothing is made at all."""
    state_in_checkpoint(_settings(database_url, tmp_path, ""), "freeze 2026-1")
    _wait()
    assert "checkpoint_failed" not in capsys.readouterr().out
    (tmp_path / "key.pem").unlink()
    state_in_checkpoint(
        _settings(database_url, tmp_path, str(tmp_path / "missing")), "freeze 2026-1"
    )
    _wait()
    said = capsys.readouterr()
    assert "checkpoint_failed" in said.out + said.err
