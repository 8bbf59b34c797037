"""Signatures of frozen counts: Ed25519 over a document's canonical bytes. No database, no settings.

A signed file is JSON: `document`, `digest` (SHA-256 of its canonical bytes), `signature` over the
same bytes and `public_key`, the last two in base64; and, once the count was published, the signed
`statements` of what was done with it since, each with `content` (a text: the bytes that are signed,
in UTF-8), `signature` and `public_key`.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from jieru.errors import UserError
from verifier.procedure.canonical import CanonicalError, canonical_bytes, parse_json

__all__ = [
    "CheckedFile",
    "Finding",
    "SignedStatement",
    "SigningKey",
    "check_signed_file",
    "is_signed",
    "load_signing_key",
    "new_signing_key",
    "parse_public_key",
    "signed_file",
    "signed_file_around",
]

_KEYS: Final = ("document", "digest", "signature", "public_key")
_STATEMENTS: Final = "statements"
_STATEMENT_KEYS: Final = frozenset({"content", "signature", "public_key"})
_PUBLIC_KEY_BYTES: Final = 32


class Finding(StrEnum):
    """What a check of a signed file found; all but the first are faults."""

    VALID = "valid"
    DOCUMENT_CHANGED = "document_changed"
    """Neither digest nor signature fits the document."""
    DIGEST_CHANGED = "digest_changed"
    """The signature fits the document, the digest beside it does not."""
    SIGNATURE_WRONG = "signature_wrong"
    """The digest fits, the signature is not that of the key in the file."""
    OTHER_KEY = "other_key"
    """All fits together, but another key signed it than the one that was expected."""


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """One signed statement of what was done with a frozen count; `statements` says of its form."""

    content: str
    """The very bytes that are signed, as UTF-8 reads them."""
    signature: bytes
    public_key: bytes

    @property
    def key_text(self) -> str:
        """The public key as people compare it, in base64."""
        return base64.b64encode(self.public_key).decode()


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A signed file and what the check found."""

    finding: Finding
    document: dict[str, Any]
    digest: str
    """Of the document as it is in the file."""
    public_key: bytes
    """The file's own."""
    statements: tuple[SignedStatement, ...] = ()
    """Of what was done with the count since; not verified (`statements.chain_faults`)."""

    @property
    def key_text(self) -> str:
        """The public key as people compare it, in base64."""
        return base64.b64encode(self.public_key).decode()


class SigningKey:
    """A private key, and what it makes."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Sign with this key."""
        self._key = key

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that everybody may know."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, content: bytes) -> bytes:
        """The 64 bytes of a signature."""
        return self._key.sign(content)


