"""Rows: the header, each row by itself, the rows beside each other."""

from collections.abc import Sequence

import pytest

from jieru.errors import UserError
from registry import rows as row_module
from registry.files import Cell, SheetRow, parse_sheet
from registry.kinds import KINDS, KindName, Reference
from registry.rows import (
    REASONS_COLUMN,
    FileRow,
    RowError,
    header_names,
    read_rows,
    unknown_references,
    without_foreign_platforms,
)
from tests.support.registry_files import header_of, registry_csv, uscc_of

ONE, TWO = uscc_of(1), uscc_of(2)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def read(kind: KindName, *rows: Sequence[str]) -> tuple[list[FileRow], list[RowError]]:
    """What the rows of a CSV file say, and what is wrong with them."""
    content = registry_csv(kind, *rows).encode()
    return read_rows(KINDS[kind], parse_sheet(content, "file.csv", header_names(KINDS[kind])))


def errors_of(kind: KindName, *rows: Sequence[str]) -> list[tuple[int, str, str]]:
    """What is wrong with the rows of a CSV file, in the reader's language."""
    return [(row, column, str(reason)) for row, column, reason in read(kind, *rows)[1]]


def header_refusal(*header: str) -> str:
    """Why a header of a devices file is refused."""
    with pytest.raises(UserError) as refused:
        read_rows(KINDS["devices"], [SheetRow(1, list(header))])
    return str(refused.value)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("platforms", ["xielian", "协联", ONE]),
        ("platforms", ["xielian", "协联", ""]),
        ("recognitions", ["xielian", "municipal", "2025-01-01", ""]),
        ("enterprises", [ONE, "莆田鞋业", "licheng", "C1951"]),
        ("enterprises", [ONE, "莆田鞋业", "licheng", ""]),
        ("connections", ["xielian", ONE, "HT-1", "2025-12-01", "2026-01-01", "2027-01-01"]),
        ("connections", ["xielian", ONE, "", "", "2026-01-01", ""]),
        ("devices", ["xielian", "d1", ONE, "注塑机", "一号机", "2026-01-01", ""]),
        ("devices", ["xielian", "d1", "", "", "", "", ""]),
    ],
)
def test_a_right_row_is_taken(kind: KindName, row: list[str]) -> None:
    """Empty cells are allowed where open or unknown."""
    rows, errors = read(kind, row)
    assert errors == []
    assert [str(rows[0].values[name] or "") for name in header_of(kind)] == row
    assert rows[0].number == 2


@pytest.mark.parametrize(
    ("kind", "required"),
    [
        ("platforms", ["code", "name"]),
        ("recognitions", ["platform", "level", "recognised_on"]),
        ("enterprises", ["uscc", "name", "district"]),
        ("connections", ["platform", "uscc", "from_date"]),
        ("devices", ["platform", "serial"]),
    ],
)
def test_each_required_cell_is_missed(kind: KindName, required: list[str]) -> None:
    """All at once, not the first alone."""
    sheet = [SheetRow(1, list(header_of(kind))), SheetRow(2, [""] * len(header_of(kind)))]
    assert [error.column for error in read_rows(KINDS[kind], sheet)[1]] == required


def test_columns_may_come_in_any_order_and_in_chinese() -> None:
    """Also in upper case, with spaces around and with empty columns after them."""
    header: list[str] = ["企业名称", " USCC ", "县区", "行业代码", "", ""]
    sheet = [SheetRow(1, [*header]), SheetRow(2, ["莆田鞋业", ONE, "licheng", "C", "", ""])]
    rows, errors = read_rows(KINDS["enterprises"], sheet)
    assert errors == []
    assert rows[0].values == {
        "name": "莆田鞋业",
        "uscc": ONE,
        "district": "licheng",
        "industry_code": "C",
    }


def test_a_wrong_header_names_what_is_missing_unknown_and_repeated() -> None:
    """In one sentence with the columns as they must be."""
    message = header_refusal(
        "platform",
        "seriel",
        "uscc",
        "统一社会信用代码",
        "kind",
        "name",
        "assigned_from",
        "",
        "x\x1b",
    )
    assert message == (
        "The header must hold exactly the columns platform,serial,uscc,kind,name,assigned_from,"
        "assigned_to. Missing: serial, assigned_to. Unknown: “seriel”, “”, “x\\u001b”. "
        "More than once: uscc."
    )


