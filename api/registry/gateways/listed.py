"""The gateways of one platform, as pages list them."""

from datetime import date

import psycopg

from api.access.roles import Permission
from api.console.breadcrumbs import platform_page_address
from api.console.listed import list_address
from api.console.visit import Visit
from api.registry.gateways.queries import GatewayFilter, list_gateways
from api.web.paging import PageRequest

__all__ = ["gateway_rows", "gateways_address"]


def gateways_address(platform: str) -> str:
    """Of the page of a platform's gateways, under which their forms are."""
    return f"{platform_page_address(platform)}/gateways"


def gateway_rows(
    connection: psycopg.Connection,
    visit: Visit,
    platform: str,
    page: PageRequest,
    *,
    ended_on: date | None,
) -> dict[str, object]:
    """What `gateways/rows.html` shows: one page of them, and where the next one is.

    Args:
        connection: for reading.
        visit: who asks.
        platform: its code.
        page: which.
        ended_on: of the platform; None: it has no end.
    """
    of_platform = GatewayFilter(platform=platform)
    gateways = list_gateways(connection, visit.caller, of_platform, page)
    path, cursor = gateways_address(platform), gateways.next_cursor
    return {
        "gateways": gateways.items,
        "gateways_address": path,
        "more_gateways_address": list_address(path, {"cursor": cursor}) if cursor else None,
        "may_change_gateways": ended_on is None and visit.may(Permission.CHANGE_CREDENTIALS),
    }
