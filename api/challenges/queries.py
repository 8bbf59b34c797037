"""Challenges as the bureau and auditors see them; nobody of a platform does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.access.caller import Caller
from api.challenges.answers import ChallengePage, ChallengeRecord
from api.web.listing import Search, Where, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import refusals_answered
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.settings import Settings
from registry.confirmations import Asking
from verifier.procedure.holidays import Holidays
from verifier.trust.challenges.choosing import is_early_or_late_hour, is_working_hour
from verifier.trust.challenges.records import issue_for_connection

__all__ = ["ChallengeSource", "issue_challenge", "list_challenges"]

_SELECT: Final = SQL("""
    SELECT challenges.id, connection_id, platforms.code AS platform, uscc,
           enterprises.name AS enterprise_name, serial, issued_by, issued_at, ends_at,
           acknowledged_at, result, ground, judged_at
    FROM challenges
    JOIN connections ON connections.id = connection_id
    JOIN platforms ON platforms.id = connections.platform_id
    JOIN enterprises ON enterprises.id = connections.enterprise_id
    JOIN devices ON devices.id = device_id
    WHERE challenges.id = ANY (%(ids)s)
    ORDER BY challenges.id
""")
_OF_CONNECTION: Final = Where(SQL("challenges.connection_id = %(connection_id)s"))


@dataclass(frozen=True, slots=True)
class ChallengeSource:
    """What challenges need beside the database."""

    settings: Settings
    holidays: Holidays


def list_challenges(
    connection: psycopg.Connection, connection_id: int | None, page: PageRequest
) -> ChallengePage:
    """One page of challenges, of one connection or of all.

    Raises:
        Problem: the cursor is none of this list.
    """
    conditions = [] if connection_id is None else [_OF_CONNECTION]
    values = {"connection_id": connection_id}
    found = find_page(connection, Search("challenges", {"id": int}, conditions, values), page)
    return ChallengePage(items=_read(connection, found.ids), next_cursor=found.next_cursor)


@refusals_answered()
def issue_challenge(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    source: ChallengeSource,
    *,
    now: datetime,
) -> ChallengeRecord:
    """Challenge the enterprise of a connection, in a transaction of the caller's changes.

    Raises:
        Problem: nobody is at work, it cannot be challenged, or links have no address.
    """
    is_early_or_late = is_early_or_late_hour(now, source.holidays)
    if not is_early_or_late and not is_working_hour(now, source.holidays):
        raise Problem(Kind.CONFLICT, _("Nobody is challenged outside of working hours."))
    try:
        asking = Asking.of_settings(source.settings)
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None
    by = caller.actor.name
    challenge_id = issue_for_connection(
        connection, connection_id, asking, by=by, now=now, is_early_or_late=is_early_or_late
    )
    (made,) = _read(connection, [challenge_id])
    return made


def _read(connection: psycopg.Connection, ids: list[int]) -> list[ChallengeRecord]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT, {"ids": ids})
        return [ChallengeRecord.model_validate(row) for row in rows]
