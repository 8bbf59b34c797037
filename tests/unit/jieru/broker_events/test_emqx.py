"""Events as EMQX documents them (5.x, "SQL Data Sources and Fields")."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.broker_events.emqx import HookError, read_hook
from jieru.broker_events.event import BrokerEvent, Detail, EventKind
from tests.support.emqx import emqx_event

_NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
_AT: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)


def _read(event: str, **fields: object) -> BrokerEvent | None:
    return read_hook(json.dumps(emqx_event(event, at=_AT, **fields)).encode(), now=_NOW)


def test_four_events_are_told() -> None:
    """Who came and left, who was refused, and whose message was dropped."""
    place = ("xielian", "c-1", "192.168.0.10", 56431)
    assert _read("client.connected") == BrokerEvent(_AT, EventKind.CONNECTED, *place)
    assert _read("client.disconnected", reason="keepalive_timeout") == BrokerEvent(
        _AT, EventKind.DISCONNECTED, *place, detail=Detail.LOST
    )
    assert _read("client.connack", reason_code="bad_username_or_password") == BrokerEvent(
        _AT, EventKind.REFUSED, *place
    )
    denied = _read("client.check_authz_complete", result="deny", topic="jieru/v1/x")
    assert denied == BrokerEvent(_AT, EventKind.DENIED, *place, topic="jieru/v1/x")


def test_what_went_well_is_not_told() -> None:
    """Nor what somebody may not read: nobody may."""
    assert _read("client.connack", reason_code="success") is None
    assert _read("client.check_authz_complete", result="allow") is None
    assert _read("client.check_authz_complete", result="deny", action="subscribe") is None


def test_nobody_and_another_form_of_address_are_read() -> None:
    """Erlang writes `undefined`; an address of IPv6 has colons of its own."""
    event = _read("client.connected", username="undefined", peername="2001:db8::7:1883")
    assert event is not None
    assert (event.username, event.address, event.port) == ("", "2001:db8::7", 1883)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'{"event": "message.publish", "timestamp": 1}', b"[" * 9000],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    """With a word on what is wrong."""
    with pytest.raises(HookError):
        read_hook(body, now=_NOW)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_refused(body: bytes) -> None:
    """Nothing else comes of them."""
    with contextlib.suppress(HookError):
        read_hook(body, now=_NOW)
