"""Signed files: genuine, tampered with in every way, or signed by somebody else."""

import base64
import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from jieru.errors import UserError
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.signing import (
    Finding,
    SigningKey,
    check_signed_file,
    load_signing_key,
    new_signing_key,
    parse_public_key,
    signed_file,
)

_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
_OTHER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))
_DOCUMENT: dict[str, Any] = {"count_id": "2026-1", "total_yuan": 120_000, "name": "莆田"}


def _file(key: SigningKey = _KEY) -> dict[str, Any]:
    signature = key.sign(canonical_bytes(_DOCUMENT))
    content = signed_file(_DOCUMENT, sha256_of(_DOCUMENT), signature, key.public_key)
    found: dict[str, Any] = json.loads(content)
    return found


def _finding(file: dict[str, Any], expected: bytes | None = None) -> Finding:
    return check_signed_file(json.dumps(file, indent=3).encode(), expected).finding


def test_a_genuine_file_is_valid_however_it_is_laid_out() -> None:
    """The signature is over the canonical bytes, not over those of the file."""
    assert _finding(_file()) is Finding.VALID
    assert _finding(_file(), _KEY.public_key) is Finding.VALID


def test_ways_of_tampering_are_told_apart() -> None:
    """What was changed: the document, the digest, the signature, or whose key it is."""
    changed = {**_file(), "document": {**_DOCUMENT, "total_yuan": 130_000}}
    assert _finding(changed) is Finding.DOCUMENT_CHANGED
    assert _finding({**_file(), "digest": "0" * 64}) is Finding.DIGEST_CHANGED
    redigested = {**changed, "digest": sha256_of(changed["document"])}
    assert _finding(redigested) is Finding.SIGNATURE_WRONG
    assert _finding({**_file(), "signature": _file(_OTHER)["signature"]}) is Finding.SIGNATURE_WRONG
    assert _finding({**_file(), "public_key": _file(_OTHER)["public_key"]}) is (
        Finding.SIGNATURE_WRONG
    )
    assert _finding(_file(_OTHER), _KEY.public_key) is Finding.OTHER_KEY


@given(st.data())
def test_no_byte_of_the_document_can_be_changed(data: st.DataObject) -> None:
    """Whatever is put there, the file is not valid, or no signed count at all."""
    content = canonical_bytes(_file())
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != content[place]))
    tampered = content[:place] + bytes([byte]) + content[place + 1 :]
    with suppress(UserError):
        assert check_signed_file(tampered, _KEY.public_key).finding is not Finding.VALID


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"document":{}}',
        b'{"document":1,"digest":"","signature":"","public_key":""}',
        b'{"document":{},"digest":1,"signature":"","public_key":""}',
        b'{"document":{},"digest":"","signature":"?","public_key":""}',
        b'{"document":{},"digest":"","signature":"AB==","public_key":""}',
        b'{"document":{"a":0.5},"digest":"","signature":"","public_key":""}',
    ],
)
def test_what_is_no_signed_count_is_refused_in_one_sentence(content: bytes) -> None:
    """Whatever it is instead."""
    with pytest.raises(UserError):
        check_signed_file(content)


def test_a_document_of_half_characters_is_refused() -> None:
    """It has no canonical bytes that could be signed."""
    file = {**_file(), "document": {"name": "\ud800"}}
    with pytest.raises(UserError):
        check_signed_file(json.dumps(file).encode())


def test_a_new_key_is_its_owner_s_alone_and_is_never_written_over(tmp_path: Path) -> None:
    """Mode 0600; what it signs can be checked with the key that is loaded."""
    path = tmp_path / "count.pem"
    made = new_signing_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_signing_key(str(path)).public_key == made.public_key
    with pytest.raises(UserError):
        new_signing_key(path)
    assert load_signing_key(str(path)).public_key == made.public_key
    with pytest.raises(UserError):
        new_signing_key(tmp_path / "nowhere" / "count.pem")


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    """No file, no key in it, or a key of another kind."""
    path = tmp_path / "key.pem"
    for setting in ("", str(path), str(tmp_path)):
        with pytest.raises(UserError):
            load_signing_key(setting)
    path.write_text("no key")
    with pytest.raises(UserError, match=r"key\.pem"):
        load_signing_key(str(path))
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(UserError, match=r"key\.pem"):
        load_signing_key(str(path))


def test_a_public_key_is_given_as_text_or_as_a_file(tmp_path: Path) -> None:
    """As it is printed."""
    text = base64.b64encode(_KEY.public_key).decode()
    path = tmp_path / "public.txt"
    path.write_text(text + "\n")
    assert parse_public_key(text) == parse_public_key(str(path)) == _KEY.public_key
    for wrong in ("", "abcd", str(tmp_path), str(tmp_path / "none"), "ü"):
        with pytest.raises(UserError):
            parse_public_key(wrong)
