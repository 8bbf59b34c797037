"""The addresses of the pages that others stand under, and the trails that lead to those."""

from typing import Final

from api.console.visit import Visit
from jieru.i18n import marked as _
from jieru.wire import DeviceAddress

__all__ = [
    "Breadcrumbs",
    "device_breadcrumbs",
    "device_page_address",
    "enterprise_breadcrumbs",
    "enterprise_page_address",
    "platform_breadcrumbs",
    "platform_page_address",
]

Breadcrumbs = list[tuple[str, str]]
"""Pages from the outermost inwards, each with its label, translated, and its address."""

_PLATFORMS: Final = "/platforms"
_ENTERPRISES: Final = "/enterprises"
_DEVICES: Final = "/devices"


def platform_page_address(code: str) -> str:
    """Of a platform's page."""
    return f"{_PLATFORMS}/{code}"


def platform_breadcrumbs(visit: Visit, code: str, name: str) -> Breadcrumbs:
    """What leads to the pages about a platform."""
    return [(visit.translate(_("Platforms")), _PLATFORMS), (name, platform_page_address(code))]


def enterprise_page_address(uscc: str) -> str:
    """Of an enterprise's page."""
    return f"{_ENTERPRISES}/{uscc}"


def enterprise_breadcrumbs(visit: Visit, uscc: str, name: str) -> Breadcrumbs:
    """What leads to the pages about an enterprise."""
    return [
        (visit.translate(_("Enterprises")), _ENTERPRISES),
        (name, enterprise_page_address(uscc)),
    ]


def device_page_address(device: DeviceAddress) -> str:
    """Of a device's page."""
    return f"{_DEVICES}/{device.platform}/{device.serial}"


def device_breadcrumbs(visit: Visit, device: DeviceAddress) -> Breadcrumbs:
    """What leads to the pages about a device."""
    return [(visit.translate(_("Devices")), _DEVICES), (device.serial, device_page_address(device))]
