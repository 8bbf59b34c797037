"""The signed statements of a count as the database keeps them: read, and added to."""

from collections.abc import Mapping

import psycopg

from jieru.calendar import civil_date
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord
from verifier.procedure.signing import SignedStatement, SigningKey
from verifier.procedure.statements import next_statement
from verifier.procedure.states import Step
from verifier.procedure.trusted_keys import TrustedKeys, require_trusted_key

__all__ = ["add_statement", "list_statements"]

_SELECT = """
    SELECT content, signature, public_key FROM count_statements WHERE count_id = %s ORDER BY number
"""
_INSERT = """
    INSERT INTO count_statements (count_id, number, content, signature, public_key)
    VALUES (%s, %s, %s, %s, %s)
"""


def list_statements(connection: psycopg.Connection, record: CountRecord) -> list[SignedStatement]:
    """The statements of a count, the first one first; nothing is verified."""
    return [SignedStatement(*row) for row in connection.execute(_SELECT, (record.id,))]


def add_statement(
    connection: psycopg.Connection,
    record: CountRecord,
    step: Step,
    act: Act,
    *,
    key: SigningKey,
    trusted: TrustedKeys,
    says: Mapping[str, object],
) -> None:
    """Sign what was done with a frozen count, and keep it for good.

    Args:
        connection: in the transaction that took the step, which holds the lock of the count.
        record: the count.
        step: that was taken.
        act: who took it, and when.
        key: signs.
        trusted: whose signatures count; the key must be among them.
        says: what the step says, beside who and when.

    Raises:
        UserError: nobody vouches for the key.
        ValueError: the count is not frozen (a bug).
    """
    if record.digest is None:
        raise ValueError(f"the count {record.count_id} is not frozen")
    require_trusted_key(key, trusted, civil_date(act.at))
    before = list_statements(connection, record)
    statement = next_statement(
        key,
        before,
        count_id=record.count_id,
        digest=record.digest,
        step=step,
        by=act.name,
        at=act.at,
        says=says,
    )
    connection.execute(
        _INSERT,
        (
            record.id,
            len(before) + 1,
            statement.content,
            statement.signature,
            statement.public_key,
        ),
    )
