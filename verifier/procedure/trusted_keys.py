"""Whose signatures count: keys named by a file that no database can change (design section 11).

The file is TOML, a table `keys` for each key:

    [[keys]]
    name = "莆田市工业和信息化局"
    key = "MCowBQYDK2VwAyEA…"      # as `jieru signing-key show` prints it
    valid_from = 2026-01-01        # civil days in Asia/Shanghai; the first on which it signs
    valid_until = 2028-12-31       # the last; left out: open
    revoked_on = 2027-05-01        # what it signs from this day on is not trusted; left out: never

What a key signed in its time stays trusted when its time is over, or when it is revoked later.
"""

import base64
import binascii
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from jieru.calendar import civil_date
from jieru.errors import UserError
from verifier.procedure.signing import SigningKey, load_signing_key

__all__ = [
    "NOBODY",
    "KeyFiles",
    "TrustedKey",
    "TrustedKeys",
    "Vouching",
    "load_trusted_keys",
    "require_trusted_key",
    "trusted_keys_of",
    "vouching_of",
]

_KEY_BYTES: Final = 32


class Vouching(StrEnum):
    """What a file of trusted keys says of one signature."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    """Nobody vouches for the key."""
    NOT_ITS_TIME = "not_its_time"
    """The key signed before or after its time."""
    REVOKED = "revoked"
    """The key was revoked by then."""


class TrustedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One key, and when its signatures count."""

    name: str
    """Of whoever signs with it."""
    key: str
    """The 32 bytes of an Ed25519 public key, in base64."""
    valid_from: date
    valid_until: date | None = None
    """Inclusive; None: open."""
    revoked_on: date | None = None

    def __post_init__(self) -> None:
        """Check what only the values together say."""
        if not self.name.strip():
            raise ValueError("name is empty")
        if len(_decoded(self.key)) != _KEY_BYTES:
            raise ValueError("key is not an Ed25519 public key (32 bytes in base64)")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")

    @property
    def public_key(self) -> bytes:
        """The 32 bytes."""
        return _decoded(self.key)

    def vouches_on(self, day: date) -> Vouching:
        """What it says of a signature of its own that was made on a civil day."""
        if self.revoked_on is not None and day >= self.revoked_on:
            return Vouching.REVOKED
        if day < self.valid_from or (self.valid_until is not None and day > self.valid_until):
            return Vouching.NOT_ITS_TIME
        return Vouching.TRUSTED


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The keys that somebody vouches for; none: nobody vouches for any."""

    keys: tuple[TrustedKey, ...] = ()
    own_key: bytes | None = None
    """Of this installation, pinned by its file; trusted where no file names trusted keys."""

    def judge(self, public_key: bytes, signed_on: date) -> Vouching:
        """Whether a signature of this key, made on this civil day, counts.

        A key that is listed more than once, as after a renewal, is trusted where one entry says so.
        """
        if public_key == self.own_key:
            return Vouching.TRUSTED
        said = [each.vouches_on(signed_on) for each in self.keys if each.public_key == public_key]
        if not said:
            return Vouching.UNKNOWN
        return Vouching.TRUSTED if Vouching.TRUSTED in said else said[-1]

    def name_of(self, public_key: bytes) -> str | None:
        """Whose key it is; None where no name is known."""
        return next((each.name for each in self.keys if each.public_key == public_key), None)


def vouching_of(document: Mapping[str, Any], public_key: bytes, trusted: TrustedKeys) -> Vouching:
    """What is to be thought of the signature of a frozen count, if it fits.

    Args:
        document: of the count, which says when it was frozen.
        public_key: that signed it.
        trusted: who is vouched for.
    """
    try:
        frozen_at = datetime.fromisoformat(document["frozen_at"])
        signed_on = civil_date(frozen_at)
    except (KeyError, TypeError, ValueError, OverflowError):
        return Vouching.UNKNOWN
    return trusted.judge(public_key, signed_on)


def require_trusted_key(key: SigningKey, trusted: TrustedKeys, day: date) -> None:
    """Refuse to sign what nobody could check.

    Raises:
        UserError: nobody vouches for what this key signs on this civil day.
    """
    if trusted.judge(key.public_key, day) is not Vouching.TRUSTED:
        raise UserError(
            "The signing key of this installation is not among the trusted keys of today: nobody "
            "could check what it signs. Name it in the file of JIERU_TRUSTED_KEYS, or sign with "
            "another."
        )


NOBODY: Final = TrustedKeys()


class _File(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[TrustedKey]


def load_trusted_keys(path: Path) -> TrustedKeys:
    """Read a file of trusted keys.

    Raises:
        UserError: it cannot be read, or is not such a file; the message says where.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise UserError(
            "The file of trusted keys {path} cannot be read: {reason}.",
            path=path,
            reason=error.strerror,
        ) from None
    except (ValueError, msgspec.ValidationError) as error:
        raise UserError(
            "The file of trusted keys {path} is wrong: {reason}.", path=path, reason=error
        ) from None
    return TrustedKeys(tuple(found.keys))


class KeyFiles(Protocol):
    """The settings that name files with keys; empty: there is none."""

    @property
    def trusted_keys(self) -> str:
        """Path of the file of trusted keys."""

    @property
    def signing_key_file(self) -> str:
        """Path of this installation's own key."""


def trusted_keys_of(files: KeyFiles) -> TrustedKeys:
    """Whom an installation trusts: the file of trusted keys, else the key it signs with itself.

    Raises:
        UserError: one of the two files is wrong.
    """
    if files.trusted_keys:
        return load_trusted_keys(Path(files.trusted_keys))
    if files.signing_key_file:
        return TrustedKeys(own_key=load_signing_key(files.signing_key_file).public_key)
    return TrustedKeys()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
