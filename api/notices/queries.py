"""A person's notices and channels, and the messages that were given up."""

import secrets
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import dict_row

from api.access.caller import Caller
from api.notices.answers import (
    ChannelList,
    ChannelRecord,
    DeadMessage,
    DeadMessageList,
    NewChannel,
    NoticeList,
    NoticeRecord,
)
from api.web.problems import Kind, Problem, wrong_value
from jieru.errors import UserError
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from jieru.notices.kinds import KINDS, kinds_of_role
from jieru.notices.kinds import Kind as NoticeKind
from jieru.notices.speaking import sentence_of
from jieru.outbox.queue import revive_dead
from jieru.outbox.sealing import NoticeKey, WebhookSecrets
from jieru.outbox.webhooks import check_webhook

__all__ = [
    "add_channel",
    "channel_of_code",
    "leave_by_code",
    "leave_channel",
    "list_channels",
    "list_dead",
    "list_notices",
    "mark_read",
    "person_of",
    "resend",
    "unread",
]

_MOST: Final = 200
_MOST_CHANNELS: Final = 10
_CODE_BYTES: Final = 16

# What the role or the platform of a person lets see no more, is not shown.
_SELECT: Final = """
    SELECT t.id, t.kind, t.said, t.path, t.happened_at, r.read_at
    FROM notice_readers r JOIN notices t ON t.id = r.notice_id
    WHERE r.user_id = %(user)s AND (%(own)s::integer IS NULL OR t.platform_id = %(own)s)
    ORDER BY t.id DESC LIMIT %(most)s
"""
_UNREAD: Final = """
    SELECT count(*) FROM notice_readers r JOIN notices t ON t.id = r.notice_id
    WHERE r.user_id = %(user)s AND r.read_at IS NULL
      AND (%(own)s::integer IS NULL OR t.platform_id = %(own)s)
"""
_READ: Final = """
    UPDATE notice_readers SET read_at = %(now)s
    WHERE user_id = %(user)s AND read_at IS NULL
      AND (%(ids)s::bigint[] IS NULL OR notice_id = ANY (%(ids)s))
"""
_CHANNELS: Final = """
    SELECT id, channel, address, shape, kinds, frequency, quiet_from, quiet_to, entered_at
    FROM notice_channels WHERE user_id = %s AND left_at IS NULL ORDER BY id
"""
_ADD: Final = """
    INSERT INTO notice_channels (user_id, channel, address, shape, sealed, kinds, frequency,
                                 quiet_from, quiet_to, leave_code)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_LEAVE: Final = """
    UPDATE notice_channels SET left_at = %s WHERE id = %s AND user_id = %s AND left_at IS NULL
"""
_LEAVE_BY_CODE: Final = """
    UPDATE notice_channels SET left_at = %s WHERE leave_code = %s AND left_at IS NULL
"""
_OF_CODE: Final = "SELECT channel, left_at IS NOT NULL FROM notice_channels WHERE leave_code = %s"
_DEAD: Final = """
    SELECT id, channel, subject, attempts, last_error, created_at
    FROM outbox WHERE dead ORDER BY id DESC LIMIT %s
