"""API keys as callers see, make and revoke them."""

from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import class_row

from api.access.api_keys import KeyMaker, issue_key
from api.access.caller import Caller
from api.access.gate import require_allowed
from api.access.key_trees import Ended, end_key, revoke_credentials
from api.access.roles import Permission, Role
from api.access.scopes import Scope, scopes_of_role
from api.account.answers import ApiKey, EndedApiKey, NewApiKey, NewApiKeyAnswer, RevokedApiKey
from api.web.problems import Kind, Problem, wrong_value
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE

__all__ = ["LONGEST_LIFE", "create_key", "grantable_roles", "list_keys", "revoke_key"]

LONGEST_LIFE: Final = timedelta(days=366)

_SELECT: Final = """
    SELECT api_keys.key_id, api_keys.name, role, platforms.code AS platform, kind, scopes,
           created_by, parents.key_id AS parent, api_keys.created_at, expires_at, revoked_at,
           last_used_at, origin AS last_origin
    FROM api_keys
    LEFT JOIN (SELECT id, key_id FROM api_keys) AS parents ON parents.id = parent_id
    LEFT JOIN platforms ON platforms.id = platform_id
    LEFT JOIN api_key_uses ON api_key_id = api_keys.id
    WHERE (%(own)s::integer IS NULL OR platform_id = %(own)s)
      AND (%(key_id)s::text IS NULL OR api_keys.key_id = %(key_id)s)
    ORDER BY api_keys.id DESC LIMIT %(limit)s
"""
_LIVING_KEY: Final = """
    SELECT FROM api_keys WHERE id = %s AND revoked_at IS NULL AND expires_at > now() FOR SHARE
"""
_LIVING_USER: Final = "SELECT FROM users WHERE id = %s AND disabled_at IS NULL FOR SHARE"
_PLATFORM_ID: Final = """
    SELECT id FROM platforms WHERE code = %(code)s AND (%(own)s::integer IS NULL OR id = %(own)s)
"""


def grantable_roles(caller: Caller) -> list[Role]:
    """The roles that a key may have which this caller makes."""
    return [Role.OPERATOR] if caller.role is Role.OPERATOR else list(Role)


def list_keys(connection: psycopg.Connection, caller: Caller, *, limit: int = 100) -> list[ApiKey]:
    """The keys that the caller may see, the newest first, ended ones too."""
    return _select(connection, caller, limit=limit)


def create_key(
    connection: psycopg.Connection, caller: Caller, wanted: NewApiKey, *, now: datetime
) -> NewApiKeyAnswer:
    """Make a key; its text is in the answer and nowhere else.

    Raises:
        Problem: the caller may not grant this, or a value is wrong.
    """
    if wanted.role not in grantable_roles(caller):
        raise wrong_value(
            "role", UserError("An operator may only make keys with the role operator.")
        )
    _require_living(connection, caller)
    _require_grantable(caller, wanted)
    if (wanted.role is Role.OPERATOR) != (wanted.platform is not None):
        raise wrong_value(
            "platform", UserError("An operator has a platform, and nobody else has one.")
        )
    if "\0" in wanted.name:
        raise wrong_value(
            "name", UserError("At most {length} printable characters are taken here.", length=100)
        )
    if not now < wanted.expires_at <= now + LONGEST_LIFE:
        raise wrong_value(
            "expires_at",
            UserError(
                "The end must lie in the future, at most {days} days from now.",
                days=LONGEST_LIFE.days,
            ),
        )
    if caller.key is not None and wanted.expires_at > caller.key.expires_at:
        raise wrong_value(
            "expires_at",
            UserError(
                "A key ends no later than the key that makes it: at {end}.",
                end=caller.key.expires_at.isoformat(timespec="seconds"),
            ),
        )
    issued = issue_key(
        connection,
        name=wanted.name,
        role=wanted.role,
        platform_id=_platform_id(connection, caller, wanted.platform),
        scopes=frozenset(wanted.scopes),
        maker=KeyMaker(
            caller.actor.name,
            key_id=caller.key.id if caller.key else None,
            user_id=caller.user_id,
        ),
        expires_at=wanted.expires_at.astimezone(UTC),
    )
    (key,) = _select(connection, caller, key_id=issued.key_id)
    return NewApiKeyAnswer(**key.model_dump(), text=issued.text)


