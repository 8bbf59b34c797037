"""`jieru report`, as a user runs it: a process, no database."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.command import jieru
from tests.support.registry_files import uscc_of
from tests.support.signed_counts import a_document, signed_file


@pytest.fixture
def count_file(tmp_path: Path) -> Path:
    """A signed count."""
    path = tmp_path / "count.json"
    path.write_bytes(signed_file(a_document()))
    return path


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("notice", b"%PDF-1.7"),
        ("approval", b"%PDF-1.7"),
        ("workbook", b"PK\x03\x04"),
        ("csv", b"\xef\xbb\xbf"),
        ("json", b"{\n"),
    ],
)
def test_a_report_is_written_without_a_database(
    kind: str, begins: bytes, count_file: Path, tmp_path: Path
) -> None:
    """Whoever has the file has the report."""
    output = tmp_path / "report"
    said = jieru("report", str(count_file), "--kind", kind, "--output", str(output))
    assert (said.returncode, said.stderr) == (0, "")
    assert output.read_bytes().startswith(begins)
    assert "count 2026-1" in said.stdout


def test_an_enterprise_is_named_by_platform_and_code(count_file: Path, tmp_path: Path) -> None:
    """In the language that is asked for."""
    output = tmp_path / "report.pdf"
    options = ("--kind", "enterprise", "--language", "en", "--output", str(output))
    said = jieru("report", str(count_file), *options, "--platform", "xielian", "--uscc", uscc_of(1))
    assert said.returncode == 0
    assert output.read_bytes().startswith(b"%PDF-1.7")
    missing = jieru("report", str(count_file), *options)
    assert missing.returncode == 1
    assert "Name the enterprise" in missing.stderr


def _changed(content: bytes) -> bytes:
    signed = json.loads(content)
    signed["document"]["platforms"][0]["award_yuan"] = 150_000
    return json.dumps(signed, ensure_ascii=False).encode()


def _changed_with_its_digest(content: bytes) -> bytes:
    changed = json.loads(_changed(content))
    signature = json.loads(content)["signature"]
    return json.dumps(
        {**json.loads(signed_file(changed["document"])), "signature": signature}
    ).encode()


def _other_digest(content: bytes) -> bytes:
    return json.dumps({**json.loads(content), "digest": "0" * 64}).encode()


@pytest.mark.parametrize("tamper", [_changed, _changed_with_its_digest, _other_digest])
def test_a_file_that_was_changed_is_refused(
    tamper: Callable[[bytes], bytes], count_file: Path, tmp_path: Path
) -> None:
    """No report is made of it, and an earlier one stays."""
    count_file.write_bytes(tamper(count_file.read_bytes()))
    output = tmp_path / "report.csv"
    output.write_text("earlier")
    said = jieru("report", str(count_file), "--kind", "csv", "--output", str(output))
    assert said.returncode == 1
    assert "do not fit together" in said.stderr
    assert output.read_text() == "earlier"


def test_a_file_signed_by_another_key_is_refused_where_the_key_is_named(
    count_file: Path, tmp_path: Path
) -> None:
    """Anybody can sign what they changed, but not with the bureau's key."""
    other = Ed25519PrivateKey.generate().public_key()
    key = base64.b64encode(other.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    own = json.loads(count_file.read_bytes())["public_key"]
    options = ("--kind", "csv", "--output", str(tmp_path / "report.csv"), "--public-key")
    said = jieru("report", str(count_file), *options, key)
    assert said.returncode == 1
    assert own in said.stderr
    assert jieru("report", str(count_file), *options, own).returncode == 0


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_what_is_no_file_is_named(name: str, tmp_path: Path) -> None:
    """One sentence, no traceback."""
    said = jieru("report", str(tmp_path / name), "--kind", "csv", "--output", str(tmp_path / "out"))
    assert said.returncode == 1
    assert "cannot be read" in said.stderr


def test_a_missing_font_is_told_with_what_to_install(count_file: Path, tmp_path: Path) -> None:
    """`JIERU_REPORT_FONT_PATH` names another folder."""
    options = ("--kind", "notice", "--output", str(tmp_path / "report.pdf"))
    said = jieru("report", str(count_file), *options, report_font_path=str(tmp_path))
    assert said.returncode == 1
    assert "fonts-noto-cjk" in said.stderr
