"""The workbook, read back by another program."""

import io
import re
import zipfile
from datetime import date

import pytest
from python_calamine import CalamineWorkbook

from jieru.errors import UserError
from jieru.i18n import LANGUAGES, Language
from tests.integration.reports.conftest import HOSTILE_NAMES, make, signed_count
from tests.support.signed_counts import (
    a_document,
    a_platform_object,
    an_enterprise_object,
    signed_file,
)
from verifier.reports import SignedCount, read_signed_count
from verifier.reports.sheets import SHEETS, sheet


def _rows(
    title: str, language: Language = "en", signed: SignedCount | None = None
) -> list[list[object]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(make("workbook", language, signed)))
    return [list(row) for row in book.get_sheet_by_name(title).to_python()]


def _part(content: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name).decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheets_are_the_tables_under_their_names(language: Language) -> None:
    """The first one says which count it is."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(make("workbook", language)))
    signed = signed_count()
    assert book.sheet_names == [sheet(name, signed, language).title for name in SHEETS]


def test_every_cell_reads_back_as_it_was() -> None:
    """Text is text, a number is a number, a date is a date, nothing is nothing."""
    table = sheet("determinations", signed_count(), "en")
    expected = [["" if value is None else value for value in row] for row in table.rows()]
    title, *found = _rows("Determinations")
    assert title == [column.title for column in table.columns]
    assert found == expected
    assert any(isinstance(value, date) for value in found[0])


def test_a_name_that_begins_like_a_formula_is_text() -> None:
    """No cell of any sheet is a formula."""
    names = [row[3] for row in _rows("Determinations")[1 : 1 + len(HOSTILE_NAMES)]]
    assert names == list(HOSTILE_NAMES)
    content = make("workbook")
    for number in range(1, 1 + len(SHEETS)):
        assert "<f>" not in _part(content, f"xl/worksheets/sheet{number}.xml")


def test_the_first_sheet_says_where_the_figures_come_from() -> None:
    """Count, policy, cut-off, digest, public key, and the mark of a simulation first."""
    signed = signed_count(simulation=True)
    rows = {row[0]: row[1] for row in _rows("About this count", "en", signed)[1:]}
    assert str(rows["Mark"]).startswith("SIMULATED DATA")
    assert rows["Count number"] == "2026-1"
    assert rows["SHA-256 of the policy"] == signed.document.policy_sha256
    assert rows["Evidence until"] == "5 April 2027"
    assert rows["Digest (SHA-256)"] == signed.digest
    assert rows["Public key (Ed25519)"] == signed.public_key


def test_every_printed_page_of_a_simulation_is_marked() -> None:
    """A sheet printed by itself may not pass for evidence."""
    content = make("workbook", "zh", signed_count(simulation=True))
    for number in range(1, 1 + len(SHEETS)):
        assert "【模拟数据】" in _part(content, f"xl/worksheets/sheet{number}.xml")


def test_a_sheet_has_a_frozen_head_and_a_filter_over_all_rows() -> None:
    """Ten thousand rows are worked with, not only read."""
    xml = _part(make("workbook"), f"xl/worksheets/sheet{1 + SHEETS.index('determinations')}.xml")
    assert 'state="frozen"' in xml
    assert re.search(r'<autoFilter ref="A1:N25"/>', xml)


def test_the_same_count_gives_the_same_bytes() -> None:
    """The only date in the file is that of the freezing."""
    assert make("workbook") == make("workbook")
    assert "2027-04-06T02:00:00Z" in _part(make("workbook"), "docProps/core.xml")


def test_a_text_longer_than_a_cell_is_cut_and_says_so() -> None:
    """A cell takes 32,767 UTF-16 units; the writer would leave a longer one out."""
    enterprise = an_enterprise_object(name="\U00020bb7" * 20_000)
    signed = read_signed_count(
        signed_file(a_document([a_platform_object(enterprises=[enterprise])]))
    )
    name = str(_rows("Determinations", "en", signed)[1][3])
    assert name == "\U00020bb7" * 16_383 + "…"


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows left out in silence would be enterprises left out."""
    monkeypatch.setattr("verifier.reports.workbook._ROWS_MAX", 10)
    with pytest.raises(UserError, match="CSV"):
        make("workbook")
