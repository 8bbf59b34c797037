"""Whoever sent the request that is being answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Request

from api.access.roles import GRANTS, Permission, Role
from api.access.scopes import NEEDS_NO_SCOPE, PERMISSIONS, Scope, scopes_of_role
from jieru.audit import Actor

__all__ = ["Caller", "CurrentCaller", "KeyHeld", "OwnPlatform", "current_caller", "known_caller"]


@dataclass(frozen=True, slots=True)
class OwnPlatform:
    """The one platform of an operator."""

    id: int
    code: str


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """The key that a program came with."""

    id: int
    scopes: frozenset[Scope]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """A person with a session, or a program with a key."""

    actor: Actor
    """As the audit names it."""
    display_name: str
    role: Role
    platform: OwnPlatform | None
    """An operator's; None: every platform."""
    form_token: str | None = None
    """What a form of a page must carry (CSRF); None for a program with a key."""
    user_id: int | None = None
    """Of the person who came, or who answers for the key; None: a command made it."""
    key: KeyHeld | None = None
    """None: a person."""
    lacks_second_factor: bool = False
    """Whether this is a person whose account asks for no code."""

    @property
    def platform_id(self) -> int | None:
        """Of the only platform whose records this caller may see or change; None: of all."""
        return self.platform.id if self.platform else None

    @property
    def platform_code(self) -> str | None:
        """The code of the same platform."""
        return self.platform.code if self.platform else None

    @property
    def sender(self) -> str:
        """Whose heavy work it is: all keys and people of an operator's platform are one sender."""
        return f"platform:{self.platform.code}" if self.platform else self.actor.name

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role grants, and of a key what its scopes name of that."""
        granted = GRANTS[self.role]
        if self.key is None:
            return granted
        return granted & NEEDS_NO_SCOPE.union(*(PERMISSIONS[each] for each in self.key.scopes))

    @property
    def scopes(self) -> frozenset[Scope]:
        """What this caller may hand on to a key of the same role."""
        return scopes_of_role(self.role) if self.key is None else self.key.scopes

    @property
    def takes_steps(self) -> bool:
        """Whether this is a person who takes steps of a count, and so has a use for own keys."""
        return self.key is None and self.may(Permission.DECIDE)

    def may(self, permission: Permission) -> bool:
        """Whether this caller has a permission."""
        return permission in self.permissions


_STATE: Final = "caller"


def current_caller(request: Request) -> Caller:
    """The caller whom the gate let in."""
    caller = getattr(request.state, _STATE)
    assert isinstance(caller, Caller)  # noqa: S101 - set by the gate, before every route
    return caller


def known_caller(request: Request) -> Caller | None:
    """The caller, or None where a page is open to everyone."""
    caller = getattr(request.state, _STATE, None)
    assert caller is None or isinstance(caller, Caller)  # noqa: S101 - set by the gate
    return caller


CurrentCaller = Annotated[Caller, Depends(current_caller)]