@pytest.mark.parametrize("name", ["expected_interval_s", "预期心跳间隔秒"])
def test_a_column_that_may_be_missing_is_read_where_it_is_there(name: str) -> None:
    """Empty means that nothing is said, as in a file without it."""
    header = [*header_of("devices"), name]
    row: list[Cell] = ["ab", "d1", "", "", "", "", ""]
    sheet = [
        SheetRow(1, [*header]),
        SheetRow(2, [*row, "60"]),
        SheetRow(3, ["ab", "d2", *[""] * 6]),
    ]
    rows, errors = read_rows(KINDS["devices"], sheet)
    assert errors == []
    assert [row.values["expected_interval_s"] for row in rows] == [60, None]
    assert read("devices", [str(cell) for cell in row])[0][0].values["expected_interval_s"] is None


@pytest.mark.parametrize("name", REASONS_COLUMN)
def test_the_reasons_of_an_earlier_time_are_not_read(name: str) -> None:
    """Wherever the column stands: a file of failed rows is imported as it is."""
    header = [name, *header_of("platforms")]
    sheet = [SheetRow(1, [*header]), SheetRow(2, ["Is empty, but required.", "ab", "甲", ""])]
    rows, errors = read_rows(KINDS["platforms"], sheet)
    assert errors == []
    assert rows[0].values == {"code": "ab", "name": "甲", "operator_uscc": None}


def test_reading_stops_where_a_file_is_wrong_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last error says so."""
    monkeypatch.setattr(row_module, "ERROR_LIMIT", 3)
    found = errors_of("platforms", *([["X", "", ""]] * 5))
    assert [row for row, _column, _reason in found] == [2, 2, 3, 3, 4]
    assert found[-1][1:] == ("", "Reading stopped here after 3 errors: correct those first.")


def test_an_operators_rows_name_the_own_platform() -> None:
    """A row that names another is refused there, and read no further beside the registry."""
    rows, _errors = read(
        "devices", ["ab", "d1", "", "", "", "", ""], ["cd", "d1", "", "", "", "", ""]
    )
    ours, foreign = without_foreign_platforms(rows, "ab")
    assert ours[0] == rows[0]
    assert "platform" not in ours[1].values
    assert [(row, column, str(reason)) for row, column, reason in foreign] == [
        (3, "platform", "Is not your platform: you can import for ab only.")
    ]


@pytest.mark.parametrize("sheet", [[], [SheetRow(2, ["platform"])]])
def test_a_first_row_without_a_header_is_refused(sheet: list[SheetRow]) -> None:
    """Then rows cannot be numbered as the reader expects."""
    with pytest.raises(UserError, match="Row 1 is empty"):
        read_rows(KINDS["devices"], sheet)


def test_a_header_alone_is_a_file_without_rows() -> None:
    """A city may have no recognition to import."""
    assert read("recognitions") == ([], [])


@pytest.mark.parametrize("cells", [["a"], ["a", "b", "", "c"]])
def test_a_row_of_another_width_is_refused_whole(cells: list[str]) -> None:
    """Its cells may stand in the wrong columns."""
    rows, errors = read("platforms", cells)
    assert rows == []
    assert [(error.row, error.column) for error in errors] == [(2, "")]
    assert f"The row has {len(cells)} cells, the header 3" in str(errors[0].reason)


def test_empty_cells_beyond_the_header_do_not_matter() -> None:
    """Spreadsheets leave them behind."""
    assert errors_of("platforms", ["xielian", "协联", "", "", " "]) == []


def test_every_bad_cell_of_every_row_is_reported() -> None:
    """With the row's number in the spreadsheet, its column and the reason."""
    found = errors_of(
        "connections",
        ["xielian", ONE, "", "", "2026-01-01", ""],
        ["Xie", "1", "", "soon", "2026-02-30", ""],
        ["", ONE, "x" * 101, "", "2026-01-01", ""],
    )
    assert [(row, column) for row, column, _reason in found] == [
        (3, "platform"),
        (3, "uscc"),
        (3, "signed_on"),
        (3, "from_date"),
        (4, "platform"),
        (4, "contract_no"),
    ]


@pytest.mark.parametrize(
    ("kind", "row", "column"),
    [
        ("recognitions", ["xielian", "national", "2026-01-01", "2026-01-01"], "revoked_on"),
        ("connections", ["xielian", ONE, "", "", "2026-01-02", "2026-01-01"], "to_date"),
        ("devices", ["xielian", "d", ONE, "", "", "2026-01-02", "2026-01-01"], "assigned_to"),
    ],
)
def test_an_end_must_be_after_its_start(kind: KindName, row: list[str], column: str) -> None:
    """An end is exclusive, so the same day would be an empty period."""
    ((number, where, reason),) = errors_of(kind, row)
    assert (number, where) == (2, column)
    assert "2026-01-01 is not after" in reason


