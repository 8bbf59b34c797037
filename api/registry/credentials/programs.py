"""Programs that publish with a credential, filled with its address, topic and name."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import psycopg
from fastapi import Depends

from api.web.services import service
from jieru.credentials.usernames import EquipmentUser
from jieru.credentials.ways_in import UNKNOWN_HTTPS, UNKNOWN_SERIAL, WaysIn
from jieru.i18n import Language
from jieru.snippets.snippet import Publishing, Snippet, snippets
from jieru.wire import PublisherKind

__all__ = [
    "EquipmentWaysIn",
    "Program",
    "connect_page_address",
    "filled_program",
    "first_serial",
    "fitting_snippets",
]

EquipmentWaysIn = Annotated[WaysIn, Depends(service(WaysIn))]
"""How equipment reaches us."""

# By the index of a platform's serials.
_SELECT_FIRST: str = """
    SELECT serial FROM devices
    WHERE platform_id = (SELECT id FROM platforms WHERE code = %s) AND ended_on IS NULL
    ORDER BY serial LIMIT 1
"""


class Program(NamedTuple):
    """A snippet as a page shows it."""

    name: str
    title: str
    text: str
    is_tried: bool
    lacks_address: bool
    """Whether it needs an address that the administrator has not named."""


def fitting_snippets(kind: PublisherKind) -> Sequence[Snippet]:
    """Those with which such equipment can publish, in the order in which they are shown."""
    return [each for each in snippets() if kind.value in each.fits]


def filled_program(snippet: Snippet, publishing: Publishing, language: Language) -> Program:
    """A snippet with these values in it."""
    text = snippet.filled(publishing)
    return Program(
        name=snippet.name,
        title=snippet.title[language],
        text=text,
        is_tried=snippet.is_tried,
        lacks_address=UNKNOWN_HTTPS in text,
    )


def first_serial(connection: psycopg.Connection, platform: str) -> str:
    """A device that a cloud's or a gateway's program may speak for, where there is one."""
    row = connection.execute(_SELECT_FIRST, (platform,)).fetchone()
    return UNKNOWN_SERIAL if row is None else str(row[0])


def connect_page_address(user: EquipmentUser) -> str:
    """Of the page on which this equipment is connected."""
    if user.publisher.kind is PublisherKind.DEVICE:
        return f"/devices/{user.platform}/{user.serial}/connect"
    if user.publisher.kind is PublisherKind.GATEWAY:
        return f"/platforms/{user.platform}/gateways/{user.publisher.gateway}/connect"
    return f"/platforms/{user.platform}/connect"
