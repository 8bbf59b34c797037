"""Why a device that sends is not heard: its messages are refused, or its clock is far off."""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.access.caller import Caller
from api.registry.devices.queries import find_device
from api.web.far_behind import came_from_long_ago
from api.web.rejection_details import RejectionDetail, told
from jieru.i18n import Language
from jieru.wire import DeviceAddress, RejectionReason

__all__ = ["TroubleAnswer", "read_trouble"]

_RECENT: Final = timedelta(days=7)
_FAR_BEHIND: Final = timedelta(days=1)
"""So much later than its time stamp the newest heartbeat was received."""
_BACKLOG: Final = timedelta(hours=1)
"""For so long after a heartbeat of now a device may send what it kept."""

# The newest by its own time stamp: of a device whose clock is right nothing newer can be there.
_SELECT_NEWEST: Final = """
    SELECT time, received_at FROM heartbeats
    WHERE device_id = %s AND time >= %s ORDER BY time DESC LIMIT 1
"""
# As the indexes have them; in LIKE an underscore stands for any letter. What nobody could read row
# by row stands under the topic of the message: of a source, or of Sparkplug.
_SELECT_REFUSED: Final = r"""
    (SELECT id, received_at, reason, topic, payload, payload_bytes, path, detail FROM rejections
     WHERE topic LIKE 'jieru/v1/%%/%%' AND split_part(topic, '/', 3) = %(platform)s
           AND (topic LIKE '%%/' || replace(%(serial)s, '_', '\_') || '/heartbeat'
                OR topic LIKE '%%/own/' || replace(%(serial)s, '_', '\_') || '/in/%%'
                OR topic LIKE '%%/in/%%/' || replace(%(serial)s, '_', '\_')
                OR reason = 'bad_topic'
                   AND topic || '/' LIKE '%%/' || replace(%(serial)s, '_', '\_') || '/%%')
           AND received_at >= %(since)s
     ORDER BY received_at DESC, id DESC LIMIT 1)
    UNION ALL
    (SELECT id, received_at, reason, topic, payload, payload_bytes, path, detail FROM rejections
     WHERE topic LIKE 'spBv1.0/%%/%%'
           AND split_part(split_part(topic, '/', 2), '.', 1) = %(platform)s
           AND topic LIKE '%%/' || replace(%(serial)s, '_', '\_')
           AND received_at >= %(since)s
     ORDER BY received_at DESC, id DESC LIMIT 1)
    ORDER BY received_at DESC, id DESC LIMIT 1
"""
_EXAMPLE: Final[JsonDict] = {
    "kind": "clock_behind",
    "received_at": "2026-05-30T04:59:31Z",
    "behind_s": 157680000,
    "refused": None,
}


class RefusedAnswer(BaseModel):
    """The last message of a device that was not taken."""

    topic: str
    reason: RejectionReason
    detail: RejectionDetail


class TroubleAnswer(BaseModel):
    """What keeps a device that sends from being heard."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    kind: Literal["refused", "clock_behind"] | None = Field(
        description="`refused`: since it was last heard its messages are not taken. "
        "`clock_behind`: it is heard with time stamps of long ago. null: neither."
    )
    received_at: datetime | None = Field(description="When its last message came.")
    behind_s: int | None = Field(description="How far its clock is behind, in seconds.")
    refused: RefusedAnswer | None = Field(description="The last message that was not taken.")


def read_trouble(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    language: Language,
    *,
    now: datetime,
) -> TroubleAnswer:
    """What keeps a device from being heard, of the last seven days.

    Raises:
        Problem: there is no such device, or not for this caller.
    """
    device = find_device(connection, caller, address, now=now)
    heard = None
    if device.last_seen_at is not None:
        values = (device.id, device.last_seen_at - _FAR_BEHIND)
        heard = connection.execute(_SELECT_NEWEST, values).fetchone()
    since = now - _RECENT
    if heard is not None:
        heard = _last_arrival(connection, device.id, heard, since)
        since = max(since, heard[1])
    refused = _last_refused(connection, address, since)
    if refused is not None:
        answer = RefusedAnswer(
            topic=refused["topic"], reason=refused["reason"], detail=told(refused, language)
        )
        return TroubleAnswer(
            kind="refused", received_at=refused["received_at"], behind_s=None, refused=answer
        )
    if heard is not None and heard[1] > now - _RECENT and heard[1] - heard[0] > _FAR_BEHIND:
        behind = int((heard[1] - heard[0]).total_seconds())
        return TroubleAnswer(
            kind="clock_behind", received_at=heard[1], behind_s=behind, refused=None
        )
    return TroubleAnswer(kind=None, received_at=None, behind_s=None, refused=None)


def _last_arrival(
    connection: psycopg.Connection,
    device_id: int,
    newest: tuple[datetime, datetime],
    since: datetime,
) -> tuple[datetime, datetime]:
    """Time stamp and arrival of what came last, where that is not the newest by its time stamp.

    A backlog that is sent after a heartbeat of now is no clock that fell back.
    """
    after = max(since, newest[1] + _BACKLOG)
    oldest = newest[0] - _FAR_BEHIND
    for fallen in came_from_long_ago(connection, [device_id], oldest=oldest, since=after):
        return (fallen.time, fallen.received_at)
    return newest


def _last_refused(
    connection: psycopg.Connection, address: DeviceAddress, since: datetime
) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        values = address._asdict() | {"since": since}
        return cursor.execute(_SELECT_REFUSED, values, prepare=False).fetchone()
