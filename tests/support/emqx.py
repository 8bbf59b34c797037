"""Events as EMQX posts them: each with all fields of its documentation, and no others."""

from datetime import datetime
from typing import Any, Final

__all__ = ["emqx_event"]

_CONNECTION: Final = {
    "sockname": "0.0.0.0:1883",
    "proto_name": "MQTT",
    "proto_ver": 5,
}
_CONNECT: Final = {
    **_CONNECTION,
    "keepalive": 60,
    "clean_start": True,
    "expiry_interval": 3600,
    "conn_props": {"User-Property": {"foo": "bar"}},
}
_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "client.connected": {**_CONNECT, "mountpoint": "undefined", "is_bridge": False},
    "client.disconnected": {**_CONNECTION, "reason": "normal", "disconn_props": {}},
    "client.connack": {**_CONNECT, "reason_code": "success"},
    "client.check_authz_complete": {
        "peerhost": "192.168.0.10",
        "topic": "t/a",
        "action": "publish",
        "authz_source": "cache",
        "result": "allow",
    },
}
"""By event, but for what all have."""
_TIMES: Final = {
    "client.connected": "connected_at",
    "client.disconnected": "disconnected_at",
    "client.connack": "connected_at",
}


def emqx_event(event: str, *, at: datetime, **changes: object) -> dict[str, object]:
    """One event; a field that it does not have is a mistake of the test's.

    Args:
        event: which one.
        at: when.
        changes: fields that are other than in the documentation's example.
    """
    milliseconds = int(at.timestamp() * 1000)
    fields: dict[str, object] = {
        "event": event,
        "clientid": "c-1",
        "username": "xielian",
        "peername": "192.168.0.10:56431",
        "timestamp": milliseconds,
        "node": "emqx@127.0.0.1",
        **_FIELDS[event],
    }
    if event in _TIMES:
        fields[_TIMES[event]] = milliseconds
    unknown = changes.keys() - fields.keys()
    assert not unknown, f"{event} has no {unknown}"
    return fields | changes
