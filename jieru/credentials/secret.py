"""Secrets of equipment and the one form in which they are kept. Pure but for chance.

Both brokers read it: Mosquitto in its password file, EMQX in the view `broker_users`. EMQX takes
the salt's characters as they are, Mosquitto their base64; so the salt is plain ASCII
(docs/decisions/0009-one-hash-for-both-brokers.md).
"""

import base64
import hashlib
import secrets
import string
from typing import Final, NamedTuple

__all__ = ["ITERATIONS", "HashedSecret", "hash_secret", "new_secret", "password_entry"]

ITERATIONS: Final = 101
"""As Mosquitto's own: what has 190 random bits is not found by guessing, however fast."""

_ALPHABET: Final = string.ascii_letters + string.digits
_SECRET_LENGTH: Final = 32
_SALT_LENGTH: Final = 12
"""Mosquitto 2.0 takes no other."""


class HashedSecret(NamedTuple):
    """A secret as it is kept."""

    salt: str
    password_hash: bytes
    """PBKDF2-HMAC-SHA512, 64 bytes."""


def new_secret() -> str:
    """32 letters and digits, which neither an address nor a shell reads as anything else."""
    return _random_text(_SECRET_LENGTH)


def hash_secret(secret: str, salt: str | None = None) -> HashedSecret:
    """What is kept of a secret; without `salt` under a new one."""
    salt = _random_text(_SALT_LENGTH) if salt is None else salt
    return HashedSecret(
        salt, hashlib.pbkdf2_hmac("sha512", secret.encode(), salt.encode(), ITERATIONS)
    )


def password_entry(username: str, hashed: HashedSecret) -> str:
    """The line of Mosquitto's password file."""
    parts = (base64.b64encode(part).decode() for part in (hashed.salt.encode(), hashed[1]))
    return f"{username}:$7${ITERATIONS}${'$'.join(parts)}\n"


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
