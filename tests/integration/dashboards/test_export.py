"""Exporting into a folder, beside whatever else is in it."""

import json
from pathlib import Path

import pytest
import yaml

from dashboards.export import Exported, export_files
from jieru.errors import UserError
from tests.support.command import jieru

_URL = "postgresql://jieru:top-secret@database:5432/jieru"
_FILES = {"dashboards/a.json": b"{}\n", "provisioning/x.yaml": b"a: 1\n"}


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages as they stand in the code."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_everything_is_written_where_nothing_is(tmp_path: Path) -> None:
    """The folder is made."""
    done = export_files(_FILES, tmp_path / "grafana")
    assert done == Exported(tuple(sorted(_FILES)), (), ())
    assert content(tmp_path / "grafana").items() >= _FILES.items()


def test_a_second_export_touches_no_file(tmp_path: Path) -> None:
    """Grafana sees no change."""
    export_files(_FILES, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert export_files(_FILES, tmp_path) == Exported((), tuple(sorted(_FILES)), ())
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_only_what_changed_is_written_again(tmp_path: Path) -> None:
    """And no half file is ever to be seen: it comes in one step, and leaves nothing behind."""
    export_files(_FILES, tmp_path)
    done = export_files({**_FILES, "dashboards/a.json": b"{1}\n"}, tmp_path)
    assert done.written == ("dashboards/a.json",)
    assert set(content(tmp_path)) == {*_FILES, ".jieru-export"}


def test_a_file_that_we_no_longer_have_goes(tmp_path: Path) -> None:
    """A dashboard of an earlier release would stay in Grafana."""
    export_files({**_FILES, "dashboards/old.json": b"{}\n"}, tmp_path)
    assert export_files(_FILES, tmp_path).removed == ("dashboards/old.json",)
    assert set(content(tmp_path)) == {*_FILES, ".jieru-export"}


def test_other_files_stay_as_they_are(tmp_path: Path) -> None:
    """Contact points of the operator's own, beside ours."""
    theirs = tmp_path / "provisioning" / "contact-points.yaml"
    theirs.parent.mkdir()
    theirs.write_bytes(b"apiVersion: 1\n")
    export_files(_FILES, tmp_path)
    export_files({}, tmp_path)
    assert content(tmp_path) == {
        "provisioning/contact-points.yaml": b"apiVersion: 1\n",
        ".jieru-export": b"",
    }


def test_a_file_of_somebody_else_in_our_place_is_not_overwritten(tmp_path: Path) -> None:
    """Nothing is written then."""
    theirs = tmp_path / "provisioning" / "x.yaml"
    theirs.parent.mkdir()
    theirs.write_bytes(b"b: 2\n")
    with pytest.raises(UserError, match=r"x\.yaml is there already"):
        export_files(_FILES, tmp_path)
    assert content(tmp_path) == {"provisioning/x.yaml": b"b: 2\n"}


def test_what_is_in_our_place_and_the_same_is_ours(tmp_path: Path) -> None:
    """An export that broke off, or files that were copied by hand."""
    (tmp_path / "provisioning").mkdir()
    (tmp_path / "provisioning" / "x.yaml").write_bytes(b"a: 1\n")
    assert export_files(_FILES, tmp_path).written == ("dashboards/a.json",)


def test_a_list_that_leads_out_of_the_folder_removes_nothing(tmp_path: Path) -> None:
    """It was not written by us."""
    (tmp_path / "precious").write_bytes(b"x")
    folder = tmp_path / "grafana"
    folder.mkdir()
    (folder / ".jieru-export").write_text("../precious\n/etc/hostname\n", encoding="utf-8")
    assert export_files(_FILES, folder).removed == ()
    assert (tmp_path / "precious").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """One sentence."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"The file .*file/x/.* cannot be written"):
        export_files(_FILES, tmp_path / "file" / "x")


def test_the_command_exports_for_the_database_of_the_settings(tmp_path: Path) -> None:
    """The dashboards' provider names the folder, whatever it was called on the command line."""
    done = jieru("dashboards", "export", str(tmp_path / "a" / ".." / "grafana"), database_url=_URL)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "grafana"
    source = yaml.safe_load((folder / "provisioning/datasources/jieru.yaml").read_text("utf-8"))
    assert source["datasources"][0]["url"] == "database:5432"
    provider = yaml.safe_load((folder / "provisioning/dashboards/jieru.yaml").read_text("utf-8"))
    assert provider["providers"][0]["options"]["path"] == str(folder / "dashboards")
    assert json.loads((folder / "dashboards/jieru-overview.json").read_text("utf-8"))
    assert not [path for path, text in content(folder).items() if b"top-secret" in text]
    again = jieru("dashboards", "export", str(folder), database_url=_URL)
    assert again.stdout == "0 files written, 23 unchanged, 0 removed.\n"


def test_the_command_needs_to_know_the_database(tmp_path: Path) -> None:
    """For the datasource."""
    done = jieru("dashboards", "export", str(tmp_path))
    assert (done.returncode, content(tmp_path)) == (1, {})
    assert "JIERU_DATABASE_URL" in done.stderr
