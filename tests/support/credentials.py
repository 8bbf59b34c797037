"""Credentials issued past the API, for tests of what the broker makes of them."""

from typing import Final

import psycopg

from jieru.audit import Actor, changing
from jieru.credentials import records
from jieru.credentials.records import IssuedCredential

__all__ = ["issue_to", "replace", "revoke"]

_SOMEBODY: Final = Actor("command:tests", "command line")
_EQUIPMENT: Final = """
    SELECT p.id, d.id FROM platforms p
    LEFT JOIN devices d ON d.platform_id = p.id AND d.serial = %s WHERE p.code = %s
"""


def issue_to(connection: psycopg.Connection, username: str) -> IssuedCredential:
    """A credential for `{platform}` or `{platform}/{serial}`, which are registered; committed."""
    platform, _slash, serial = username.partition("/")
    row = connection.execute(_EQUIPMENT, (serial, platform)).fetchone()
    assert row is not None, username
    with changing(connection, _SOMEBODY):
        issued = records.issue(connection, platform_id=row[0], device_id=row[1])
    connection.commit()
    assert issued.username == username
    return issued


def replace(connection: psycopg.Connection, credential_id: int) -> IssuedCredential:
    """Another in a credential's place; committed."""
    with changing(connection, _SOMEBODY):
        issued = records.replace(connection, credential_id)
    connection.commit()
    return issued


def revoke(connection: psycopg.Connection, credential_id: int) -> None:
    """Revoke it; committed."""
    with changing(connection, _SOMEBODY):
        assert records.revoke(connection, credential_id)
    connection.commit()
