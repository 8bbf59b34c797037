"""The menu on the left."""

import pytest

from api.access.caller import Caller
from api.access.roles import Role
from api.console.menu import menu_of
from jieru.audit import Actor


def addresses(role: Role | None) -> list[str]:
    """Where the menu of somebody with this role leads; None: of nobody."""
    caller = Caller(Actor("user:x", "127.0.0.1"), "X", role, None) if role else None
    return [item.address for item in menu_of(caller)]


def test_nobody_sees_more_than_what_is_open_to_everyone() -> None:
    """The reference of the API."""
    assert addresses(None) == ["/docs"]


@pytest.mark.parametrize("role", Role)
def test_whoever_is_signed_in_may_look_at_everything(role: Role) -> None:
    """Roles differ in what they change."""
    assert addresses(role)[0] == "/"
    assert {"/devices", "/imports", "/counts", "/audit"} <= set(addresses(role))


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", "/"),
        ("/devices", "/devices"),
        ("/devices/xielian/CNC-01", "/devices"),
        ("/devices-of-others", None),
        ("/counts/2026", "/counts"),
    ],
)
def test_an_entry_is_current_on_all_pages_under_it(path: str, current: str | None) -> None:
    """And on no other."""
    caller = Caller(Actor("user:x", "127.0.0.1"), "X", Role.ADMIN, None)
    found = [item.address for item in menu_of(caller) if item.is_current(path)]
    assert found == ([current] if current else [])
