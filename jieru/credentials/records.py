"""Credentials in the database: issued, replaced, revoked, inside the caller's audited transaction.

A username has one open credential at most; `usernames` says what they are made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from jieru.credentials.secret import hash_secret, new_secret
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.publishers import CLOUD_ID

__all__ = [
    "AlreadyIssuedError",
    "IssuedCredential",
    "RevokedError",
    "issue",
    "replace",
    "revoke",
    "revoke_all",
]

# A device or a gateway that is not the platform's own gives no row, rather than another's
# credential. A device's credential of earlier releases is replaced by another such, for the
# equipment goes on publishing where it does.
_INSERT: Final = """
    WITH equipment AS (
        SELECT p.id AS platform_id, d.id AS device_id, g.id AS publisher_id,
               p.code || CASE g.kind WHEN 'device' THEN '/own' WHEN 'gateway' THEN '/via/' || g.name
                              ELSE '' END || coalesce('/' || d.serial, '') AS username
        FROM platforms p
        JOIN publishers g ON g.id = %(publisher_id)s AND coalesce(g.platform_id = p.id, true)
        LEFT JOIN devices d ON d.platform_id = p.id AND d.id = %(device_id)s
        WHERE p.id = %(platform_id)s AND d.id IS NOT DISTINCT FROM %(device_id)s
    ), issued AS (
        INSERT INTO credentials
            (platform_id, device_id, publisher_id, username, salt, password_hash)
        SELECT platform_id, device_id, publisher_id, username, %(salt)s, %(password_hash)s
        FROM equipment
        ON CONFLICT (username) WHERE revoked_at IS NULL DO NOTHING
        RETURNING id, username, created_at
    )
    SELECT issued.id, equipment.username, issued.created_at
    FROM equipment LEFT JOIN issued USING (username)
"""
_REVOKE: Final = """
    UPDATE credentials SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL
    RETURNING platform_id, device_id, publisher_id
"""
_REVOKE_ALL: Final = """
    UPDATE credentials SET revoked_at = now() WHERE id = ANY(%s) AND revoked_at IS NULL
"""


class AlreadyIssuedError(UserError):
    """The equipment has an open credential."""


class RevokedError(UserError):
    """The credential is revoked, or there is none of this id."""


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential; its secret is kept nowhere."""

    id: int
    username: str
    secret: str
    created_at: datetime


def issue(
    connection: psycopg.Connection,
    *,
    platform_id: int,
    publisher_id: int = CLOUD_ID,
    device_id: int | None = None,
) -> IssuedCredential:
    """Give a platform's cloud, one of its gateways or one of its devices its credential.

    Raises:
        AlreadyIssuedError: it has an open one.
        LookupError: there is no such platform, or device or gateway are not the platform's (a bug).
    """
    secret = new_secret()
    row = connection.execute(
        _INSERT,
        {
            "platform_id": platform_id,
            "publisher_id": publisher_id,
            "device_id": device_id,
            **hash_secret(secret)._asdict(),
        },
    ).fetchone()
    if row is None:
        raise LookupError(
            f"no device {device_id} or publisher {publisher_id} of platform {platform_id}"
        )
    credential_id, username, created_at = row
    if credential_id is None:
        raise AlreadyIssuedError(
            _("{username} has a credential. If its secret is lost, replace it."), username=username
        )
    return IssuedCredential(credential_id, username, secret, created_at)


def replace(connection: psycopg.Connection, credential_id: int) -> IssuedCredential:
    """Revoke a credential and issue another to the same equipment.

    Raises:
        RevokedError: it is not open.
    """
    row = connection.execute(_REVOKE, (credential_id,)).fetchone()
    if row is None:
        raise RevokedError(_("This credential is revoked. Issue a new one."))
    platform_id, device_id, publisher_id = row
    return issue(
        connection, platform_id=platform_id, publisher_id=publisher_id, device_id=device_id
    )


def revoke(connection: psycopg.Connection, credential_id: int) -> bool:
    """Revoke a credential; whether it was open."""
    return connection.execute(_REVOKE, (credential_id,)).fetchone() is not None


def revoke_all(connection: psycopg.Connection, credential_ids: Sequence[int]) -> None:
    """Revoke those of these credentials that are open."""
    connection.execute(_REVOKE_ALL, (list(credential_ids),))
