"""Devices as people know them."""

from collections.abc import Iterable
from typing import Final

import psycopg

__all__ = ["names_of_devices"]

_SELECT: Final = """
    SELECT d.id, p.code || '/' || d.serial FROM devices d JOIN platforms p ON p.id = d.platform_id
    WHERE d.id = ANY (%s)
"""


def names_of_devices(connection: psycopg.Connection, device_ids: Iterable[int]) -> dict[int, str]:
    """`PLATFORM/SERIAL` of those that are registered."""
    return dict(connection.execute(_SELECT, (list(set(device_ids)),)).fetchall())
