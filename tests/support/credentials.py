"""Credentials issued past the API, for tests of what the broker makes of them."""

from typing import Final

import psycopg

from jieru.audit import Actor, changing
from jieru.credentials import records
from jieru.credentials.records import IssuedCredential
from jieru.credentials.usernames import parse_username
from jieru.publishers import CLOUD_ID, ITSELF_ID
from jieru.wire import ITSELF

__all__ = ["issue_to", "register_gateway", "replace", "revoke"]

_SOMEBODY: Final = Actor("command:tests", "command line")
_EQUIPMENT: Final = """
    SELECT p.id, d.id FROM platforms p
    LEFT JOIN devices d ON d.platform_id = p.id AND d.serial = %s WHERE p.code = %s
"""
_GATEWAY: Final = """
    INSERT INTO publishers (kind, platform_id, name) VALUES ('gateway', %s, %s)
    ON CONFLICT (platform_id, name) DO NOTHING
"""
_GATEWAY_ID: Final = "SELECT id FROM publishers WHERE platform_id = %s AND name = %s"


def issue_to(connection: psycopg.Connection, username: str) -> IssuedCredential:
    """A credential of that name; the device is registered, a gateway is if need be; committed."""
    user = parse_username(username)
    assert user is not None, username
    row = connection.execute(_EQUIPMENT, (user.serial, user.platform)).fetchone()
    assert row is not None, username
    platform_id, device_id = row
    publisher_id = ITSELF_ID if user.publisher == ITSELF else CLOUD_ID
    with changing(connection, _SOMEBODY):
        if user.publisher.gateway:
            publisher_id = register_gateway(connection, platform_id, user.publisher.gateway)
        issued = records.issue(
            connection, platform_id=platform_id, publisher_id=publisher_id, device_id=device_id
        )
    connection.commit()
    assert issued.username == username
    return issued


def register_gateway(connection: psycopg.Connection, platform_id: int, name: str) -> int:
    """The id of a gateway, which is registered from now on."""
    connection.execute(_GATEWAY, (platform_id, name))
    row = connection.execute(_GATEWAY_ID, (platform_id, name)).fetchone()
    assert row is not None
    return int(row[0])


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
