"""Signed counts, their reports, and the programs that open them."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from jieru.i18n import Language
from tests.support.debian_packages import ensure_debian_packages
from tests.support.signed_counts import (
    a_decision_object,
    a_document,
    a_platform_object,
    an_enterprise_object,
    signed_file,
)
from tests.support.verapdf import fetch_verapdf
from verifier.reports import Report, ReportKind, SignedCount, make_report, read_signed_count

__all__ = ["HOSTILE_NAMES", "Make", "make", "pdf_text", "signed_count"]

HOSTILE_NAMES: Final = (
    '#panic("x")',
    "$x^2$ *bold* _under_ <label> @ref",
    "[bracket] `raw` // comment",
    "=1+1",
    "\\u{41} \\ & % ~ {{ }}",
    "“引号”《书名》「括号」",
)

Make = Callable[..., Report]


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    """The font of the reports, and what opens PDF files."""
    ensure_debian_packages("fonts-noto-cjk", "poppler-utils", "qpdf")


@pytest.fixture(scope="session")
def verapdf_jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of veraPDF."""
    return fetch_verapdf(tmp_path_factory.mktemp("verapdf"))


def signed_count(**changes: object) -> SignedCount:
    """Two platforms: one with strange names and an exclusion, one past the cap."""
    strange = [an_enterprise_object(number, name=name) for number, name in enumerate(HOSTILE_NAMES)]
    excluded = an_enterprise_object(
        50,
        name="未计入精密制造有限公司",
        outcome="excluded",
        reasons=["not_excluded"],
        decisions=[a_decision_object()],
    )
    capped = [an_enterprise_object(number) for number in range(100, 117)]
    platforms = [
        a_platform_object("xielian", [*strange, excluded]),
        a_platform_object("huaxin", capped, name="华鑫智造工业互联网平台"),
    ]
    return read_signed_count(signed_file(a_document(platforms, **changes)))


def make(
    kind: ReportKind, language: Language = "zh", signed: SignedCount | None = None, **options: str
) -> bytes:
    """One report of that count."""
    return make_report(signed or signed_count(), kind, language, **options).content  # type: ignore[arg-type]


def pdf_text(path: Path, *, page: int | None = None) -> str:
    """What a reader copies out of a PDF, in the order of the page."""
    pages = [] if page is None else ["-f", str(page), "-l", str(page)]
    said = subprocess.run(
        ["pdftotext", "-layout", *pages, str(path), "-"], capture_output=True, check=True
    )
    return said.stdout.decode()