def revoke_key(
    connection: psycopg.Connection, caller: Caller, key_id: str, *, with_credentials: bool = False
) -> RevokedApiKey:
    """End a key for good, and all that it made; one that was revoked before stays as it is.

    Args:
        connection: inside `jieru.audit.changing`.
        caller: who may end it.
        key_id: names it.
        with_credentials: let the equipment whose credentials came from it in no more.

    Raises:
        Problem: there is no such key that the caller may see, or the caller may not revoke
            credentials.
    """
    # Nothing else is in the table, and PostgreSQL refuses some of it (NUL) as a value.
    found = _select(connection, caller, key_id=key_id) if "\0" not in key_id else []
    if not found:
        raise Problem(Kind.NOT_FOUND, _("There is no API key {key_id}."), key_id=key_id)
    if with_credentials:
        require_allowed(caller, Permission.CHANGE_CREDENTIALS)
    ended = end_key(connection, key_id)
    if with_credentials:
        revoke_credentials(connection, ended)
    (key,) = _select(connection, caller, key_id=key_id)
    return _revoked(key, ended, with_credentials=with_credentials)


def _revoked(key: ApiKey, ended: Ended, *, with_credentials: bool) -> RevokedApiKey:
    return RevokedApiKey(
        **key.model_dump(),
        ended=[EndedApiKey(key_id=each.key_id, name=each.name) for each in ended.keys],
        credentials=[each.username for each in ended.credentials],
        credentials_revoked=with_credentials,
    )


def _require_living(connection: psycopg.Connection, caller: Caller) -> None:
    """Refuse who was let in and ended before it was their turn to change something.

    Raises:
        Problem: their key was revoked or their account disabled meanwhile.
    """
    living = [(_LIVING_USER, caller.user_id), (_LIVING_KEY, caller.key and caller.key.id)]
    for query, record_id in living:
        if record_id is None:
            continue
        if connection.execute(query, (record_id,)).fetchone() is None:
            raise Problem(Kind.UNAUTHENTICATED, _("This API key is unknown, expired or revoked."))


def _require_grantable(caller: Caller, wanted: NewApiKey) -> None:
    """Refuse scopes that the key's role cannot use or that its maker has not got.

    Raises:
        Problem: it names them.
    """
    useless = set(wanted.scopes) - scopes_of_role(wanted.role)
    if useless:
        raise wrong_value(
            "scopes",
            UserError("The role of this key cannot use: {scopes}.", scopes=_listed(useless)),
        )
    lacking = set(wanted.scopes) - caller.scopes
    if lacking:
        raise wrong_value(
            "scopes",
            UserError("You may not hand on: {scopes}.", scopes=_listed(lacking)),
        )


def _listed(scopes: set[Scope]) -> str:
    return ", ".join(sorted(scopes))


def _select(
    connection: psycopg.Connection, caller: Caller, *, key_id: str | None = None, limit: int = 1
) -> list[ApiKey]:
    values = {"own": caller.platform_id, "key_id": key_id, "limit": limit}
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(_SELECT, values).fetchall()


def _platform_id(connection: psycopg.Connection, caller: Caller, code: str | None) -> int | None:
    if code is None:
        return None
    values = {"code": code, "own": caller.platform_id}
    row = (
        connection.execute(_PLATFORM_ID, values).fetchone()
        if PLATFORM_CODE.fullmatch(code)
        else None
    )
    if row is None:
        raise wrong_value("platform", UserError("There is no platform {platform}.", platform=code))
    platform_id: int = row[0]
    return platform_id
