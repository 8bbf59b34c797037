"""What a server and a database must be for the schema to be made there."""

from typing import Final

import psycopg

from jieru.errors import UserError

__all__ = ["OLDEST_SERVER", "require_suitable_server"]

OLDEST_SERVER: Final = 15
"""Its `NULLS NOT DISTINCT` is in the schema."""

_ASK: Final = """
    SELECT current_database(), current_setting('server_encoding'),
           current_setting('server_version_num')::integer / 10000
"""


def require_suitable_server(connection: psycopg.Connection) -> None:
    """Check what no migration can change.

    Raises:
        UserError: the server is too old, or the database keeps text in another encoding.
    """
    name, encoding, version = connection.execute(_ASK).fetchone() or ("", "", 0)
    if version < OLDEST_SERVER:
        raise UserError(
            "This server is PostgreSQL {version}; Jieru needs {oldest} or later: upgrade it.",
            version=version,
            oldest=OLDEST_SERVER,
        )
    if encoding != "UTF8":
        raise UserError(
            "The database {name} keeps text as {encoding}, which does not hold what equipment and "
            "people write; make another with: CREATE DATABASE {name} ENCODING 'UTF8' "
            "TEMPLATE template0",
            name=name,
            encoding=encoding,
        )
