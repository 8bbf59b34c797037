"""Opening stocks: a registry that is older than the rule is accepted as it stood on a day.

By two people, for one platform or all. Recorded, confirmed, withdrawn; never changed or deleted.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from jieru.errors import UserError

__all__ = [
    "RecordedStock",
    "accept_opening_stock",
    "confirm_opening_stock",
    "list_opening_stocks",
    "withdraw_opening_stock",
]

_EARLIEST: Final = date(2015, 1, 1)
_SELECT_PLATFORM: Final = "SELECT id FROM platforms WHERE code = %s"
_SELECT_TODAY: Final = "SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date"
_INSERT: Final = """
    INSERT INTO opening_stocks (platform_id, stood_on, reason, attachment, decided_by)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_SELECT_STEP: Final = """
    SELECT decided_by, person_key(decided_by) = person_key(%s), needs_second, confirmed_by,
           withdrawn_at IS NOT NULL
    FROM opening_stocks WHERE id = %s FOR UPDATE
"""
_CONFIRM: Final = """
    UPDATE opening_stocks SET confirmed_at = now(), confirmed_by = %s WHERE id = %s
"""
_WITHDRAW: Final = """
    UPDATE opening_stocks SET withdrawn_at = now(), withdrawn_by = %s, withdrawn_reason = %s
    WHERE id = %s
"""
_SELECT: Final = """
    SELECT o.id, p.code AS platform, stood_on, reason, attachment, decided_by, decided_at,
           needs_second, confirmed_by, confirmed_at, withdrawn_reason, withdrawn_by, withdrawn_at
    FROM opening_stocks o LEFT JOIN platforms p ON p.id = o.platform_id
    ORDER BY o.id
"""


@dataclass(frozen=True, slots=True)
class RecordedStock:
    """An opening stock with all that became of it."""

    id: int
    platform: str | None
    """None: all platforms."""
    stood_on: date
    reason: str
    attachment: str | None
    decided_by: str
    decided_at: datetime
    needs_second: bool
    confirmed_by: str | None
    confirmed_at: datetime | None
    withdrawn_reason: str | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether it has no effect before another person confirmed it."""
        return self.withdrawn_at is None and self.needs_second and self.confirmed_at is None

    def to_json_object(self) -> dict[str, object]:
        """As JSON has it; instants in ISO 8601, UTC."""
        return {
            "id": self.id,
            "platform": self.platform,
            "stood_on": self.stood_on.isoformat(),
            "reason": self.reason,
            "attachment": self.attachment,
            "decided_by": self.decided_by,
            "decided_at": _text(self.decided_at),
            "needs_second": self.needs_second,
            "confirmed_by": self.confirmed_by,
            "confirmed_at": _text(self.confirmed_at),
            "withdrawn_reason": self.withdrawn_reason,
            "withdrawn_by": self.withdrawn_by,
            "withdrawn_at": _text(self.withdrawn_at),
        }


def accept_opening_stock(
    connection: psycopg.Connection,
    platform: str | None,
    stood_on: date,
    *,
    reason: str,
    decided_by: str,
    attachment: str | None = None,
) -> int:
    """Let all that was recorded by a day count from its first day; its number.

    The caller commits. It has no effect before another person confirmed it, but on a database of
    simulated data.

    Args:
        connection: where to write.
        platform: the code of the only platform concerned; None: all platforms.
        stood_on: the last civil day of recording that is accepted.
        reason: why, for everyone who reads the count.
        decided_by: who answers for it.
        attachment: where the document behind it is kept.

    Raises:
        UserError: the platform is unknown, the day is yet to come, or nothing is said.
    """
    reason, decided_by = _said(reason), _said(decided_by)
    platform_id = None
    if platform is not None:
        row = connection.execute(_SELECT_PLATFORM, (platform,)).fetchone()
        if row is None:
            raise UserError("There is no platform {platform}.", platform=platform)
        platform_id = row[0]
    ((today,),) = connection.execute(_SELECT_TODAY)
    if not _EARLIEST <= stood_on <= today:
        raise UserError(
            "{day} is no day on which a registry stood: name one from {first} to {today}.",
            day=stood_on.isoformat(),
            first=_EARLIEST.isoformat(),
            today=today.isoformat(),
        )
    values = (platform_id, stood_on, reason, (attachment or "").strip() or None, decided_by)
    ((number,),) = connection.execute(_INSERT, values)
    return int(number)


def confirm_opening_stock(connection: psycopg.Connection, number: int, *, by: str) -> None:
    """Let an opening stock that waits for a second person take effect; the caller commits.

    Raises:
        UserError: there is none of this number, it does not wait, or whoever decided asks.
    """
    by = _said(by)
    decided_by, is_same_person, needs_second, before = _open_stock(connection, number, by)
    if not needs_second:
        raise UserError("Opening stock {id} needs no second person: it has its effect.", id=number)
    if before is not None:
        raise UserError("{name} confirmed opening stock {id} already.", name=before, id=number)
    if is_same_person:
        raise UserError(
            "{name} accepted opening stock {id}: another person must confirm it.",
            name=decided_by,
            id=number,
        )
    connection.execute(_CONFIRM, (by, number))


def withdraw_opening_stock(
    connection: psycopg.Connection, number: int, *, reason: str, by: str
) -> None:
    """Withdraw an opening stock, once; the caller commits.

    Raises:
        UserError: there is none of this number, it is withdrawn already, or nothing is said.
    """
    reason, by = _said(reason), _said(by)
    _open_stock(connection, number, by)
    connection.execute(_WITHDRAW, (by, reason, number))


def list_opening_stocks(connection: psycopg.Connection) -> list[RecordedStock]:
    """All of them, withdrawn ones too, oldest first."""
    with connection.cursor(row_factory=class_row(RecordedStock)) as cursor:
        return cursor.execute(_SELECT).fetchall()


def _open_stock(
    connection: psycopg.Connection, number: int, by: str
) -> tuple[str, bool, bool, str | None]:
    row = connection.execute(_SELECT_STEP, (by, number)).fetchone()
    if row is None:
        raise UserError("There is no opening stock {id}.", id=number)
    decided_by, is_same_person, needs_second, before, is_withdrawn = row
    if is_withdrawn:
        raise UserError("Opening stock {id} is withdrawn already.", id=number)
    return decided_by, is_same_person, needs_second, before


def _said(text: str) -> str:
    if not text.strip():
        raise UserError("A decision needs a reason and the name of who decided.")
    return text.strip()


def _text(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat() if instant else None