def test_a_device_has_an_enterprise_and_a_date_or_neither() -> None:
    """Registered but not assigned yet is a state of its own."""
    found = errors_of(
        "devices",
        ["xielian", "d1", ONE, "", "", "", ""],
        ["xielian", "d2", "", "", "", "2026-01-01", ""],
        ["xielian", "d3", "", "", "", "", "2026-01-01"],
    )
    assert [(row, column) for row, column, _reason in found] == [
        (2, "assigned_from"),
        (3, "uscc"),
        (4, "assigned_to"),
    ]


@pytest.mark.parametrize(
    ("kind", "rows", "column"),
    [
        ("platforms", (["ab", "甲", ""], ["ab", "乙", ""]), "code"),
        ("enterprises", ([ONE, "甲", "other", ""], [ONE, "甲", "other", ""]), "uscc"),
        (
            "recognitions",
            (["ab", "national", "2026-01-01", ""], ["ab", "national", "2026-01-01", "2026-02-01"]),
            "platform, level, recognised_on",
        ),
        (
            "devices",
            (["ab", "d", "", "", "", "", ""], ["ab", "d", "", "", "", "", ""]),
            "platform, serial, assigned_from",
        ),
    ],
)
def test_a_record_may_be_listed_only_once(
    kind: KindName, rows: Sequence[list[str]], column: str
) -> None:
    """Also as an exact copy: a row was copied and not edited, more likely than not."""
    assert errors_of(kind, *rows) == [(3, column, "The same as in row 2: keep one of the two.")]


def test_a_device_may_be_listed_again_with_a_further_assignment() -> None:
    """Also beside a row that only registers it."""
    assert (
        errors_of(
            "devices",
            ["ab", "d", "", "铣床", "", "", ""],
            ["ab", "d", ONE, "铣床", "", "2026-01-01", "2026-02-01"],
            ["ab", "d", TWO, "铣床", "", "2026-02-01", ""],
        )
        == []
    )


def test_rows_of_one_device_must_agree_on_what_it_is() -> None:
    """Its kind and its name are the device's, not the assignment's."""
    found = errors_of(
        "devices",
        ["ab", "d", ONE, "铣床", "一号", "2026-01-01", "2026-02-01"],
        ["ab", "e", ONE, "车床", "二号", "2026-01-01", ""],
        ["ab", "d", TWO, "车床", "", "2026-02-01", ""],
    )
    assert found == [
        (4, "kind", "Says “车床” where row 2 says “铣床” of the same platform, serial."),
        (4, "name", "Says “” where row 2 says “一号” of the same platform, serial."),
    ]


def test_unknown_references_are_reported_where_they_stand() -> None:
    """Also in a row that has another error; an empty reference is none."""
    rows, _errors = read(
        "devices",
        ["ab", "d1", ONE, "", "", "2026-01-01", ""],
        ["cd", "d2", TWO, "", "", "never", ""],
        ["ab", "d3", "", "", "", "", ""],
    )
    known = {Reference.PLATFORM: {"ab"}, Reference.ENTERPRISE: {ONE}}
    found = unknown_references(KINDS["devices"], rows, known)
    assert [(row, column, str(reason)) for row, column, reason in found] == [
        (3, "platform", "The platform cd is not registered: import it first."),
        (3, "uscc", f"The enterprise {TWO} is not registered: import it first."),
    ]


def test_a_district_outside_the_list_is_reported_with_the_list() -> None:
    """The list is the policy's."""
    rows, _errors = read("enterprises", [ONE, "甲", "荔城区", ""])
    known = {Reference.DISTRICT: {"licheng", "other"}}
    ((row, column, reason),) = unknown_references(KINDS["enterprises"], rows, known)
    assert (row, column) == (2, "district")
    assert str(reason) == "“荔城区” is none of: licheng, other."


def test_reasons_are_spoken_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason is translated when it is shown, so the file is read once for all readers."""
    ((_row, _column, reason),) = read("platforms", ["ab", "", ""])[1]
    assert str(reason) == "Is empty, but required."
    monkeypatch.setenv("JIERU_LANGUAGE", "zh")
    assert str(reason) == "必填项为空。"
