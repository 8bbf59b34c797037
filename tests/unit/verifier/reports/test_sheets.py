"""The tables of a count, and the CSV and JSON files made of them."""

import csv
import io
import json

import pytest

from jieru.i18n import Language
from tests.support.registry_files import uscc_of
from tests.support.signed_counts import (
    a_decision_object,
    a_document,
    a_platform_object,
    an_enterprise_object,
    signed_file,
)
from verifier.reports import SHEETS, SheetName, SignedCount, read_signed_count
from verifier.reports.provenance import overrides
from verifier.reports.sheets import sheet
from verifier.reports.speech import Speech
from verifier.reports.tables import csv_table, json_tables

_HOSTILE = ["=1+1", '#panic("x")', '引号"与,逗号', "换行\n第二行", "＝cmd|' /C calc'!A0"]


def _signed(**changes: object) -> SignedCount:
    enterprises = [an_enterprise_object(number, name=name) for number, name in enumerate(_HOSTILE)]
    excluded = an_enterprise_object(
        9, outcome="excluded", reasons=["not_excluded"], decisions=[a_decision_object()]
    )
    platform = a_platform_object(enterprises=[*enterprises, excluded])
    return read_signed_count(signed_file(a_document([platform], **changes)))


def _csv(name: SheetName, language: Language = "en", **changes: object) -> list[dict[str, str]]:
    content = csv_table(_signed(**changes), name, language)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("name", SHEETS)
def test_every_row_has_a_cell_for_every_column(name: SheetName) -> None:
    """A shifted row would put an amount under another title."""
    table = sheet(name, _signed(), "zh")
    assert {len(row) for row in table.rows()} == {len(table.columns)}
    assert len({column.key for column in table.columns}) == len(table.columns)
    assert len({column.title for column in table.columns}) == len(table.columns)


@pytest.mark.parametrize("name", SHEETS)
def test_a_table_is_named_in_its_language(name: SheetName) -> None:
    """Its sheet's name has room in a workbook (31 characters)."""
    titles = {sheet(name, _signed(), "zh").title, sheet(name, _signed(), "en").title}
    assert len(titles) == 2
    assert max(map(len, titles)) <= 31


@pytest.mark.parametrize(
    "content", ['{"kind":"override"}', '{"kind":"propose_override","objection":[1]}', "[]", "x"]
)
def test_a_statement_that_says_too_little_is_no_crash(content: str) -> None:
    """What is missing is a question mark."""
    file = json.loads(signed_file(a_document([a_platform_object(enterprises=[])])))
    file["statements"] = [
        {"content": content, "public_key": file["public_key"], "signature": file["signature"]}
    ]
    signed = read_signed_count(json.dumps(file).encode())
    said = [value for _title, value in overrides(signed, Speech("en", signed.document))]
    is_override = content == '{"kind":"override"}'
    assert said == ["Objection ?: ? (proposed by ?, confirmed by ?)"] * is_override


def test_the_payment_ends_in_the_count_s_total() -> None:
    """One row for each line of an award, then their sum."""
    rows = list(sheet("payment", _signed(), "en").rows())
    assert rows == [
        ("xielian", "鞋联工业互联网平台", uscc_of(900), "1.2", 5, 50_000, 50_000),
        ("Total", None, None, None, None, None, 50_000),
    ]


def test_exclusions_are_those_that_do_not_count_with_who_decided() -> None:
    """Whoever is left out can be told why."""
    ((*_who, outcome, reasons, decisions),) = sheet("exclusions", _signed(), "zh").rows()
    assert (outcome, reasons) == ("排除", "被裁定排除")
    assert decisions == "第 1 号 排除：现场核查未见设备（林核查，2027年1月5日 09:30）"


def test_devices_are_listed_one_by_one() -> None:
    """Three of each counted enterprise."""
    assert len(list(sheet("devices", _signed(), "zh").rows())) == 3 * len(_HOSTILE)


def test_a_csv_file_reads_back_as_it_was_written() -> None:
    """Quotes, commas and line breaks too; a formula is behind an apostrophe."""
    names = [row["Enterprise"] for row in _csv("determinations")][: len(_HOSTILE)]
    assert names == ["'=1+1", *_HOSTILE[1:4], f"'{_HOSTILE[4]}"]


def test_a_csv_file_begins_with_the_mark_that_spreadsheets_need() -> None:
    """UTF-8 with a byte order mark, lines ended as RFC 4180 has it."""
    content = csv_table(_signed(), "payment", "zh")
    assert content.startswith(b"\xef\xbb\xbf" + "平台代码,平台,".encode())
    assert content.endswith(b"\r\n")


def test_each_row_of_a_csv_file_names_its_count() -> None:
    """A row is easily parted from its file; dates and numbers are for programs."""
    signed = _signed(simulation=True)
    row = _csv("determinations", simulation=True)[0]
    assert row["Count number"] == "2026-1"
    assert row["Digest (SHA-256)"] == signed.digest
    assert row["Evidence until"] == "2027-04-05"
    assert row["Mark"].startswith("SIMULATED DATA")
    assert (row["Connected on"], row["Active days"]) == ("2026-03-02", "78")


def test_json_holds_the_same_tables() -> None:
    """With the keys of the columns, whatever the language."""
    found = json.loads(json_tables(_signed(), "zh"))
    assert [table["name"] for table in found["tables"]] == list(SHEETS)
    determinations = found["tables"][SHEETS.index("determinations")]["rows"]
    assert [row["name"] for row in determinations][: len(_HOSTILE)] == _HOSTILE
    assert determinations[0]["connected_on"] == "2026-03-02"
    assert determinations[0]["window_active_days"] == 78
    assert (found["simulation"], found["mark"]) == (False, "")


def test_the_same_count_gives_the_same_bytes() -> None:
    """A report can be compared with one made years before."""
    assert csv_table(_signed(), "devices", "zh") == csv_table(_signed(), "devices", "zh")
    assert json_tables(_signed(), "en") == json_tables(_signed(), "en")


def test_a_note_is_told_in_the_language_of_the_report() -> None:
    """The document keeps it untranslated, with its values."""
    template = "The evidence ends on {as_of}, before {year} began."
    values = {"as_of": "2025-12-01", "year": 2026}
    notice = {
        "code": "before_the_year",
        "message": template.format(**values),
        "template": template,
        "values": values,
    }
    rows = list(sheet("about", _signed(notices=[notice]), "zh").rows())
    assert rows[-1] == ("提示", "证据截至 2025-12-01，2026 年度尚未开始。")
