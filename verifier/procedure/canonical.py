"""Canonical bytes of a count's document, which are digested and signed. Pure.

UTF-8 JSON with sorted keys and no spaces, as `json.dumps(value, ensure_ascii=False,
sort_keys=True, separators=(",", ":"))` of Python writes it, only faster. All numbers are whole, so
every program writes the same bytes for the same content.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final, NoReturn

import msgspec

__all__ = ["CanonicalError", "canonical_bytes", "parse_json", "sha256_of"]

_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class CanonicalError(ValueError):
    """Content that has no canonical form."""


def canonical_bytes(value: object) -> bytes:
    """The one way to write a value.

    Raises:
        CanonicalError: a text in it is half a character, or a number needs more than 64 bits.
    """
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, OverflowError) as error:
        raise CanonicalError(str(error)) from None


def sha256_of(value: object) -> str:
    """The digest of a value: SHA-256 of its canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def parse_json(content: bytes) -> object:
    """Read JSON that has a canonical form.

    Raises:
        CanonicalError: it is not JSON, repeats a key, or holds a number that is not whole.
    """
    try:
        return json.loads(
            content.decode(),
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            object_pairs_hook=_object,
        )
    except CanonicalError:
        raise
    except (ValueError, RecursionError) as error:
        raise CanonicalError(str(error)) from None


def _refuse_number(text: str) -> NoReturn:
    raise CanonicalError(f"{text} is not a whole number")


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise CanonicalError(f"{key} is given twice")
        found[key] = value
    return found
