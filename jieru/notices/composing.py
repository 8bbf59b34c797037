"""What waits for a channel becomes one message of the outbox, when the channel may speak.

A message and the mark on what it tells are one transaction: whoever dies leaves both or neither.
"""

import hashlib
from datetime import datetime
from typing import Final

import psycopg
import structlog
from psycopg.rows import class_row

from jieru.i18n import Language, translations
from jieru.notices.schedule import Frequency, Rhythm, is_due
from jieru.notices.speaking import Told, message_of
from jieru.outbox.sending import LEAVE_PATH

__all__ = ["compose_due"]

_AT_ONCE: Final = 200
"""Channels that one look puts messages together for."""
_WAITING: Final = """
    SELECT c.id, c.frequency, c.quiet_from, c.quiet_to,
           (SELECT min(t.told_at) FROM notice_deliveries w JOIN notices t ON t.id = w.notice_id
            WHERE w.channel_id = c.id AND w.outbox_id IS NULL) AS told_at,
           (SELECT o.created_at FROM outbox o WHERE o.notice_channel_id = c.id
            ORDER BY o.id DESC LIMIT 1) AS composed_at
    FROM notice_channels c
    WHERE c.left_at IS NULL
      AND EXISTS (SELECT FROM notice_deliveries w WHERE w.channel_id = c.id AND w.outbox_id IS NULL)
    ORDER BY c.id
"""
_LOCK: Final = """
    SELECT c.channel, c.address, c.leave_code FROM notice_channels c
    WHERE c.id = %s AND c.left_at IS NULL FOR UPDATE SKIP LOCKED
"""
# What the person may not see any more, since the role or the platform is another, is not told.
_NOTICES: Final = """
    SELECT t.id, t.kind, t.said, t.path, t.happened_at
    FROM notice_deliveries w
    JOIN notices t ON t.id = w.notice_id
    JOIN notice_channels c ON c.id = w.channel_id
    JOIN users u ON u.id = c.user_id
    WHERE w.channel_id = %s AND w.outbox_id IS NULL AND u.disabled_at IS NULL
      AND (u.role <> 'operator' OR t.platform_id = u.platform_id)
    ORDER BY t.happened_at, t.id
"""
_ADD: Final = """
    INSERT INTO outbox (event_key, channel, recipient, subject, body, notice_channel_id, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (event_key) DO NOTHING RETURNING id
"""
_MARK: Final = """
    UPDATE notice_deliveries SET outbox_id = %s WHERE channel_id = %s AND notice_id = ANY (%s)
"""
_log = structlog.get_logger()


def compose_due(
    connection: psycopg.Connection,
    *,
    public_url: str,
    language: Language,
    is_simulation: bool,
    now: datetime,
) -> int:
    """Put together what is due; how many messages that are.

    Args:
        connection: in autocommit mode, outside a transaction.
        public_url: of the console, without a slash at the end.
        language: of the messages.
        is_simulation: whether nothing of it is real, which each message says.
        now: the moment.
    """
    composed = 0
    for channel_id, frequency, quiet_from, quiet_to, told_at, composed_at in connection.execute(
        _WAITING
    ).fetchall():
        rhythm = Rhythm(Frequency(frequency), quiet_from, quiet_to)
        if not is_due(rhythm, composed_at=composed_at, told_at=told_at, now=now):
            continue
        with connection.transaction():
            composed += _compose(
                connection, channel_id, public_url, language, now, is_simulation=is_simulation
            )
        if composed >= _AT_ONCE:
            break
    return composed


def _compose(
    connection: psycopg.Connection,
    channel_id: int,
    public_url: str,
    language: Language,
    now: datetime,
    *,
    is_simulation: bool,
) -> bool:
    locked = connection.execute(_LOCK, (channel_id,)).fetchone()
    if locked is None:
        return False
    channel, address, code = locked
    with connection.cursor(row_factory=class_row(Told)) as cursor:
        notices = cursor.execute(_NOTICES, (channel_id,)).fetchall()
    if not notices:
        return False
    written = message_of(
        notices,
        translations(language).gettext,
        public_url=public_url,
        leave_address=f"{public_url}{LEAVE_PATH}{code}",
        is_simulation=is_simulation,
    )
    ids = [each.id for each in notices]
    digest = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:32]
    row = connection.execute(
        _ADD,
        (
            f"notices/{channel_id}/{digest}",
            channel,
            address,
            " ".join(written.subject.split()),
            written.body,
            channel_id,
            now,
        ),
    ).fetchone()
    if row is None:
        return False
    connection.execute(_MARK, (row[0], channel_id, ids))
    _log.info("notices_composed", message=row[0], notices=len(ids))
    return True