"""


def person_of(caller: Caller) -> int:
    """Whose notices these are.

    Raises:
        Problem: the caller is a program, which has none.
    """
    if caller.form_token is None or caller.user_id is None:
        raise Problem(Kind.NOT_FOUND)
    return caller.user_id


def list_notices(connection: psycopg.Connection, caller: Caller, language: Language) -> NoticeList:
    """The newest notices of a person, in words."""
    translate = translations(language).gettext
    values = {"user": person_of(caller), "own": caller.platform_id, "most": _MOST}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT, values).fetchall()
    items = [
        NoticeRecord(
            id=row["id"],
            kind=row["kind"],
            label=translate(KINDS[NoticeKind(row["kind"])].label),
            text=sentence_of(row["kind"], row["said"], translate),
            path=row["path"],
            happened_at=row["happened_at"],
            read_at=row["read_at"],
        )
        for row in rows
    ]
    return NoticeList(unread=unread(connection, caller), items=items)


def unread(connection: psycopg.Connection, caller: Caller) -> int:
    """How many notices a person has not read."""
    values = {"user": person_of(caller), "own": caller.platform_id}
    (number,) = connection.execute(_UNREAD, values).fetchone() or (0,)
    return int(number)


def mark_read(
    connection: psycopg.Connection, caller: Caller, ids: list[int] | None, *, now: datetime
) -> None:
    """These notices of a person are read; None: all of them."""
    connection.execute(_READ, {"user": person_of(caller), "ids": ids, "now": now})


def list_channels(connection: psycopg.Connection, caller: Caller) -> ChannelList:
    """By which ways a person hears."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_CHANNELS, (person_of(caller),)).fetchall()
    return ChannelList(items=[ChannelRecord.model_validate(row) for row in rows])


def add_channel(
    connection: psycopg.Connection, caller: Caller, wanted: NewChannel, key: NoticeKey | None
) -> ChannelRecord:
    """One more way, in a transaction of the caller's changes.

    Raises:
        Problem: the role hears nothing of a kind, the address is none, or webhooks are not set up.
    """
    user_id = person_of(caller)
    if set(wanted.kinds) - set(kinds_of_role(caller.role)):
        raise wrong_value("kinds", UserError(_("Your role does not hear of this.")))
    if len(list_channels(connection, caller).items) >= _MOST_CHANNELS:
        raise Problem(Kind.CONFLICT, _("There are ten ways already: leave one of them first."))
    address, sealed = wanted.address, None
    if wanted.shape is not None:
        address, sealed = _sealed(user_id, wanted, key)
    row = connection.execute(
        _ADD,
        (
            user_id,
            wanted.channel,
            address,
            wanted.shape,
            sealed,
            sorted(set(wanted.kinds)),
            wanted.frequency,
            wanted.quiet_from,
            wanted.quiet_to,
            secrets.token_urlsafe(_CODE_BYTES),
        ),
    ).fetchone()
    number = row[0] if row else 0
    return next(each for each in list_channels(connection, caller).items if each.id == number)


def _sealed(user_id: int, wanted: NewChannel, key: NoticeKey | None) -> tuple[str, str]:
    if key is None:
        raise Problem(
            Kind.CONFLICT,
            _("Webhooks are not set up here: the administrator sets JIERU_NOTICE_KEY_FILE."),
        )
    try:
        host = check_webhook(wanted.address)
    except UserError as error:
        raise wrong_value("address", error) from None
    return host, key.sealed(user_id, WebhookSecrets(wanted.address, wanted.secret))


def leave_channel(
    connection: psycopg.Connection, caller: Caller, channel_id: int, *, now: datetime
) -> None:
    """End one way of a person.

    Raises:
        Problem: it is none of this person's, or was ended.
    """
    if not connection.execute(_LEAVE, (now, channel_id, person_of(caller))).rowcount:
        raise Problem(Kind.NOT_FOUND)


def channel_of_code(connection: psycopg.Connection, code: str) -> tuple[str, bool] | None:
    """What the code of a link stands for, and whether it was left."""
    return connection.execute(_OF_CODE, (code,)).fetchone()


def leave_by_code(connection: psycopg.Connection, code: str, *, now: datetime) -> None:
    """End the way whose code this is; once more changes nothing."""
    connection.execute(_LEAVE_BY_CODE, (now, code))


def list_dead(connection: psycopg.Connection) -> DeadMessageList:
    """The newest messages that were given up; neither to whom nor what they say."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_DEAD, (_MOST,)).fetchall()
    return DeadMessageList(items=[DeadMessage.model_validate(row) for row in rows])


def resend(connection: psycopg.Connection, message_id: int) -> None:
    """Let a message that was given up be tried anew.

    Raises:
        Problem: it was not given up.
    """
    if not revive_dead(connection, message_id):
        raise Problem(Kind.NOT_FOUND)
