"""Secrets of webhooks, sealed for their people under a key that lies outside of the database."""

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jieru.errors import UserError
from jieru.settings import Settings

__all__ = ["NoticeKey", "WebhookSecrets", "notice_key_of"]

_SHORTEST: Final = 32
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"jieru webhooks of notices, version 1"


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What only the follower needs to know of a webhook."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    """Empty: the receiver checks no signature."""


class NoticeKey:
    """Seals for one person: what was moved to another one's row opens nothing."""

    def __init__(self, material: bytes) -> None:
        """Derive the key from what the file holds."""
        self._cipher = AESGCM(HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(material))

    def sealed(self, user_id: int, secrets: WebhookSecrets) -> str:
        """What the database keeps (AES-256-GCM)."""
        nonce = os.urandom(_NONCE_BYTES)
        text = json.dumps([secrets.url, secrets.secret]).encode()
        return base64.b64encode(
            nonce + self._cipher.encrypt(nonce, text, str(user_id).encode())
        ).decode()

    def opened(self, user_id: int, kept: str) -> WebhookSecrets:
        """The secrets of a person's webhook.

        Raises:
            UserError: they were sealed under another key.
        """
        try:
            raw = base64.b64decode(kept)
            nonce, rest = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            url, secret = json.loads(self._cipher.decrypt(nonce, rest, str(user_id).encode()))
        except (InvalidTag, ValueError):
            raise UserError(
                "A webhook cannot be opened: JIERU_NOTICE_KEY_FILE is not the file under which it "
                "was entered. Its person enters it anew."
            ) from None
        return WebhookSecrets(url, secret)


def notice_key_of(settings: Settings) -> NoticeKey | None:
    """The key that the settings name, or None.

    Raises:
        UserError: the file cannot be read, or is too short to be a secret.
    """
    if not settings.notice_key_file:
        return None
    try:
        material = Path(settings.notice_key_file).read_bytes().strip()
    except OSError as error:
        raise UserError(
            "The key file {path} named by JIERU_NOTICE_KEY_FILE cannot be read: {reason}",
            path=settings.notice_key_file,
            reason=error.strerror or str(error),
        ) from None
    if len(material) < _SHORTEST:
        raise UserError(
            "The key file {path} named by JIERU_NOTICE_KEY_FILE is too short: make one with "
            "“openssl rand -base64 32”.",
            path=settings.notice_key_file,
        )
    return NoticeKey(material)
