"""`jieru report`, as a user runs it: a process, no database."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.command import jieru
from tests.support.registry_files import uscc_of
from tests.support.signed_counts import a_document, signed_file

if TYPE_CHECKING:
    import subprocess


@pytest.fixture
def unknown_file(tmp_path: Path) -> Path:
    """A signed count whose key nobody vouches for."""
    path = tmp_path / "count.json"
    path.write_bytes(signed_file(a_document()))
    return path


@pytest.fixture
def count_file(unknown_file: Path) -> Path:
    """A signed count, by a trusted key."""
    key = json.loads(unknown_file.read_bytes())["public_key"]
    _trusted_keys(unknown_file).write_text(
        f'[[keys]]\nname = "工信局"\nkey = "{key}"\nvalid_from = 2020-01-01\n'
    )
    return unknown_file


def _trusted_keys(file: Path) -> Path:
    return file.with_name("trusted.toml")


def _report(
    file: Path, *options: str, report_font_path: str = ""
) -> "subprocess.CompletedProcess[str]":
    """The command, with a file of trusted keys beside the count if there is one."""
    trusted = _trusted_keys(file)
    return jieru(
        "report",
        str(file),
        *options,
        report_font_path=report_font_path,
        trusted_keys=str(trusted) if trusted.is_file() else "",
    )


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
    said = _report(count_file, "--kind", kind, "--output", str(output))
    assert (said.returncode, said.stderr) == (0, "")
    assert output.read_bytes().startswith(begins)
    assert "count 2026-1" in said.stdout


def test_an_enterprise_is_named_by_platform_and_code(count_file: Path, tmp_path: Path) -> None:
    """In the language that is asked for."""
    output = tmp_path / "report.pdf"
    options = ("--kind", "enterprise", "--language", "en", "--output", str(output))
    said = _report(count_file, *options, "--platform", "xielian", "--uscc", uscc_of(1))
    assert said.returncode == 0
    assert output.read_bytes().startswith(b"%PDF-1.7")
    missing = _report(count_file, *options)
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
    said = _report(count_file, "--kind", "csv", "--output", str(output))
    assert said.returncode == 1
    assert "do not fit together" in said.stderr
    assert output.read_text() == "earlier"


def test_nothing_is_made_of_a_file_whose_key_nobody_vouches_for(
    unknown_file: Path, tmp_path: Path
) -> None:
    """Exit code 3: the signature fits, and tells nothing."""
    output = tmp_path / "notice.pdf"
    said = _report(unknown_file, "--kind", "notice", "--output", str(output))
    assert said.returncode == 3
    assert "by a key that nobody vouches for" in said.stderr
    assert not output.exists()


def test_a_key_does_not_sign_outside_its_time(count_file: Path, tmp_path: Path) -> None:
    """Revoked before the count was frozen."""
    trusted = tmp_path / "trusted.toml"
    trusted.write_text(trusted.read_text() + "revoked_on = 2021-01-01\n")
    output = tmp_path / "notice.pdf"
    said = _report(count_file, "--kind", "notice", "--output", str(output))
    assert said.returncode == 1
    assert "or no longer" in said.stderr
    assert not output.exists()


def test_a_file_signed_by_another_key_is_refused_where_the_key_is_named(
    count_file: Path, tmp_path: Path
) -> None:
    """Anybody can sign what they changed, but not with the bureau's key."""
    other = Ed25519PrivateKey.generate().public_key()
    key = base64.b64encode(other.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    own = json.loads(count_file.read_bytes())["public_key"]
    options = ("--kind", "csv", "--output", str(tmp_path / "report.csv"), "--public-key")
    said = _report(count_file, *options, key)
    assert said.returncode == 1
    assert own in said.stderr
    assert _report(count_file, *options, own).returncode == 0


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.json", "cannot be read"), (".", "is a folder")]
)
def test_what_is_no_file_is_named(name: str, reason: str, tmp_path: Path) -> None:
    """One sentence, no traceback."""
    said = _report(tmp_path / name, "--kind", "csv", "--output", str(tmp_path / "out"))
    assert said.returncode == 1
    assert reason in said.stderr


def test_a_missing_font_is_told_with_what_to_install(count_file: Path, tmp_path: Path) -> None:
    """`JIERU_REPORT_FONT_PATH` names another folder."""
    options = ("--kind", "notice", "--output", str(tmp_path / "report.pdf"))
    said = _report(count_file, *options, report_font_path=str(tmp_path))
    assert said.returncode == 1
    assert "fonts-noto-cjk" in said.stderr
