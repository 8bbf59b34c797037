"""Signed files that somebody made up, and those that two keys of the bureau signed."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from command.check_signature import command
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.signing import SignedStatement, SigningKey, signed_file

_KEY: Final = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
_NEXT: Final = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1"))
_DOCUMENT: Final = {"count_id": "2026-1", "frozen_at": "2027-05-06T01:00:00+00:00"}
_DIGEST: Final = sha256_of(dict(_DOCUMENT))
_PAYMENT: Final = {
    "kind": "pay",
    "by": "zhao",
    "at": "2027-06-01T01:00:00+00:00",
    "amount_yuan": 10_000,
    "payee_name": "甲",
    "payee_uscc": "9",
    "clause": "1.2",
    "reference": "1",
    "paid_on": "d",
}


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _statement(says: object, key: SigningKey = _KEY) -> SignedStatement:
    if isinstance(says, dict):
        belongs = {"count_id": "2026-1", "digest": _DIGEST, "number": 1, "previous": None}
        says = {**belongs, **says}
    content = canonical_bytes(says)
    return SignedStatement(content.decode(), key.sign(content), key.public_key)


def _checked(folder: Path, statements: Sequence[SignedStatement], *options: str) -> Result:
    document = dict(_DOCUMENT)
    signature = _KEY.sign(canonical_bytes(document))
    file = folder / "count.json"
    file.write_bytes(signed_file(document, _DIGEST, signature, _KEY.public_key, statements))
    return CliRunner().invoke(command, [str(file), *options])


def _text(key: SigningKey) -> str:
    return base64.b64encode(key.public_key).decode()


@pytest.mark.parametrize(
    "says",
    [
        {"kind": "pay"},
        {"kind": "publish"},
        {"kind": "pay", "amount_yuan": "much", "payee_name": [], "at": "2027-06-01T01:00:00Z"},
        {"kind": "pay", "at": "2027-06-01T01:00:00"},
        {"kind": "pay", "at": "9999-12-31T23:59:59+00:00"},
        {"kind": ""},
        {"kind": ["pay"], "number": {}},
        [],
        "pay",
    ],
)
@pytest.mark.parametrize("options", [(), ("--public-key", _text(_KEY))])
def test_a_statement_that_says_too_little_is_no_crash(
    tmp_path: Path, says: object, options: tuple[str, ...]
) -> None:
    """Whoever signs by a key of his own writes what he likes."""
    done = _checked(tmp_path, [_statement(says)], *options)
    assert isinstance(done.exception, SystemExit | None)
    assert "Content-Type" not in done.output


def test_what_a_statement_does_not_say_is_a_question_mark(tmp_path: Path) -> None:
    """The rest of it is shown."""
    says = {name: value for name, value in _PAYMENT.items() if name != "payee_uscc"}
    done = _checked(tmp_path, [_statement(says)])
    assert done.exit_code == 3
    assert "10,000 yuan to 甲 (?) under clause 1.2" in done.output


def test_statements_may_be_signed_by_another_listed_key(tmp_path: Path) -> None:
    """The key that is given signed the document; that of the next year signed what came later."""
    statements = [_statement(_PAYMENT, _NEXT)]
    listed = tmp_path / "trusted.toml"
    listed.write_text(
        f'[[keys]]\nname = "局"\nkey = {json.dumps(_text(_NEXT))}\nvalid_from = 2027-05-20\n',
        encoding="utf-8",
    )
    given = ("--public-key", _text(_KEY))
    alone = _checked(tmp_path, statements, *given)
    assert (alone.exit_code, "nobody vouches for" in alone.output) == (1, True)
    both = _checked(tmp_path, statements, *given, "--trusted-keys", str(listed))
    assert (both.exit_code, "10,000 yuan to 甲" in both.output) == (0, True)
