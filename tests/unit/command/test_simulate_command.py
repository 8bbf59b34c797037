"""`jieru simulate`, as far as it needs no broker."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from command.simulate import command
from jieru.errors import UserError


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_it_writes_the_files_to_import_and_the_expectation(tmp_path: Path) -> None:
    """Into a folder that it makes, and names them."""
    folder = tmp_path / "new" / "registry"
    written = _run("worked-example", "--write-registry", str(folder)).split()
    assert [Path(path).name for path in written] == [
        "platforms.csv",
        "recognitions.csv",
        "enterprises.csv",
        "connections.csv",
        "devices.csv",
        "expectation.json",
    ]
    assert all(Path(path).is_file() for path in written)


@pytest.mark.parametrize(("clock", "outcome"), [("event", "counted"), ("receipt", "pending")])
def test_the_expectation_is_for_the_clock_of_the_ingester(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str, outcome: str
) -> None:
    """Long after the fact, every heartbeat of the worked example is late."""
    monkeypatch.setenv("JIERU_INGEST_CLOCK", clock)
    _run("worked-example", "--write-registry", str(tmp_path))
    expectation = json.loads((tmp_path / "expectation.json").read_text(encoding="utf-8"))
    assert expectation["clock"] == clock
    assert expectation["platforms"][0]["enterprises"][0]["outcome"] == outcome


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """A file is in its way."""
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        CliRunner().invoke(
            command,
            ["worked-example", "--write-registry", str(tmp_path / "file" / "folder")],
            catch_exceptions=False,
        )


@pytest.mark.parametrize("speed", ["0", "-1", "fast"])
def test_a_speed_must_be_above_zero(speed: str) -> None:
    """Anything else is refused before anything is sent."""
    assert CliRunner().invoke(command, ["worked-example", "--speed", speed]).exit_code == 2
