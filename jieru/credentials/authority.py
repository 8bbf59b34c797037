"""The certificate authority that equipment shall trust, as it is handed out: never with a key."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from jieru.errors import UserError

__all__ = ["AUTHORITY_FILE_NAME", "Authority", "AuthorityCertificate", "read_authority"]

AUTHORITY_FILE_NAME: Final = "ca.pem"
"""Under which it is downloaded, and what programs for equipment call it."""

_LARGEST_BYTES: Final = 256 * 1024
_KEY_MARK: Final = b"PRIVATE KEY"


class AuthorityCertificate(NamedTuple):
    """What a person compares before equipment trusts it."""

    subject: str
    sha256: str
    """Of the certificate's DER, as `openssl x509 -fingerprint -sha256` writes it."""
    not_before: datetime
    not_after: datetime


class Authority(NamedTuple):
    """The certificates of one file."""

    pem: bytes
    """Written anew from the certificates: whatever else stood in the file is not handed out."""
    certificates: Sequence[AuthorityCertificate]


def read_authority(path: Path) -> Authority:
    """Read a file of certificates in PEM.

    Raises:
        UserError: it cannot be read, holds a key, or holds no certificate.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise UserError(
            "The file {path} (JIERU_EQUIPMENT_CA_FILE) cannot be read: {reason}",
            path=path,
            reason=error.strerror,
        ) from None
    if _KEY_MARK in content:
        raise UserError(
            "The file {path} (JIERU_EQUIPMENT_CA_FILE) holds a private key, and everybody may "
            "download it: name a file with the certificate alone.",
            path=path,
        )
    try:
        certificates = x509.load_pem_x509_certificates(content[:_LARGEST_BYTES])
    except ValueError:
        certificates = []
    if not certificates or len(content) > _LARGEST_BYTES:
        raise UserError(
            "The file {path} (JIERU_EQUIPMENT_CA_FILE) is no certificate in PEM.", path=path
        )
    return Authority(
        b"".join(each.public_bytes(Encoding.PEM) for each in certificates),
        [
            AuthorityCertificate(
                each.subject.rfc4514_string(),
                each.fingerprint(SHA256()).hex(":").upper(),
                each.not_valid_before_utc,
                each.not_valid_after_utc,
            )
            for each in certificates
        ],
    )
