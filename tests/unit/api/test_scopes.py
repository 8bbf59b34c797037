"""Scopes of API keys."""

from collections import Counter

import pytest

from api.access.roles import GRANTS, Permission, Role
from api.access.scopes import (
    NARROW,
    NEEDS_NO_SCOPE,
    PERMISSIONS,
    Scope,
    scope_of,
    scopes_of_role,
)


def test_every_permission_stands_in_exactly_one_scope() -> None:
    """But what every key may do; a new permission fails here until it has its scope."""
    times = Counter(each for named in PERMISSIONS.values() for each in named)
    assert times == Counter(set(Permission) - NEEDS_NO_SCOPE)
    assert set(PERMISSIONS) == set(Scope)
    for scope, named in PERMISSIONS.items():
        assert {scope_of(each) for each in named} == {scope}


def test_a_scope_reads_or_writes_and_never_both() -> None:
    """So a key that only reads is seen to."""
    for scope, named in PERMISSIONS.items():
        is_read = {each.value.startswith("read_") for each in named}
        assert is_read == {scope.value.endswith(":read")}


@pytest.mark.parametrize("role", Role)
def test_a_role_has_the_scopes_of_its_permissions(role: Role) -> None:
    """All of them, no other, and always the narrow ones."""
    scopes = scopes_of_role(role)
    assert {scope_of(each) for each in GRANTS[role] - NEEDS_NO_SCOPE} == scopes
    assert scopes >= NARROW


def test_only_who_hands_out_may_have_the_scopes_that_do() -> None:
    """A verifier's or an auditor's key makes neither keys nor credentials."""
    handing_out = {Scope.KEYS_WRITE, Scope.CREDENTIALS_WRITE}
    assert {role for role in Role if scopes_of_role(role) & handing_out} == {
        Role.OPERATOR,
        Role.ADMIN,
    }
