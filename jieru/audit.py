"""Who changes a record, and from where: said once at the start of a transaction.

The database's own triggers write the entries and chain them (`migrations/0004_audit.sql`); a
change made without a word from here is entered under the database's role.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

__all__ = ["Actor", "act_as", "changing", "command_actor"]

# The head of the chain first: so writers queue up before they hold anything else. Only a function
# may lock it, for nobody who changes records may write to it.
_ACT_AS = """
    SELECT hold_audit_head(),
           set_config('jieru.actor', %s, true), set_config('jieru.origin', %s, true)
"""
_NAME_ACTOR = """
    SELECT set_config('jieru.actor', %s, true), set_config('jieru.origin', %s, true)
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something."""

    name: str
    """`user:NAME`, `key:ID` or `command:NAME`."""
    origin: str
    """From where: an IP address, or `command line`."""


def command_actor() -> Actor:
    """Whoever runs this process's command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = "?"
    return Actor(f"command:{name}", "command line")


@contextmanager
def changing(connection: psycopg.Connection, actor: Actor) -> Iterator[None]:
    """A transaction whose changes are entered under this actor.

    Writers of audited records follow one another: this waits for the one before, and keeps the
    next one out until the outermost transaction ends.
    """
    with connection.transaction():
        connection.execute(_ACT_AS, (actor.name, actor.origin))
        yield


def act_as(connection: psycopg.Connection, actor: Actor) -> None:
    """Enter what this transaction changes under this actor, without taking the audit's turn.

    For roles that may not take it, and for a single statement, which holds nothing before it.
    """
    connection.execute(_NAME_ACTOR, (actor.name, actor.origin))
