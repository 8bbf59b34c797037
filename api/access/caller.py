"""Whoever sent the request that is being answered."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from api.access.roles import GRANTS, Permission, Role
from jieru.audit import Actor

__all__ = ["Caller", "CurrentCaller", "OwnPlatform", "current_caller", "known_caller"]


@dataclass(frozen=True, slots=True)
class OwnPlatform:
    """The one platform of an operator."""

    id: int
    code: str


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

    def may(self, permission: Permission) -> bool:
        """Whether this caller's role has a permission."""
        return permission in GRANTS[self.role]


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
