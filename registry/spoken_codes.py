"""Codes that stand for whoever has them: in a link, or typed in from paper. Pure but for chance."""

import hashlib
import secrets
from typing import Final

__all__ = ["code_digest", "grouped", "new_code", "read_code"]

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no two of its characters are taken for each other on paper."""
_LENGTH: Final = 20
"""100 random bits: neither guessed at a door that counts attempts nor found from a digest."""
_GROUP: Final = 4
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_code() -> str:
    """A code that nobody can guess."""
    return "".join(secrets.choice(_ALPHABET) for _number in range(_LENGTH))


def grouped(code: str) -> str:
    """A code as it stands on paper, in groups of four."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def read_code(text: str) -> str | None:
    """The code that somebody typed, whatever case and groups; None: it cannot be one."""
    code = text.strip().upper().translate(_READ_AS)
    is_code = len(code) == _LENGTH and set(code) <= set(_ALPHABET)
    return code if is_code else None


def code_digest(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).digest()
