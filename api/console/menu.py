"""The menu on the left: what a caller may open."""

from typing import Final, NamedTuple

from api.access.caller import Caller
from api.access.roles import Permission
from jieru.i18n import marked as _

__all__ = ["MenuItem", "menu_of"]


class MenuItem(NamedTuple):
    """One entry of the menu."""

    label: str
    """In English, for the catalogue."""
    address: str
    icon: str
    """Name of a file in `templates/icons`."""
    permission: Permission | None
    """None: open to everyone."""

    def is_current(self, path: str) -> bool:
        """Whether a page stands under this entry."""
        if self.address == "/":
            return path == "/"
        return path == self.address or path.startswith(f"{self.address}/")


_MENU: Final = (
    MenuItem(_("Overview"), "/", "overview", Permission.READ_REGISTRY),
    MenuItem(
        _("Administration"), "/administration", "administration", Permission.READ_ADMINISTRATION
    ),
    MenuItem(_("Platforms"), "/platforms", "platforms", Permission.READ_REGISTRY),
    MenuItem(_("Enterprises"), "/enterprises", "enterprises", Permission.READ_REGISTRY),
    MenuItem(
        _("Connection requests"), "/connection-requests", "requests", Permission.READ_REGISTRY
    ),
    MenuItem(_("Confirmations"), "/confirmations", "confirmations", Permission.READ_REGISTRY),
    MenuItem(_("Challenges"), "/challenges", "challenges", Permission.READ_PROCEDURE),
    MenuItem(_("Devices"), "/devices", "devices", Permission.READ_REGISTRY),
    MenuItem(_("Import"), "/imports", "imports", Permission.READ_REGISTRY),
    MenuItem(_("Annual counts"), "/counts", "counts", Permission.READ_COUNTS),
    MenuItem(_("Opening stocks"), "/opening-stocks", "opening-stocks", Permission.READ_PROCEDURE),
    MenuItem(_("Draws and visits"), "/draws", "draws", Permission.READ_PROCEDURE),
    MenuItem(_("Cases"), "/cases", "cases", Permission.READ_CASES),
    MenuItem(_("Questions to you"), "/questions", "cases", Permission.READ_QUESTIONS),
    MenuItem(_("Audit panels"), "/panels", "panels", Permission.READ_PANELS),
    MenuItem(_("Rejections"), "/rejections", "rejections", Permission.READ_REJECTIONS),
    MenuItem(_("API keys"), "/api-keys", "api-keys", Permission.READ_KEYS),
    MenuItem(_("Audit log"), "/audit", "audit", Permission.READ_AUDIT),
    MenuItem(_("Access log"), "/access-log", "access-log", Permission.READ_ACCESS_LOG),
    MenuItem(_("API reference"), "/docs", "reference", None),
)


def menu_of(caller: Caller | None) -> list[MenuItem]:
    """The entries that lead this caller anywhere."""
    return [
        item
        for item in _MENU
        if item.permission is None or (caller is not None and caller.may(item.permission))
    ]