def new_signing_key(path: Path) -> SigningKey:
    """Make a key and keep it in a file that only its owner may read.

    Raises:
        UserError: there is a file already, or it cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UserError(
            "{file} exists already: a signing key is never written over.", file=path
        ) from None
    except OSError as error:
        raise UserError(
            "{file} cannot be written: {reason}.", file=path, reason=error.strerror
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:  # half a key, which nobody could write over
        with suppress(OSError):
            path.unlink()
        raise UserError(
            "{file} cannot be written: {reason}.", file=path, reason=error.strerror
        ) from None
    return SigningKey(key)


def load_signing_key(path: str) -> SigningKey:
    """The key in a file.

    Args:
        path: empty where no key is set.

    Raises:
        UserError: there is none, or the file holds no Ed25519 key.
    """
    if not path:
        raise UserError(
            "No signing key is named: make one with `jieru signing-key new FILE` "
            "and set JIERU_SIGNING_KEY_FILE."
        )
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        raise UserError(
            "The signing key {file} cannot be read: {reason}.", file=path, reason=error.strerror
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError("{file} holds no Ed25519 private key in PEM form.", file=path)
    return SigningKey(key)


def parse_public_key(text: str) -> bytes:
    """Read a public key: base64 as it is printed, or the path of a file that holds that.

    Raises:
        UserError: it is neither.
    """
    key = _base64(text.strip())
    if key is None or len(key) != _PUBLIC_KEY_BYTES:
        try:
            key = _base64(Path(text).read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            key = None
    if key is None or len(key) != _PUBLIC_KEY_BYTES:
        raise UserError("{key} is not an Ed25519 public key (32 bytes in base64).", key=text)
    return key


def signed_file(
    document: dict[str, Any],
    digest: str,
    signature: bytes,
    public_key: bytes,
    statements: Sequence[SignedStatement] = (),
) -> bytes:
    """The content of a signed file; the document stands in it in its canonical form."""
    return signed_file_around(canonical_bytes(document), digest, signature, public_key, statements)


def signed_file_around(
    content: bytes | bytearray,
    digest: str,
    signature: bytes,
    public_key: bytes,
    statements: Sequence[SignedStatement] = (),
) -> bytes:
    """The content of a signed file around the canonical bytes of its document."""
    rest: dict[str, object] = {
        "public_key": base64.b64encode(public_key).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    if statements:
        rest[_STATEMENTS] = [
            {
                "content": each.content,
                "public_key": each.key_text,
                "signature": base64.b64encode(each.signature).decode(),
            }
            for each in statements
        ]
    # Sorted, so that the whole file has one form only: digest, document, public_key, signature.
    beginning = canonical_bytes({"digest": digest})[:-1] + b',"document":'
    return b"".join((beginning, content, b",", canonical_bytes(rest)[1:]))


def check_signed_file(content: bytes, expected_key: bytes | None = None) -> CheckedFile:
    """Tell whether a signed file is as it was frozen, and by whose key.

    Args:
        content: of the file.
        expected_key: the public key that must have signed it; None: any, to be compared by eye.

    Raises:
        UserError: it is not a signed count at all.
    """
    document, digest, signature, public_key, statements = _parts(content)
    try:
        bytes_signed = canonical_bytes(document)
    except CanonicalError as error:
        raise UserError("This is not a signed count: {reason}.", reason=str(error)) from None
    digest_found = hashlib.sha256(bytes_signed).hexdigest()
    has_signature = is_signed(bytes_signed, signature, public_key)
    if has_signature:
        finding = Finding.VALID if digest == digest_found else Finding.DIGEST_CHANGED
        if finding is Finding.VALID and expected_key not in (None, public_key):
            finding = Finding.OTHER_KEY
    elif digest == digest_found:
        finding = Finding.SIGNATURE_WRONG
    else:
        finding = Finding.DOCUMENT_CHANGED
    return CheckedFile(
        finding=finding,
        document=document,
        digest=digest_found,
        public_key=public_key,
        statements=statements,
    )


def _parts(
    content: bytes,
) -> tuple[dict[str, Any], str, bytes, bytes, tuple[SignedStatement, ...]]:
    try:
        found = parse_json(content)
    except CanonicalError as error:
        raise UserError("This is not a signed count: {reason}.", reason=str(error)) from None
    if not isinstance(found, dict) or set(found) - {_STATEMENTS} != set(_KEYS):
        raise UserError(
            "This is not a signed count: it must hold {keys} and nothing else.",
            keys=", ".join(_KEYS),
        )
    document, digest = found["document"], found["digest"]
    signature, public_key = _base64(found["signature"]), _base64(found["public_key"])
    if (
        not isinstance(document, dict)
        or not isinstance(digest, str)
        or signature is None
        or public_key is None
        or len(public_key) != _PUBLIC_KEY_BYTES
    ):
        raise UserError(
            "This is not a signed count: its document, digest, signature or key is malformed."
        )
    statements = tuple(_statements(found.get(_STATEMENTS, [])))
    return document, digest, signature, public_key, statements


def _statements(found: object) -> Iterator[SignedStatement]:
    """The statements of a signed file.

    Raises:
        UserError: one of them has not the form of a statement.
    """
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, dict) and set(each) == _STATEMENT_KEYS:
            content = each["content"]
            signature, public_key = _base64(each["signature"]), _base64(each["public_key"])
            if isinstance(content, str) and signature is not None and public_key is not None:
                yield SignedStatement(content, signature, public_key)
                continue
        raise UserError("This is not a signed count: one of its statements is malformed.")


def is_signed(content: bytes | bytearray, signature: bytes, public_key: bytes) -> bool:
    """Whether this key signed these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _base64(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Python also takes spare bits that are set; a signed file has one form only.
    return content if base64.b64encode(content).decode() == text else None
