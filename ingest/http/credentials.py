"""The equipment's credentials, held in memory and asked for anew within a second of a change.

Strangers never cause a question to the database. A secret that was verified is remembered by a
digest under a key of this process, together with the very hash that it was verified against: where
that changed, or the credential is gone, nothing is remembered.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import random
import secrets
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg import AsyncConnection

from ingest.http.attempts import FailedAttempts
from jieru.credentials.secret import HashedSecret, hash_secret
from jieru.credentials.usernames import EquipmentUser, parse_username
from jieru.retry import (
    SILENCE_S,
    backoff_delays,
    connect_patiently,
    hang_up_after,
    is_worth_retrying,
)

__all__ = ["Credentials", "Refusal", "RefusedError"]

_SELECT_VERSION: Final = "SELECT version FROM change_versions WHERE kind = 'credentials'"
_SELECT_OPEN: Final = """
    SELECT username, salt, password_hash FROM credentials WHERE revoked_at IS NULL
"""
_ASK_EVERY_S: Final = 1.0
_STALE_S: Final = 5.0
"""So long after the last answer of the database nobody knows what was revoked meanwhile."""
_REFRESH_S: Final = 60.0
_LONGEST: Final = 256
"""Characters of what is shown; a credential of ours has fewer."""
_NOBODY: Final = hash_secret("nobody's")
"""What the secret of a name that is nobody's is held against, so that it takes as long."""

_log = structlog.get_logger()


class Refusal(Enum):
    """Why a request is not let in."""

    WRONG = auto()
    TOO_MANY = auto()
    UNKNOWN_NOW = auto()
    """The database did not tell lately who may."""


class RefusedError(Exception):
    """The request's credential is not taken."""

    def __init__(self, refusal: Refusal, retry_after_s: int = 0) -> None:
        """Keep why, and when to come again."""
        super().__init__(refusal.name)
        self.refusal = refusal
        self.retry_after_s = retry_after_s


class _Verified(NamedTuple):
    hashed: HashedSecret
    digest: bytes


class Credentials:
    """Tells whom a request comes from."""

    def __init__(self, database_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nobody until `follow` has run."""
        self._database_url = database_url
        self._clock = clock
        self._open: dict[str, HashedSecret] = {}
        self._verified: dict[str, _Verified] = {}
        self._key = secrets.token_bytes(32)
        self._attempts = FailedAttempts()
        self._heard_s = float("-inf")

    def user_of(self, authorization: str | None, address: str) -> EquipmentUser:
        """Whom a request's `Authorization: Basic` stands for.

        Args:
            authorization: the header, where there is one.
            address: of the client, who may fail a bounded number of times.

        Raises:
            RefusedError: it is nobody's, or it cannot be told now.
        """
        now_s = self._clock()
        if now_s - self._heard_s > _STALE_S:
            raise RefusedError(Refusal.UNKNOWN_NOW, retry_after_s=5)
        username, secret = _parts(authorization)
        hashed = self._open.get(username)
        digest = hashlib.blake2b(secret.encode(), key=self._key).digest()
        known = self._verified.get(username)
        if known is None or known.hashed is not hashed or not _same(known.digest, digest):
            self._verify(secret, hashed, address, now_s)
        user = parse_username(username)
        if hashed is None or user is None:
            raise RefusedError(Refusal.WRONG)
        self._verified[username] = _Verified(hashed, digest)
        return user

    def _verify(self, secret: str, hashed: HashedSecret | None, address: str, now_s: float) -> None:
        wait_s = self._attempts.seconds_to_wait(address, now_s)
        if wait_s:
            raise RefusedError(Refusal.TOO_MANY, wait_s)
        against = hashed or _NOBODY
        is_right = _same(hash_secret(secret, against.salt).password_hash, against.password_hash)
        if not (is_right and hashed):
            self._attempts.fail(address, now_s)
            raise RefusedError(Refusal.WRONG)

    async def follow(self) -> None:
        """Read the open credentials, and again at every change, until cancelled.

        Raises:
            psycopg.Error: of a kind that no waiting heals.
        """
        delays = backoff_delays(random.random)
        while True:
            try:
                async with await connect_patiently(self._database_url) as connection:
                    known: int | None = None
                    while True:
                        asked_s = self._clock()
                        version = await _version(connection)
                        if version != known:
                            await self._refresh(connection)
                            known = version
                            delays = backoff_delays(random.random)
                        self._heard_s = asked_s
                        await asyncio.sleep(_ASK_EVERY_S)
            except psycopg.Error as error:
                if not is_worth_retrying(error):
                    raise
                _log.warning("credentials_connection_lost", error=str(error).strip())
            await asyncio.sleep(next(delays))

    async def _refresh(self, connection: AsyncConnection) -> None:
        with hang_up_after(connection, _REFRESH_S):
            rows = await (await connection.execute(_SELECT_OPEN)).fetchall()
        before = self._open
        # The same object where nothing changed, for what was verified is remembered with it.
        self._open = {
            username: _kept(before.get(username), HashedSecret(salt, hash_))
            for username, salt, hash_ in rows
        }
        for username in self._verified.keys() - self._open.keys():
            del self._verified[username]


def _kept(before: HashedSecret | None, now: HashedSecret) -> HashedSecret:
    return before if before is not None and before == now else now


async def _version(connection: AsyncConnection) -> int | None:
    with hang_up_after(connection, SILENCE_S):
        row = await (await connection.execute(_SELECT_VERSION)).fetchone()
    return row[0] if row else None


def _parts(authorization: str | None) -> tuple[str, str]:
    """Username and secret (RFC 7617).

    Raises:
        RefusedError: there are none.
    """
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 2 * _LONGEST:
        raise RefusedError(Refusal.WRONG)
    try:
        username, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise RefusedError(Refusal.WRONG) from None
    if not colon:
        raise RefusedError(Refusal.WRONG)
    return username, secret


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)
