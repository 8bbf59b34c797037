"""What a key or a person made, down to the last key: it ends together, and is named.

The database ends what hangs on a key or an account (migration 0046); here it is said what that is.
All of it runs inside the caller's audited transaction, which keeps out everybody who makes a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg
from psycopg.rows import class_row

from jieru.credentials import records

__all__ = [
    "Ended",
    "EndedKey",
    "IssuedByThem",
    "end_key",
    "end_keys_of_user",
    "revoke_credentials",
]

_TREE_OF_KEY: Final = """
    WITH RECURSIVE tree AS (
        SELECT id FROM api_keys WHERE key_id = %s
        UNION ALL
        SELECT child.id FROM api_keys AS child JOIN tree ON child.parent_id = tree.id)
    SELECT key_id, name, revoked_at IS NULL AND expires_at > now() AS is_open
    FROM api_keys JOIN tree USING (id) ORDER BY id
"""
_TREE_OF_USER: Final = """
    SELECT key_id, api_keys.name, revoked_at IS NULL AND expires_at > now() AS is_open
    FROM api_keys JOIN users ON users.id = user_id
    WHERE users.name = %s ORDER BY api_keys.id
"""
_REVOKE: Final = "UPDATE api_keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL"
_REVOKE_OF_USER: Final = """
    UPDATE api_keys SET revoked_at = now() FROM users
    WHERE users.id = user_id AND users.name = %s AND revoked_at IS NULL
"""
# The audit knows who issued a credential, from the first one on.
_ISSUED: Final = """
    SELECT id, username FROM credentials
    WHERE revoked_at IS NULL AND id IN (
        SELECT record_id FROM audit_entries
        WHERE actor = ANY(%s) AND record_kind = 'credentials' AND action = 'create')
    ORDER BY username
"""


@dataclass(frozen=True, slots=True)
class EndedKey:
    """A key that opened doors until now."""

    key_id: str
    name: str


@dataclass(frozen=True, slots=True)
class IssuedByThem:
    """A credential of equipment that somebody in a tree issued, and that is open."""

    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended with a key or an account, and what goes on that came from it."""

    keys: Sequence[EndedKey]
    credentials: Sequence[IssuedByThem]
    """Equipment goes on with them until somebody says otherwise."""
    sessions: int = 0
    """Of a person, that were open."""


@dataclass(frozen=True, slots=True)
class _Key:
    key_id: str
    name: str
    is_open: bool


def end_key(connection: psycopg.Connection, key_id: str) -> Ended:
    """End a key and all that it made; one that was revoked before ends nothing."""
    tree = _select(connection, _TREE_OF_KEY, key_id)
    connection.execute(_REVOKE, (key_id,))
    return Ended(_open(tree), _issued(connection, _actors(tree)))


def end_keys_of_user(connection: psycopg.Connection, name: str) -> Ended:
    """End all keys that came from a person."""
    tree = _select(connection, _TREE_OF_USER, name)
    connection.execute(_REVOKE_OF_USER, (name,))
    return Ended(_open(tree), _issued(connection, [f"user:{name}", *_actors(tree)]))


def revoke_credentials(connection: psycopg.Connection, ended: Ended) -> None:
    """Let the equipment that goes on in no more."""
    records.revoke_all(connection, [each.id for each in ended.credentials])


def _select(connection: psycopg.Connection, query: LiteralString, value: str) -> list[_Key]:
    with connection.cursor(row_factory=class_row(_Key)) as cursor:
        return cursor.execute(query, (value,)).fetchall()


def _open(tree: Sequence[_Key]) -> list[EndedKey]:
    return [EndedKey(each.key_id, each.name) for each in tree if each.is_open]


def _actors(tree: Sequence[_Key]) -> list[str]:
    return [f"key:{each.key_id}" for each in tree]


def _issued(connection: psycopg.Connection, actors: Sequence[str]) -> list[IssuedByThem]:
    with connection.cursor(row_factory=class_row(IssuedByThem)) as cursor:
        return cursor.execute(_ISSUED, (list(actors),)).fetchall()
