"""What a command reads out of the database that is personal, or of awards, leaves an entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
import psycopg

from command.counting import open_database
from jieru.access_entries import AccessKind, write_access_entry
from jieru.audit import command_actor
from jieru.settings import Settings

__all__ = ["opened_to_read_out"]

# The role of checks enters nothing, nor does a standby: there the log of PostgreSQL says who came.
_CAN_ENTER: Final = """
    SELECT has_table_privilege('access_entries', 'INSERT')
           AND current_setting('transaction_read_only') = 'off'
"""


@contextmanager
def opened_to_read_out(
    settings: Settings, *about: object, kind: AccessKind = AccessKind.READ
) -> Iterator[psycopg.Connection]:
    """The database, once the access log has that this command reads it.

    Args:
        settings: of this process.
        about: what is read: a year, a platform, an enterprise.
        kind: a read, or an export where a file is written.
    """
    words = [click.get_current_context().command_path, *about]
    record = " ".join(str(each) for each in words if each is not None)
    actor = command_actor()
    with open_database(settings) as connection:
        if connection.execute(_CAN_ENTER).fetchone() == (True,):
            write_access_entry(
                connection, kind, actor=actor.name, origin=actor.origin, record=record
            )
        connection.commit()
        yield connection
