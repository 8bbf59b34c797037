"""What people did in a count so far, and how many people this database asks for."""

import psycopg

from jieru.database import read_installation
from verifier.procedure.records import CountRecord
from verifier.procedure.separation import Deed, DeedKind, Strictness, require_another_person
from verifier.procedure.states import Step

__all__ = ["read_deeds", "read_strictness", "require_permitted"]

_SELECT = """
    SELECT deed, person, done_at, number, platform, uscc, name FROM count_deeds
    WHERE count_id = %s ORDER BY done_at, deed, number
"""


def read_deeds(connection: psycopg.Connection, record: CountRecord) -> list[Deed]:
    """Everything that anybody did in a count, the first deed first."""
    rows = connection.execute(_SELECT, (record.id,))
    return [Deed(DeedKind(kind), *others) for kind, *others in rows]


def read_strictness(connection: psycopg.Connection) -> Strictness:
    """How many people this database asks for."""
    return Strictness.of(is_simulation=read_installation(connection).is_simulation)


def require_permitted(
    connection: psycopg.Connection, record: CountRecord, step: Step, person: str
) -> None:
    """Check that a person may take a step of a count, whatever its state.

    Raises:
        UserError: the same person did something in it that another must check.
    """
    deeds, strictness = read_deeds(connection, record), read_strictness(connection)
    require_another_person(step, record.count_id, person, deeds, strictness)
