"""What the broker told of connections, where it tells: who was let in, refused, or not obeyed.

`jieru broker follow` writes it; a database without its table has told nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from api.connect.answers import Arrival, BrokerArrival
from api.connect.subjects import Subject
from jieru.i18n import Language, translations
from jieru.i18n import marked as _

__all__ = ["broker_arrival", "is_of", "select_broker_events"]

_MOST: Final = 500
_IS_TOLD: Final = "SELECT to_regclass('broker_events') IS NOT NULL"
_SELECT: Final = """
    SELECT broker_events.id, at, kind, username, address, topic, detail, number, code AS platform
    FROM broker_events LEFT JOIN platforms ON platforms.id = platform_id
    WHERE at >= %(since)s
          AND (username = ANY (%(usernames)s)
               OR platform_id IN (SELECT id FROM platforms WHERE code = ANY (%(platforms)s)))
    ORDER BY at DESC LIMIT %(most)s
"""
_TOLD: Final[Mapping[tuple[str, str], str]] = {
    ("connected", ""): _("{username} was let in, from {address}."),
    ("disconnected", ""): _("The connection of {username} ended."),
    ("disconnected", "left"): _("{username} said goodbye."),
    ("disconnected", "lost"): _("The connection of {username} broke, or fell silent for too long."),
    ("disconnected", "taken_over"): _(
        "The connection of {username} was ended by a later one under the same name: each process "
        "needs a credential of its own."
    ),
    ("disconnected", "revoked"): _(
        "The connection of {username} was ended: its credential is revoked."
    ),
    ("disconnected", "broker_ended"): _("The broker ended the connection of {username}."),
    ("disconnected", "protocol"): _(
        "{username} did not keep to MQTT, or sent too much at once, and was disconnected."
    ),
    ("refused", ""): _("{username} was not let in, from {address}: check name and secret."),
    ("refused", "wrong_secret"): _(
        "{username} was not let in, from {address}: the secret is wrong, or older than the last "
        "replacement."
    ),
    ("refused", "unknown_user"): _(
        "{username} was not let in, from {address}: no credential has this name."
    ),
    ("denied", ""): _(
        "A message of {username} was dropped: it may not publish on {topic}. "
        "Its topic stands below."
    ),
}
"""By kind and detail; a detail that is not here is told as the kind alone."""


def select_broker_events(
    connection: psycopg.Connection, subjects: Sequence[Subject], since: datetime
) -> list[dict[str, Any]]:
    """What was told since a moment of the users of these subjects; of a platform's of all."""
    if connection.execute(_IS_TOLD).fetchone() != (True,):
        return []
    names = [each.name for each in subjects]
    values = {
        "since": since,
        "usernames": sorted({user for name in names for user in name.usernames}),
        "platforms": sorted({name.platform for name in names if name.is_platform}),
        "most": _MOST,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_SELECT, values, prepare=False).fetchall()


def is_of(row: Mapping[str, Any], subject: Subject) -> bool:
    """Whether what was told is of this subject."""
    name = subject.name
    if name.is_platform:
        return bool(row["platform"] == name.platform)
    return row["username"] in name.usernames


def broker_arrival(row: Mapping[str, Any], language: Language) -> Arrival:
    """What was told, in the reader's language."""
    kind, detail = row["kind"], row["detail"]
    message = _TOLD.get((kind, detail)) or _TOLD[kind, ""]
    said = translations(language).gettext(message)
    return Arrival(
        id=f"broker-{row['id']}",
        at=row["at"],
        broker=BrokerArrival(
            kind=kind,
            username=row["username"],
            number=row["number"],
            said=said.format(
                username=row["username"] or "?", address=row["address"] or "?", topic=row["topic"]
            ),
        ),
    )
