"""Reports that were made are kept, within bounds, and nobody relies on the folder."""

from pathlib import Path

import pytest

from api.counts.kept_reports import KeptReports
from verifier.reports import Report


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


class _Maker:
    """Makes reports and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Report:
        self.made += 1
        return Report(b"0123456789", "text/csv", "a.csv")


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.glob("jieru-reports-*/*") if each.is_file()]


def test_a_report_is_made_once(tmp_path: Path) -> None:
    """The second time it comes from its file, the same to the byte."""
    kept, make = KeptReports(), _Maker()
    assert kept.get("a", make) == kept.get("a", make) == Report(b"0123456789", "text/csv", "a.csv")
    assert make.made == 1
    assert len(_files(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["changed", "gone", "folder gone"])
def test_what_is_missing_or_another_file_is_made_again(tmp_path: Path, damage: str) -> None:
    """Whoever can write into the folder changes no report."""
    kept, make = KeptReports(), _Maker()
    kept.get("a", make)
    (file,) = _files(tmp_path)
    if damage == "changed":
        file.write_bytes(b"9876543210")
    else:
        file.unlink()
        if damage == "folder gone":
            file.parent.rmdir()
    assert kept.get("a", make).content == b"0123456789"
    assert make.made == 2
    assert kept.get("a", make).content == b"0123456789"
    assert make.made == 2


def test_the_longest_unused_go_where_room_is_needed(tmp_path: Path) -> None:
    """Bytes and files have their bounds; what is larger than all of it is not kept."""
    kept, make = KeptReports(bytes_max=25), _Maker()
    for key in ("a", "b", "a", "c"):
        kept.get(key, make)
    assert {each.name for each in _files(tmp_path)} == {"a", "c"}
    few = KeptReports(files_max=1)
    few.get("d", make)
    few.get("e", make)
    small = KeptReports(bytes_max=5)
    assert small.get("f", make).content == b"0123456789"
    assert {each.name for each in _files(tmp_path)} == {"a", "c", "e"}


def test_without_room_a_report_is_given_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder for temporary files that is not there is no reason to refuse it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    kept, make = KeptReports(), _Maker()
    assert kept.get("a", make).content == b"0123456789"
    assert kept.get("a", make).content == b"0123456789"
    assert make.made == 2
