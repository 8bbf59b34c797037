"""`jieru import` at the command line."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from command import main
from jieru.database import connect
from tests.support.databases import DatabaseServer
from tests.support.registry_files import uscc_of, write_registry_csv

Command = Callable[..., int]


@pytest.fixture
def jieru(monkeypatch: pytest.MonkeyPatch, embedded_database_url: str) -> Command:
    """Runs the command line on a migrated database, in English; gives the exit code."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    monkeypatch.setenv("JIERU_DATABASE_URL", embedded_database_url)

    def run(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["jieru", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    return run


def test_a_good_file_is_imported_and_counted(
    jieru: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], embedded_database_url: str
) -> None:
    """Exit code 0; the rows are there for good."""
    path = write_registry_csv(tmp_path, "platforms", ["ab", "甲", ""], ["cd", "乙", ""])
    assert jieru("import", "platforms", path, "--dry-run") == 0
    assert capsys.readouterr().out == (
        "Checked, nothing written: 2 new rows, 0 changed, 0 unchanged.\n"
    )
    assert jieru("import", "platforms", path) == 0
    assert capsys.readouterr().out == "Imported: 2 new rows, 0 changed, 0 unchanged.\n"
    with connect(embedded_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM platforms").fetchone() == (2,)


def test_districts_are_those_of_the_policy_and_other(jieru: Command, tmp_path: Path) -> None:
    """Licheng is listed, Xiamen's Siming is not."""
    districts = {"licheng": 0, "beian": 0, "other": 0, "siming": 1}
    for number, (district, code) in enumerate(districts.items()):
        path = write_registry_csv(
            tmp_path, "enterprises", [uscc_of(number), "一厂", district, "C1951"]
        )
        assert jieru("import", "enterprises", path) == code


def test_bad_rows_are_printed_and_the_exit_code_is_1(
    jieru: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its number, column and reason, before the summary."""
    path = write_registry_csv(tmp_path, "platforms", ["ab", "", ""], ["cd"])
    assert jieru("import", "platforms", path) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "Row 2, name: Is empty, but required.",
        (
            "Row 3: The row has 1 cells, the header 3: a separator is missing or too many, or a "
            "text with a separator in it lacks its quotation marks."
        ),
        "Error: Nothing was imported from platforms.csv. Errors: 2; bad rows: 2.",
    ]


def test_many_errors_are_printed_in_part_and_written_whole(
    jieru: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that the first ones stay on the screen."""
    path = write_registry_csv(
        tmp_path, "platforms", *(["ab", "甲" * 201, str(row)] for row in range(60))
    )
    listed = tmp_path / "errors.csv"
    assert jieru("import", "platforms", path, "--errors", listed) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 52
    assert lines[50] == "… and 129 more; --errors FILE writes all of them."
    assert listed.read_bytes().startswith("\ufeff".encode())
    with listed.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.reader(source))
    assert rows[:2] == [
        ["row", "column", "reason"],
        ["2", "name", "Has 201 characters; at most 200 are kept."],
    ]
    assert len(rows) == 180


def test_errors_are_spoken_in_chinese_by_default(
    jieru: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The interface is Chinese first."""
    monkeypatch.delenv("JIERU_LANGUAGE")
    path = write_registry_csv(tmp_path, "platforms", ["ab", "", ""])
    assert jieru("import", "platforms", path) == 1
    assert capsys.readouterr().err.splitlines() == [
        "第 2 行 name 列：必填项为空。",
        "错误：platforms.csv 未导入任何数据：共 1 处错误，涉及 1 行。",
    ]


def test_a_missing_file_is_one_sentence(
    jieru: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, no traceback."""
    assert jieru("import", "devices", tmp_path / "nowhere.csv") == 1
    assert capsys.readouterr().err == (f"Error: The file {tmp_path}/nowhere.csv does not exist.\n")


def test_a_folder_is_one_sentence(
    jieru: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As is everything else that cannot be read."""
    assert jieru("import", "devices", tmp_path) == 1
    assert capsys.readouterr().err == (
        f"Error: {tmp_path} is a folder, and a file is needed here.\n"
    )


def test_an_error_list_that_cannot_be_written_is_one_sentence(
    jieru: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the errors have been printed."""
    path = write_registry_csv(tmp_path, "platforms", ["ab", "", ""])
    assert jieru("import", "platforms", path, "--errors", tmp_path / "nowhere" / "errors.csv") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "cannot be written: No such file or directory" in said


def test_an_unknown_kind_is_a_wrong_usage(jieru: Command) -> None:
    """Exit code 2, as for every wrong usage."""
    assert jieru("import", "machines", "machines.csv") == 2


def test_a_database_without_a_schema_is_one_sentence(
    jieru: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    embedded_server: DatabaseServer,
) -> None:
    """It says what to run."""
    path = write_registry_csv(tmp_path, "platforms", ["ab", "甲", ""])
    with embedded_server.database() as empty:
        monkeypatch.setenv("JIERU_DATABASE_URL", empty)
        assert jieru("import", "platforms", path) == 1
    assert "run `jieru migrate` first" in capsys.readouterr().err
