"""Passwords of people: Argon2id, and what a password must be at least."""

import secrets
import threading
import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from jieru.errors import UserError

__all__ = [
    "LONGEST_PASSWORD",
    "SHORTEST_PASSWORD",
    "hash_password",
    "is_outdated",
    "is_password",
    "random_password",
    "require_good_password",
]

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 200
"""Nobody needs more, and a machine that hashes megabytes does nothing else."""

# No character that is easily taken for another one: these are read aloud and typed.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_RANDOM_LENGTH: Final = 20
"""More than 110 random bits."""

_hasher: Final = PasswordHasher()

# A verification takes 64 MiB and some tens of milliseconds. Without a bound, as many attempts as
# the server has threads would take gigabytes.
_AT_ONCE: Final = 4
_turn: Final = threading.BoundedSemaphore(_AT_ONCE)


def random_password() -> str:
    """A password that nobody guesses."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))


def require_good_password(password: str, *, user: str) -> None:
    """Check a password that somebody chose for the account `user`.

    Raises:
        UserError: it is too short, too long, or the account's own name.
    """
    normal = _normal(password)
    if len(normal) < SHORTEST_PASSWORD:
        raise UserError(
            "The password is too short: at least {length} characters are needed.",
            length=SHORTEST_PASSWORD,
        )
    if len(normal) > LONGEST_PASSWORD:
        raise UserError(
            "The password is too long: at most {length} characters are taken.",
            length=LONGEST_PASSWORD,
        )
    if normal.casefold() == user.casefold():
        raise UserError("The password must not be the name of the account.")


def hash_password(password: str) -> str:
    """What the database keeps of a password; every call gives another text."""
    with _turn:
        return _hasher.hash(_normal(password))


@cache
def _hash_of_nobody() -> str:
    return hash_password(random_password())


def is_password(stored: str | None, password: str) -> bool:
    """Whether this is the password of which `stored` was kept.

    Without one (None) the answer is no, and takes as long: time does not tell who has an account.
    """
    if len(password) > LONGEST_PASSWORD:
        return False
    kept = stored or _hash_of_nobody()
    try:
        with _turn:
            _hasher.verify(kept, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _normal(password: str) -> str:
    """The same characters however a keyboard composed them (NFC)."""
    return unicodedata.normalize("NFC", password)
