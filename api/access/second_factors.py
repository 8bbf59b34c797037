"""The second step of signing in: codes of a person's phone (TOTP, RFC 6238), and recovery codes.

What changes an account's factor runs inside the caller's audited transaction.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
import pyotp

from api.access.totp_key import TotpKey, unfit_key
from api.web.problems import Kind, Problem
from jieru.i18n import marked as _

__all__ = [
    "CodeUse",
    "Factor",
    "begin_factor",
    "confirm_factor",
    "end_factor",
    "enrolment_address",
    "factor_of",
    "set_up_already",
    "used_code",
]

ISSUER: Final = "Jieru 接入"
_STEPS_APART: Final = (-1, 0, 1)
"""A phone's clock may differ by half a minute, and a person takes a while to type."""
_STEPS_AHEAD: Final = 10
"""Five minutes: more than two servers' clocks and a phone's differ by."""
_RECOVERY_CODES: Final = 10
# No character that is easily taken for another one. 16 of these 31 are 79 random bits.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH: Final = 16
_GROUP: Final = 4
_CODE: Final = re.compile(r"[0-9]{6}")
_NOT_SAID: Final = re.compile(r"[\s-]")

_OPEN: Final = """
    SELECT id, secret, confirmed_at, enrolled_at < now() - interval '15 minutes'
    FROM second_factors WHERE user_id = %s AND ended_at IS NULL
"""
_COUNT_CODES: Final = """
    SELECT count(*) FROM recovery_codes WHERE factor_id = %s AND used_at IS NULL
"""
_BEGIN: Final = "INSERT INTO second_factors (user_id, secret) VALUES (%s, %s)"
_CONFIRM: Final = "UPDATE second_factors SET confirmed_at = now() WHERE id = %s"
_END: Final = """
    UPDATE second_factors SET ended_at = now(), secret = ''
    WHERE user_id = %s AND ended_at IS NULL RETURNING id
"""
_END_UNCONFIRMED: Final = """
    UPDATE second_factors SET ended_at = now(), secret = ''
    WHERE user_id = %s AND ended_at IS NULL AND confirmed_at IS NULL
"""
_FORGET_USE: Final = "DELETE FROM second_factor_uses WHERE factor_id = %s"
_FORGET_CODES: Final = "DELETE FROM recovery_codes WHERE factor_id = %s"
_ADD_CODE: Final = "INSERT INTO recovery_codes (factor_id, code_hash) VALUES (%s, %s)"
# Of two that come with one code at once, one finds the row changed. A step far ahead was used by a
# clock that was wrong: it shuts nobody out until then.
_USE_STEP: Final = """
    INSERT INTO second_factor_uses (factor_id, last_step) VALUES (%(factor)s, %(step)s)
    ON CONFLICT (factor_id) DO UPDATE SET last_step = excluded.last_step
    WHERE second_factor_uses.last_step < excluded.last_step
       OR second_factor_uses.last_step > %(furthest)s
    RETURNING factor_id
"""
_USE_RECOVERY: Final = """
    UPDATE recovery_codes SET used_at = now()
    WHERE factor_id = %s AND code_hash = %s AND used_at IS NULL RETURNING factor_id
"""


@dataclass(frozen=True, slots=True)
class Factor:
    """What is set up for an account."""

    confirmed_at: datetime | None
    """None: it was begun, and no code was given yet."""
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class CodeUse:
    """A code that was right, and is worth nothing from now on."""

    is_recovery: bool


def factor_of(connection: psycopg.Connection, user_id: int) -> Factor | None:
    """What is set up for an account, if anything is."""
    row = connection.execute(_OPEN, (user_id,)).fetchone()
    if row is None:
        return None
    left = connection.execute(_COUNT_CODES, (row[0],)).fetchone()
    return Factor(row[2], left[0] if left else 0)


