"""The PDF reports, as other programs open them."""

import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import pytest

from jieru.errors import UserError
from jieru.i18n import LANGUAGES, Language
from tests.integration.reports.conftest import HOSTILE_NAMES, make, pdf_text, signed_count
from tests.support.registry_files import uscc_of
from tests.support.signed_counts import (
    a_document,
    a_platform_object,
    an_enterprise_object,
    signed_file,
)
from tests.support.verapdf import verapdf
from verifier.reports import KINDS, ReportKind, SignedCount, read_signed_count
from verifier.reports.fonts import report_fonts
from verifier.reports.letter import QuestionLetter, letter_pdf
from verifier.reports.typesetting import Template

_PDFS: tuple[ReportKind, ...] = tuple(kind for kind in KINDS if kind in get_args(Template))
_LETTER = QuestionLetter(
    contact_name="林海",
    postal_address="莆田市荔城区镇海街道 8 号",
    platform_name="协联工业互联网平台",
    enterprise_name=HOSTILE_NAMES[0],
    uscc=uscc_of(1),
    contract_no="XL-2026-017",
    from_date=date(2026, 3, 2),
    asked_at=datetime(2026, 3, 3, 1, tzinfo=UTC),
    expires_at=datetime(2026, 4, 2, 1, tzinfo=UTC),
    code="ABCD-EFGH-JKMN-PQRS-TVWX",
    page="https://jieru.example/confirm",
    link="https://jieru.example/confirm/abc",
)


def _pdf(
    folder: Path,
    kind: ReportKind,
    language: Language = "zh",
    signed: SignedCount | None = None,
    number: int = 0,
) -> Path:
    options = {"platform": "xielian", "uscc": uscc_of(number)} if kind == "enterprise" else {}
    path = folder / f"{kind}-{language}.pdf"
    path.write_bytes(make(kind, language, signed, **options))
    return path


def _one_enterprise(**changes: object) -> SignedCount:
    platform = a_platform_object(enterprises=[an_enterprise_object(0, **changes)])
    return read_signed_count(signed_file(a_document([platform])))


def test_the_reference_validator_finds_pdf_a_2b(tmp_path: Path, verapdf_jars: Path) -> None:
    """All three reports and the letter, in both languages, of a simulation and not."""
    simulated = signed_count(simulation=True)
    files = [_pdf(tmp_path, kind, language) for kind in _PDFS for language in LANGUAGES]
    (tmp_path / "simulated").mkdir()
    files += [_pdf(tmp_path / "simulated", kind, "zh", simulated) for kind in _PDFS]
    for language in LANGUAGES:
        files.append(tmp_path / f"letter-{language}.pdf")
        fonts = report_fonts()
        files[-1].write_bytes(letter_pdf(_LETTER, language, fonts, is_simulation=language == "en"))
    assert verapdf(verapdf_jars, *files) == [f"PASS {path} 2b" for path in files]


def test_the_validator_refuses_what_is_no_pdf_a(tmp_path: Path, verapdf_jars: Path) -> None:
    """The check above could fail: the same file without its claim does."""
    path = _pdf(tmp_path, "approval")
    path.write_bytes(path.read_bytes().replace(b"pdfaid:part", b"pdfaid:prat"))
    assert verapdf(verapdf_jars, path)[0] == f"FAIL {path} 2b"


@pytest.mark.parametrize("kind", _PDFS)
def test_a_pdf_says_that_it_is_pdf_a_2b_and_is_well_formed(
    kind: ReportKind, tmp_path: Path
) -> None:
    """In its metadata (XMP); qpdf finds no fault in its structure."""
    path = _pdf(tmp_path, kind)
    metadata = path.read_bytes().decode("latin-1")
    assert "<pdfaid:part>2</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    subprocess.run(["qpdf", "--check", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize("kind", _PDFS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_count_gives_the_same_bytes(
    kind: ReportKind, language: Language, tmp_path: Path
) -> None:
    """In another process too: the only date in the file is that of the freezing."""
    (tmp_path / "again").mkdir()
    first = _pdf(tmp_path, kind, language).read_bytes()
    assert first == _pdf(tmp_path / "again", kind, language).read_bytes()
    assert b"D:20270406020000" in first


def test_hostile_names_are_text_in_the_notice(tmp_path: Path) -> None:
    """Markup, code and formulas of a name are printed as they were registered."""
    text = pdf_text(_pdf(tmp_path, "notice"))
    for name in HOSTILE_NAMES:
        assert name in text


def test_the_notice_shows_awards_and_counted_enterprises_and_nobody_else(tmp_path: Path) -> None:
    """Whoever is not counted is not named in public, nor why."""
    text = pdf_text(_pdf(tmp_path, "notice"))
    assert "2026 年度工业互联网平台新接入企业数及奖励核定结果公示" in text
    assert re.search(r"华鑫智造工业互联网平台 +\w{18} +1\.2 +17 +150,000", text)
    assert re.search(r"合计 +210,000", text)
    assert re.search(rf"莆田市第100机械有限公司 +{uscc_of(100)} +荔城区 +2026年3月2日", text)
    assert "未计入精密制造有限公司" not in text
    assert "现场核查未见设备" not in text
    assert uscc_of(50) not in text


