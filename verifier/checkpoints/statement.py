"""One statement: what of the record it fixes, and its one form in bytes.

A signed statement is JSON: `statement`, `signature` (Ed25519 over the statement's canonical bytes)
and `public_key`, the last two in base64. The key in it is never believed: who checks a statement
names the keys that count.
"""

import base64
import hashlib
from datetime import date, datetime
from typing import Final, TypeVar

import msgspec

from jieru.calendar import civil_date
from jieru.errors import UserError
from verifier.procedure.canonical import canonical_bytes
from verifier.procedure.signing import SigningKey, is_signed
from verifier.procedure.trusted_keys import TrustedKeys, Vouching

__all__ = [
    "NIGHTLY",
    "STATEMENT_LIMIT_BYTES",
    "AuditHead",
    "Cosignature",
    "SignedStatement",
    "StatedArchive",
    "StatedDay",
    "StatedMonth",
    "StatedSignals",
    "Statement",
    "check_signature",
    "cosign",
    "parse_cosignature",
    "parse_signed",
    "sign",
]

NIGHTLY: Final = "day"
STATEMENT_LIMIT_BYTES: Final = 8 << 20
"""The first one of an installation names every day and every archive file until then."""
_FORMAT: Final = 1
_KEY_BYTES: Final = 32


class AuditHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the chain of the audit ends."""

    number: int
    hash: str
    before: str | None
    """The hash that the entry of the statement before has now; None: it is not there."""


class StatedDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The presence of one closed civil day, which nothing may change any more."""

    day: date
    rows: int
    """Devices and publishers that were heard."""
    sha256: str
    """Of the rows: device, publisher (int32 each) and three bytes of hours, in their order."""


class StatedMonth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All stated days of a month as the database has them now, those of earlier statements too."""

    month: date
    sha256: str
    """Of the digests of its stated days, 32 bytes each, in their order."""


class StatedArchive(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of archived heartbeats."""

    file: str
    file_sha256: str
    rows_sha256: str
    heartbeats: int


class StatedSignals(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The latest run of the signals that was kept."""

    run: int
    """Its number."""
    as_of: date
    signals: int
    """How many it found."""
    sha256: str
    """Of the canonical JSON of what it found."""


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the record is at one moment; days and archives are those that came since the last."""

    format: int = _FORMAT
    installation: datetime
    """When the database was made, which tells it from others."""
    is_simulation: bool
    number: int
    """1, 2, 3 ..."""
    previous_sha256: str | None
    """Of the statement before; None: it is the first."""
    at: datetime
    occasion: str
    """`day`, or the step of money after which it was made."""
    audit: AuditHead
    closed_through: date | None
    """The last day that is stated; what is before and is not stated was silent for good."""
    days: tuple[StatedDay, ...]
    months: tuple[StatedMonth, ...]
    """Each with a stated day; none in a statement that was made after a step, lest that wait."""
    archives: tuple[StatedArchive, ...]
    archives_sha256: str
    """Of the canonical form of all files there are now, by name."""
    signals: StatedSignals | msgspec.UnsetType = msgspec.UNSET
    """Not there, rather than null, before the first run: so statements of before there were signals
    keep the bytes that were signed."""

    def content(self) -> bytes:
        """What is signed."""
        return canonical_bytes(self)

    def sha256(self) -> str:
        """By which the next one names it."""
        return hashlib.sha256(self.content()).hexdigest()


class SignedStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A statement and who signed it."""

    statement: Statement
    signature: str
    public_key: str

    def content(self) -> bytes:
        """The bytes of its file."""
        return canonical_bytes(self)


class Cosignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A witness has seen this statement follow all that it saw before."""

    number: int
    sha256: str
    """Of the statement."""
    at: datetime
    signature: str
    public_key: str

    def content(self) -> bytes:
        """The bytes of its file."""
        return canonical_bytes(self)


def sign(statement: Statement, key: SigningKey) -> SignedStatement:
    """Sign a statement."""
    return SignedStatement(
        statement=statement,
        signature=_text(key.sign(statement.content())),
        public_key=_text(key.public_key),
    )


def cosign(statement: Statement, key: SigningKey, at: datetime) -> Cosignature:
    """Sign as a witness."""
    content = _cosigned(statement.number, statement.sha256(), at)
    return Cosignature(
        number=statement.number,
        sha256=statement.sha256(),
        at=at,
        signature=_text(key.sign(content)),
        public_key=_text(key.public_key),
    )


def parse_signed(content: bytes) -> SignedStatement:
    """Read a signed statement in the one form that it has.

    Raises:
        UserError: it is not one.
    """
    return _parse(content, SignedStatement)


def parse_cosignature(content: bytes) -> Cosignature:
    """Read a cosignature in the one form that it has.

    Raises:
        UserError: it is not one.
    """
    return _parse(content, Cosignature)


def check_signature(
    signed: SignedStatement | Cosignature, trusted: TrustedKeys
) -> UserError | None:
    """What is wrong with a signature; None: a key that counts made it."""
    if isinstance(signed, SignedStatement):
        number, at, content = (
            signed.statement.number,
            signed.statement.at,
            signed.statement.content(),
        )
    else:
        number, at = signed.number, signed.at
        content = _cosigned(signed.number, signed.sha256, signed.at)
    signature, key = _bytes(signed.signature), _bytes(signed.public_key)
    if len(key) != _KEY_BYTES or not is_signed(content, signature, key):
        return UserError("Checkpoint {number}: a signature does not fit.", number=number)
    vouching = trusted.judge(key, civil_date(at))
    if vouching is Vouching.TRUSTED:
        return None
    if vouching is Vouching.UNKNOWN:
        return UserError(
            "Checkpoint {number} is signed by a key that nobody vouches for ({key}).",
            number=number,
            key=signed.public_key,
        )
    return UserError(
        "Checkpoint {number} is signed by a key that did not count on that day ({key}).",
        number=number,
        key=signed.public_key,
    )


def _cosigned(number: int, sha256: str, at: datetime) -> bytes:
    return canonical_bytes({"at": at, "cosigned": "checkpoint", "number": number, "sha256": sha256})


_T = TypeVar("_T", SignedStatement, Cosignature)


def _parse(content: bytes, kind: type[_T]) -> _T:
    try:
        found = msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError("This is no checkpoint: {reason}.", reason=str(error)) from None
    if found.content() != content:
        raise UserError("This is no checkpoint: {reason}.", reason="not in its one form")
    return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
