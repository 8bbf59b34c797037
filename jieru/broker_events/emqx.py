"""What EMQX's rules tell of clients, in the fields of its documentation (5.x). Pure."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from jieru.broker_events.event import BrokerEvent, Detail, EventKind

__all__ = ["BODY_LIMIT_BYTES", "HookError", "read_hook"]

BODY_LIMIT_BYTES: Final = 262_144
"""Of one event; a topic and two names have 64 KiB each at most."""
_NONE: Final = "undefined"
"""How Erlang writes what is not there."""
_REASONS: Final = {
    "normal": Detail.LEFT,
    "tcp_closed": Detail.LOST,
    "keepalive_timeout": Detail.LOST,
    "takenover": Detail.TAKEN_OVER,
    "takeovered": Detail.TAKEN_OVER,
    "discarded": Detail.TAKEN_OVER,
    "kicked": Detail.BROKER_ENDED,
    "not_authorized": Detail.REVOKED,
}
_LATEST_MS: Final = 253_402_214_400_000


class HookError(Exception):
    """It is no event of EMQX's as documented."""


class _Hook(msgspec.Struct):
    event: str
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=_LATEST_MS)]
    clientid: str | None = None
    username: str | None = None
    peername: str | None = None
    peerhost: str | None = None
    reason: str | None = None
    reason_code: str | None = None
    action: str | None = None
    result: str | None = None
    topic: str | None = None


_DECODER: Final = msgspec.json.Decoder(_Hook)


def read_hook(body: bytes, *, now: datetime) -> BrokerEvent | None:
    """The event in a request's body; None: nothing to be told, such as a success.

    Raises:
        HookError: it is none.
    """
    try:
        hook = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HookError(str(error)) from None
    at = min(datetime.fromtimestamp(hook.timestamp / 1000, UTC), now)
    address, port = _place(hook)
    event = BrokerEvent(
        at, EventKind.CONNECTED, _text(hook.username), _text(hook.clientid), address, port
    )
    match hook.event:
        case "client.connected":
            return event
        case "client.disconnected":
            detail = _REASONS.get(_text(hook.reason), Detail.PROTOCOL)
            return event._replace(kind=EventKind.DISCONNECTED, detail=detail)
        case "client.connack":
            is_success = hook.reason_code in ("success", None)
            return None if is_success else event._replace(kind=EventKind.REFUSED)
        case "client.check_authz_complete":
            if hook.result != "deny" or hook.action != "publish":
                return None
            return event._replace(kind=EventKind.DENIED, topic=_text(hook.topic))
    raise HookError(f"there is no event {hook.event[:64]!r} to be told")


def _text(value: str | None) -> str:
    return "" if value in (None, _NONE) else value


def _place(hook: _Hook) -> tuple[str, int | None]:
    address, colon, port = _text(hook.peername).rpartition(":")
    if colon and port.isascii() and port.isdigit():
        return address, int(port[:5])
    return _text(hook.peerhost), None