def begin_factor(connection: psycopg.Connection, key: TotpKey, user_id: int) -> str:
    """Give an account a new secret, to be confirmed by a code of it; what was only begun ends.

    Returns:
        The secret as phones take it (base32).

    Raises:
        Problem: one is confirmed, perhaps by another page a moment ago: it stays.
    """
    connection.execute(_END_UNCONFIRMED, (user_id,))
    if connection.execute(_OPEN, (user_id,)).fetchone() is not None:
        raise set_up_already()
    secret = pyotp.random_base32()
    connection.execute(_BEGIN, (user_id, key.encrypted(user_id, secret)))
    return secret


def confirm_factor(
    connection: psycopg.Connection, key: TotpKey, user_id: int, code: str, now: datetime
) -> list[str] | None:
    """Begin to ask for codes of the secret that was begun, if this is one.

    Whose code it is may be guessed, so the caller has counted the attempt.

    Returns:
        The recovery codes, which are kept nowhere; none where the code is wrong. None: the secret
        was begun more than 15 minutes ago, and has ended.
    """
    row = connection.execute(_OPEN, (user_id,)).fetchone()
    if row is None or row[2] is not None:
        return []
    if row[3]:
        connection.execute(_END_UNCONFIRMED, (user_id,))
        return None
    factor_id = row[0]
    if not _use_step(connection, factor_id, key.decrypted(user_id, row[1]), _plain(code), now):
        return []
    connection.execute(_CONFIRM, (factor_id,))
    codes = [_recovery_code() for _number in range(_RECOVERY_CODES)]
    for each in codes:
        connection.execute(_ADD_CODE, (factor_id, _hash(each)))
    return [
        "-".join(each[at : at + _GROUP] for at in range(0, len(each), _GROUP)) for each in codes
    ]


def set_up_already() -> Problem:
    """The answer to whoever would begin another where one is confirmed."""
    return Problem(Kind.CONFLICT, _("A second step is set up already: end it first."))


def end_factor(connection: psycopg.Connection, user_id: int) -> bool:
    """Ask an account for no code any more; false where none was asked."""
    row = connection.execute(_END, (user_id,)).fetchone()
    if row is None:
        return False
    connection.execute(_FORGET_USE, row)
    connection.execute(_FORGET_CODES, row)
    return True


def used_code(
    connection: psycopg.Connection, key: TotpKey | None, user_id: int, code: str, now: datetime
) -> CodeUse | None:
    """The use of a code of the account's phone, or of a recovery code; None: it is wrong.

    Raises:
        UserError: codes of the phone cannot be checked with this key.
    """
    row = connection.execute(_OPEN, (user_id,)).fetchone()
    if row is None or row[2] is None:
        return None
    factor_id, plain = row[0], _plain(code)
    if not _CODE.fullmatch(plain):
        used = connection.execute(_USE_RECOVERY, (factor_id, _hash(plain))).fetchone()
        return CodeUse(is_recovery=True) if used else None
    if key is None:
        raise unfit_key()
    secret = key.decrypted(user_id, row[1])
    is_right = _use_step(connection, factor_id, secret, plain, now)
    return CodeUse(is_recovery=False) if is_right else None


def enrolment_address(secret: str, name: str) -> str:
    """What a phone reads as a QR code (otpauth)."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def _use_step(
    connection: psycopg.Connection, factor_id: int, secret: str, code: str, now: datetime
) -> bool:
    totp = pyotp.TOTP(secret)
    present = totp.timecode(now)
    for step in (present + apart for apart in _STEPS_APART):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            values = {"factor": factor_id, "step": step, "furthest": present + _STEPS_AHEAD}
            return connection.execute(_USE_STEP, values).fetchone() is not None
    return False


def _recovery_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _position in range(_RECOVERY_LENGTH))


def _plain(code: str) -> str:
    """A code as it was made, however it was typed."""
    return _NOT_SAID.sub("", code).lower().encode(errors="replace").decode()


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
