"""Keys and people of the release before, under the schema of this one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from api.access.roles import Role
from api.access.scopes import Scope, scopes_of_role
from jieru.database import connect
from jieru.schema import migrate
from tests.support.command import jieru
from tests.support.first_release import migrate_to

_BEFORE = "0042_gateways"
_FILL = """
    INSERT INTO platforms (code, name) VALUES ('xielian', '协联');
    INSERT INTO users (name, display_name, role, oidc_subject, disabled_at) VALUES
        ('wu', '吴', 'admin', 'sub-wu', NULL), ('gone', '离', 'admin', NULL, now());
    INSERT INTO api_keys (key_id, secret_hash, name, role, platform_id, created_by, expires_at,
                          revoked_at)
    SELECT key_id, sha256(''), key_id, role, CASE role WHEN 'operator' THEN 1 END, created_by,
           '2099-01-01', CASE WHEN is_revoked THEN timestamptz '2026-01-01' END
    FROM (VALUES
        ('00000001', 'admin', 'user:wu', false),
        ('00000002', 'operator', 'key:00000001', false),
        ('00000003', 'auditor', 'user:gone', false),
        ('00000004', 'auditor', 'key:00000003', false),
        ('00000005', 'admin', 'user:wu', true),
        ('00000006', 'verifier', 'key:00000005', false),
        ('00000007', 'auditor', 'command:root', false))
        AS keys (key_id, role, created_by, is_revoked)
"""

_LATER: Final = {
    Scope.KEYS_WRITE,
    Scope.REQUESTS_WRITE,
    Scope.ACCESS_LOG_READ,
    Scope.CASES_READ,
    Scope.CASES_WRITE,
    Scope.QUESTIONS_READ,
    Scope.QUESTIONS_WRITE,
    Scope.CONTACTS_READ,
    Scope.CONTACTS_WRITE,
    Scope.ENTERPRISES_ASK,
    Scope.MESSAGES_RESEND,
    Scope.ACCOUNTS_WRITE,
    Scope.ADMINISTRATION_READ,
}
"""What no key of an earlier release could do, or may not go on doing unasked."""


@pytest.fixture
def upgraded(embedded_url: str, tmp_path: Path) -> Iterator[psycopg.Connection]:
    """A database of the release before with keys of all kinds, migrated."""
    migrate_to(embedded_url, _BEFORE, tmp_path)
    with psycopg.connect(embedded_url) as connection:
        connection.execute(_FILL.encode())
    migrate(embedded_url)
    with connect(embedded_url) as connection:
        yield connection


def test_keys_keep_what_they_could_but_for_making_keys(upgraded: psycopg.Connection) -> None:
    """Each the scopes of its role, under the names that the program knows."""
    rows = upgraded.execute("SELECT role, scopes FROM api_keys").fetchall()
    assert {role for role, _scopes in rows} == set(Role)
    for role, scopes in rows:
        assert set(scopes) == scopes_of_role(Role(role)) - _LATER


def test_keys_know_what_made_them_and_end_where_that_has_ended(
    upgraded: psycopg.Connection,
) -> None:
    """By a person, a key, or a command; what was revoked keeps its moment."""
    rows = upgraded.execute(
        "SELECT keys.key_id, parents.key_id, users.name, keys.revoked_at IS NULL"
        " FROM api_keys AS keys LEFT JOIN api_keys AS parents ON parents.id = keys.parent_id"
        " LEFT JOIN users ON users.id = keys.user_id ORDER BY keys.id"
    ).fetchall()
    assert rows == [
        ("00000001", None, "wu", True),
        ("00000002", "00000001", "wu", True),
        ("00000003", None, "gone", False),
        ("00000004", "00000003", "gone", False),
        ("00000005", None, "wu", False),
        ("00000006", "00000005", "wu", False),
        ("00000007", None, None, True),
    ]
    kept = upgraded.execute(
        "SELECT revoked_at = '2026-01-01' FROM api_keys WHERE key_id = '00000005'"
    ).fetchone()
    assert kept == (True,)


def test_whoever_migrates_is_told_whose_provider_is_not_known(
    upgraded: psycopg.Connection, embedded_url: str
) -> None:
    """With the command that says it; then no more."""
    assert upgraded.execute("SELECT count(oidc_issuer) FROM users").fetchone() == (0,)
    upgraded.commit()
    said = jieru("migrate", database_url=embedded_url)
    assert "not known which provider's their names are: 1." in said.stderr
    jieru("user", "issuer", "https://id.example.test", database_url=embedded_url)
    assert "provider" not in jieru("migrate", database_url=embedded_url).stderr