def test_the_approval_sheet_has_the_total_in_capitals_signatures_and_seals(tmp_path: Path) -> None:
    """Lines by clause with the cap, the budget, three names and a place for two seals."""
    text = pdf_text(_pdf(tmp_path, "approval"))
    assert re.search(r"华鑫智造工业互联网平台 +\w{18} +1\.2 +17 +170,000 +150,000 +150,000", text)
    assert re.search(r"合计（大写） +贰拾壹万元整", text)
    assert "2.10%，剩余 9,790,000 元" in text
    for words in ("制表人", "复核人", "核定人", "工信部门", "财政部门", "（盖章处）"):
        assert words in text


def test_an_award_above_the_budget_says_so(tmp_path: Path) -> None:
    """The rest comes from elsewhere, and finance must know how much."""
    text = pdf_text(_pdf(tmp_path, "approval", "en", signed_count(budget_yuan=150_000)))
    assert "140.00%; 60,000 yuan above the budget" in text


def test_the_determination_measures_each_criterion_against_what_is_required(
    tmp_path: Path,
) -> None:
    """With its clause, the devices, and the digest of the presence."""
    text = pdf_text(_pdf(tmp_path, "enterprise", "en"))
    assert "2 March 2026 to 30 May 2026; 78 active days, longest gap 1 days" in text
    assert re.search(r"Active days in the window +78 +at least 60 +yes +1\.2 +decision", text)
    assert re.search(
        r"Platform recognised +municipal on 2 March 2026 +municipal or above +yes +1\.2", text
    )
    assert re.search(r"CNC-003 +3号数控机床 +cnc +from 1 January 2026 +78", text)
    assert signed_count().document.platforms[0].enterprises[0].presence_sha256 in text


def test_the_determination_of_an_excluded_enterprise_tells_the_decision(tmp_path: Path) -> None:
    """Who decided, when, and why."""
    text = pdf_text(_pdf(tmp_path, "enterprise", "zh", number=50))
    assert "第 1 号 排除：现场核查未见设备（林核查，2027年1月5日 09:30）" in text


@pytest.mark.parametrize("kind", _PDFS)
def test_every_page_is_footed_with_the_count_it_shows(kind: ReportKind, tmp_path: Path) -> None:
    """Count, version of the policy, cut-off, digest, number of the page."""
    signed = signed_count()
    path = _pdf(tmp_path, kind, "en", signed)
    pages = pdf_text(path).split("\f")[:-1]
    sha256 = signed.document.policy_sha256[:12]
    for number, text in enumerate(pages, 1):
        assert "Count 2026-1 | policy putian-2026, " in text
        assert f"SHA-256 {sha256} | evidence until 5 April 2027" in text
        assert f"Digest {signed.digest}" in text
        assert f"Page {number} of {len(pages)}" in text
        assert "SIMULATED" not in text
    assert signed.public_key in pdf_text(path)


@pytest.mark.parametrize("kind", _PDFS)
def test_every_page_of_a_simulation_is_marked(kind: ReportKind, tmp_path: Path) -> None:
    """In words at its head and across it."""
    path = _pdf(tmp_path, kind, "zh", signed_count(simulation=True))
    for text in pdf_text(path).split("\f")[:-1]:
        assert "【模拟数据】本核定为模拟" in text


def test_no_text_runs_out_of_its_column(tmp_path: Path) -> None:
    """A name without any place to break it stays on the page."""
    path = _pdf(tmp_path, "enterprise", "zh", _one_enterprise(name="A" * 300))
    subprocess.run(["pdftotext", "-bbox", str(path), str(tmp_path / "boxes.html")], check=True)
    boxes = (tmp_path / "boxes.html").read_text(encoding="utf-8")
    edges = [float(edge) for edge in re.findall(r'xMax="([0-9.]+)"', boxes)]
    right_margin = 595.28 - 20 / 25.4 * 72
    assert max(edges) <= right_margin


def test_a_character_that_no_font_has_is_told_by_its_number(tmp_path: Path) -> None:
    """Nothing is lost, and nothing that turns the writing round can hide."""
    name = "福建\U0002a6d6\u202e厂\x07😀"
    text = pdf_text(_pdf(tmp_path, "enterprise", "zh", _one_enterprise(name=name)))
    assert "福建[U+2A6D6][U+202E]厂[U+0007][U+1F600]" in text


def test_a_rare_character_of_a_name_is_printed(tmp_path: Path) -> None:
    """Names of people and places hold characters outside the basic plane."""
    text = pdf_text(_pdf(tmp_path, "enterprise", "zh", _one_enterprise(name="李𠮷机械厂")))
    assert "李𠮷机械厂" in text


def test_the_first_page_is_not_blank(tmp_path: Path) -> None:
    """Rendered by another program, it has ink in the head, the table and the foot."""
    path = _pdf(tmp_path, "approval")
    subprocess.run(
        ["pdftoppm", "-r", "40", "-gray", "-singlefile", str(path), str(tmp_path / "page")],
        check=True,
    )
    header, pixels = (tmp_path / "page.pgm").read_bytes().split(b"\n255\n", 1)
    width, height = map(int, header.split()[1:3])
    for first, last in ((0.06, 0.12), (0.2, 0.4), (0.92, 0.97)):
        band = pixels[int(first * height) * width : int(last * height) * width]
        assert min(band) < 160


def test_without_a_font_for_chinese_the_message_says_what_to_install(tmp_path: Path) -> None:
    """A report in boxes would be worse than none."""
    with pytest.raises(UserError, match="fonts-noto-cjk"):
        report_fonts(str(tmp_path))
