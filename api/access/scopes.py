"""Scopes of API keys: named groups of permissions, of which a key has some. Pure."""

from enum import StrEnum
from typing import Final

from api.access.roles import GRANTS, Permission, Role

__all__ = ["NARROW", "NEEDS_NO_SCOPE", "PERMISSIONS", "Scope", "scope_of", "scopes_of_role"]


class Scope(StrEnum):
    """What a key is for; it may do that as far as its role may."""

    COUNTS_READ = "counts:read"
    REGISTRY_READ = "registry:read"
    REGISTRY_WRITE = "registry:write"
    PLATFORMS_WRITE = "platforms:write"
    REJECTIONS_READ = "rejections:read"
    CREDENTIALS_READ = "credentials:read"
    CREDENTIALS_WRITE = "credentials:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"
    PROCEDURE_READ = "procedure:read"
    PROCEDURE_WRITE = "procedure:write"
    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    QUESTIONS_READ = "questions:read"
    QUESTIONS_WRITE = "questions:write"
    PANELS_READ = "panels:read"
    REQUESTS_WRITE = "requests:write"
    ACCESS_LOG_READ = "access-log:read"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    ENTERPRISES_ASK = "enterprises:ask"
    ADMINISTRATION_READ = "administration:read"
    ACCOUNTS_WRITE = "accounts:write"
    MESSAGES_RESEND = "messages:resend"


PERMISSIONS: Final[dict[Scope, frozenset[Permission]]] = {
    Scope.COUNTS_READ: frozenset({Permission.READ_COUNTS}),
    Scope.REGISTRY_READ: frozenset({Permission.READ_REGISTRY}),
    Scope.REGISTRY_WRITE: frozenset({Permission.CHANGE_REGISTRY}),
    Scope.PLATFORMS_WRITE: frozenset({Permission.CHANGE_PLATFORMS}),
    Scope.REJECTIONS_READ: frozenset({Permission.READ_REJECTIONS}),
    Scope.CREDENTIALS_READ: frozenset({Permission.READ_CREDENTIALS}),
    Scope.CREDENTIALS_WRITE: frozenset({Permission.CHANGE_CREDENTIALS}),
    Scope.KEYS_READ: frozenset({Permission.READ_KEYS}),
    Scope.KEYS_WRITE: frozenset({Permission.CHANGE_KEYS}),
    Scope.AUDIT_READ: frozenset({Permission.READ_AUDIT}),
    Scope.PROCEDURE_READ: frozenset({Permission.READ_PROCEDURE}),
    Scope.PROCEDURE_WRITE: frozenset({Permission.DECIDE, Permission.ADVANCE_COUNTS}),
    Scope.CASES_READ: frozenset({Permission.READ_CASES}),
    Scope.CASES_WRITE: frozenset({Permission.WORK_ON_CASES}),
    Scope.QUESTIONS_READ: frozenset({Permission.READ_QUESTIONS}),
    Scope.QUESTIONS_WRITE: frozenset({Permission.ANSWER_QUESTIONS}),
    Scope.PANELS_READ: frozenset({Permission.READ_PANELS}),
    Scope.REQUESTS_WRITE: frozenset({Permission.CONFIRM_CONNECTIONS}),
    Scope.ACCESS_LOG_READ: frozenset({Permission.READ_ACCESS_LOG}),
    Scope.CONTACTS_READ: frozenset({Permission.READ_CONTACTS}),
    Scope.CONTACTS_WRITE: frozenset({Permission.CHANGE_CONTACTS}),
    Scope.ENTERPRISES_ASK: frozenset({Permission.ASK_ENTERPRISES}),
    Scope.ADMINISTRATION_READ: frozenset({Permission.READ_ADMINISTRATION}),
    Scope.ACCOUNTS_WRITE: frozenset({Permission.CHANGE_ACCOUNTS}),
    Scope.MESSAGES_RESEND: frozenset({Permission.RESEND_MESSAGES}),
}
"""Each permission stands in one scope; one that stands in none no key has."""

NEEDS_NO_SCOPE: Final = frozenset({Permission.USE_OWN_SESSION})
"""What every key may do: ask whose it is."""

NARROW: Final = frozenset({Scope.COUNTS_READ, Scope.REGISTRY_READ})
"""What a key is for of which nothing else is said: every role may do that."""

_SCOPE_OF: Final = {
    permission: scope for scope, permissions in PERMISSIONS.items() for permission in permissions
}


def scope_of(permission: Permission) -> Scope | None:
    """The scope that a key needs for a permission; None: no scope gives it."""
    return _SCOPE_OF.get(permission)


def scopes_of_role(role: Role) -> frozenset[Scope]:
    """The scopes of which a role may do anything."""
    return frozenset(scope for scope, named in PERMISSIONS.items() if named & GRANTS[role])
