"""The key under which secrets of the second step lie in the database, and which is not there."""

import base64
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jieru.errors import UserError
from jieru.settings import Settings

__all__ = ["TotpKey", "totp_key_of", "unfit_key"]

_SHORTEST: Final = 32
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"jieru second factors, version 1"


class TotpKey:
    """Encrypts each secret for its account: one that was moved to another row opens nothing."""

    def __init__(self, material: bytes) -> None:
        """Derive the key from what the file holds."""
        key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(material)
        self._cipher = AESGCM(key)

    def encrypted(self, user_id: int, secret: str) -> str:
        """What the database keeps of an account's secret (AES-256-GCM)."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), str(user_id).encode())
        return base64.b64encode(nonce + sealed).decode()

    def decrypted(self, user_id: int, kept: str) -> str:
        """The secret of an account.

        Raises:
            UserError: it was kept under another key.
        """
        try:
            sealed = base64.b64decode(kept)
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, rest, str(user_id).encode()).decode()
        except (InvalidTag, ValueError):
            raise unfit_key() from None


def unfit_key() -> UserError:
    """What is said where a code cannot be checked."""
    return UserError(
        "Codes cannot be checked: JIERU_TOTP_KEY_FILE is missing, or is not the file with which "
        "this second step was set up. A recovery code works all the same."
    )


def totp_key_of(settings: Settings) -> TotpKey | None:
    """The key that the settings name, or None.

    Raises:
        UserError: the file cannot be read, or is too short to be a secret.
    """
    if not settings.totp_key_file:
        return None
    try:
        material = Path(settings.totp_key_file).read_bytes().strip()
    except OSError as error:
        raise UserError(
            "The key file {path} named by JIERU_TOTP_KEY_FILE cannot be read: {reason}",
            path=settings.totp_key_file,
            reason=error.strerror or str(error),
        ) from None
    if len(material) < _SHORTEST:
        raise UserError(
            "The key file {path} named by JIERU_TOTP_KEY_FILE is too short: make one with "
            "“openssl rand -base64 32”.",
            path=settings.totp_key_file,
        )
    return TotpKey(material)
