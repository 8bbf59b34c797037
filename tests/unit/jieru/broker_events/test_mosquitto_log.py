"""Lines of Mosquitto's log, and what clients write into them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.broker_events.event import BrokerEvent, Detail, EventKind
from jieru.broker_events.mosquitto_log import MosquittoLog

_NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
_S: Final = 1_772_424_000
_AT: Final = datetime.fromtimestamp(_S, UTC)
_COMES: Final = "New connection from 10.0.0.7:4711 on port 8883."
_IS_IN: Final = (
    "New client connected from 10.0.0.7:4711 as xielian/own/a (p5, c1, k60, u'xielian/own/a')."
)


def _told(*lines: str, reader: MosquittoLog | None = None) -> list[BrokerEvent]:
    reader = reader or MosquittoLog()
    return [event for line in lines for event in reader.read(f"{_S}: {line}", now=_NOW)]


def _brief(events: Sequence[BrokerEvent]) -> list[tuple[str, str, str, str]]:
    return [(each.kind.value, each.username, each.address, each.detail.value) for each in events]


def test_a_session_begins_and_ends() -> None:
    """With its address in the beginning, and how it ended."""
    events = _told(_COMES, _IS_IN, "Client xielian/own/a closed its connection.")
    assert events == [
        BrokerEvent(_AT, EventKind.CONNECTED, "xielian/own/a", "xielian/own/a", "10.0.0.7", 4711),
        BrokerEvent(
            _AT,
            EventKind.DISCONNECTED,
            "xielian/own/a",
            "xielian/own/a",
            "10.0.0.7",
            4711,
            detail=Detail.LOST,
        ),
    ]


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("Client xielian/own/a disconnected.", "left"),
        ("Client xielian/own/a [10.0.0.7:4711] disconnected.", "left"),
        ("Client xielian/own/a has exceeded timeout, disconnecting.", "lost"),
        ("Client xielian/own/a disconnected due to malformed packet.", "protocol"),
        ("Client xielian/own/a disconnected: Protocol error.", "protocol"),
        ("Client xielian/own/a already connected, closing old connection.", "taken_over"),
        ("Client xielian/own/a been disconnected by administrative action.", "broker_ended"),
        ("mosquitto version 2.0.21 terminating", "broker_ended"),
    ],
)
def test_each_end_has_its_word(line: str, detail: str) -> None:
    """In the lines of 2.0 and of 2.1."""
    (event,) = _told(_COMES, _IS_IN, line)[1:]
    assert (event.kind, event.detail) == (EventKind.DISCONNECTED, detail)


@pytest.mark.parametrize("comma", [",", ":"])
def test_a_refusal_has_the_address_where_one_alone_was_coming(comma: str) -> None:
    """Mosquitto 2.0 does not say whose connection it refuses."""
    refusal = f"Client xielian disconnected{comma} not authorised."
    assert _brief(_told(_COMES, refusal)) == [("refused", "xielian", "10.0.0.7", "")]
    other = "New connection from 10.0.0.8:99 on port 8883."
    assert _brief(_told(_COMES, other, refusal)) == [("refused", "xielian", "", "")]
    assert _brief(_told(_COMES, _IS_IN, refusal))[1:] == [("refused", "xielian", "", "")]


def test_a_refusal_leaves_the_session_of_that_name() -> None:
    """Somebody tried the name of a device with a wrong password: the device is connected still."""
    reader = MosquittoLog()
    _told(_COMES, _IS_IN, reader=reader)
    refused = _told(
        "New connection from 10.0.0.8:99 on port 8883.",
        "Client xielian/own/a disconnected, not authorised.",
        reader=reader,
    )
    assert _brief(refused) == [("refused", "xielian/own/a", "10.0.0.8", "")]
    assert "xielian/own/a" in reader.sessions


def test_a_revoked_credential_ends_its_session_at_the_reload() -> None:
    """Mosquitto writes the same when somebody leaves, but not at once after that line."""
    end = "Client xielian/own/a disconnected."
    events = _told(_COMES, _IS_IN, "Reloading config.", end, _COMES, _IS_IN, end)
    assert _brief(events)[1::2] == [
        ("disconnected", "xielian/own/a", "10.0.0.7", "revoked"),
        ("disconnected", "xielian/own/a", "10.0.0.7", "left"),
    ]


def test_a_dropped_message_is_told_with_its_topic() -> None:
    """Also where the topic has what ends a line, or is cut by the broker."""
    begin = "Denied PUBLISH from xielian/own/a (d0, q1, r0, m1, '"
    for topic in ("jieru/v1/xielian/a/b", "a', ... (2 bytes)) b", "ein'wort"):
        (event,) = _told(_COMES, _IS_IN, f"{begin}{topic}', ... (2 bytes))")[1:]
        assert (event.kind, event.username, event.topic) == ("denied", "xielian/own/a", topic)
        assert event.address == "10.0.0.7"
    (cut,) = _told(f"{begin}{'x' * 900}")
    assert cut.topic == "x" * 900


@pytest.mark.parametrize(
    "line",
    [
        # Of a client id that Mosquitto let in, at a listener that binds none.
        (
            "New client connected from 10.0.0.8:1 as victim (p5, c1, k60, u'victim'). "
            "x (p5, c1, k60, u'mallory')."
        ),
        "New client connected from 10.0.0.8:1 as a (p5, c1, k60, u'mallory').",
        (
            "Denied PUBLISH from victim (d0, q0, r0, m0, 'jieru/v1/x', ... (2 bytes)) "
            "(d0, q1, r0, m1, 't', ... (2 bytes))"
        ),
        (
            "Denied PUBLISH from mallory (d0, q0, r0, m0, 'Denied PUBLISH from victim "
            "(d0, q1, r0, m1, 'x', ... (2 bytes))', ... (2 bytes))"
        ),
        # Of a name that Mosquitto refused.
        "Client victim closed its connection. disconnected, not authorised.",
        "Client victim disconnected. disconnected, not authorised.",
        "Client victim [10.9.9.9:1] disconnected, not authorised.",
        (
            "Client New client connected from 1.1.1.1:1 as victim (p5, c1, k60, u'victim'). "
            "disconnected, not authorised."
        ),
        "Client x'); DROP TABLE disconnected, not authorised.",
        "Client \x1b[2Jvictim disconnected, not authorised.",
    ],
)
def test_no_client_writes_anothers_line(line: str) -> None:
    """What it chooses may look like another line, or like another end of its own."""
    reader = MosquittoLog()
    victim = "New client connected from 10.0.0.7:4711 as victim (p5, c1, k60, u'victim')."
    _told(victim, reader=reader)
    for event in _told("New connection from 10.0.0.8:1 on port 1.", line, reader=reader):
        assert event.username != "victim", event
        assert event.address in ("", "10.0.0.8"), event
    assert reader.sessions["victim"].address == "10.0.0.7"


def test_a_client_id_of_ones_choice_is_told_under_the_username() -> None:
    """At a listener that binds none, mallory comes under the name of another."""
    events = _told(
        "New client connected from 10.0.0.8:1 as xielian (p5, c1, k60, u'mallory').",
        "Denied PUBLISH from xielian (d0, q1, r0, m1, 'a', ... (2 bytes))",
        "Client xielian disconnected.",
    )
    assert {each.username for each in events} == {"mallory"}


@given(st.text(max_size=80))
def test_any_line_is_read(text: str) -> None:
    """Whatever stands in it, and whatever follows a known beginning."""
    for begin in ("", "New client connected from ", "Client ", "Denied PUBLISH from ", "New "):
        _told(begin + text)


def test_lines_of_the_future_are_of_now_and_lines_without_time_too() -> None:
    """Whoever reads the journal has the time twice, or not at all."""
    reader = MosquittoLog()
    (plain,) = reader.read(_IS_IN, now=_NOW)
    (ahead,) = reader.read(f"99999999999: {_IS_IN}", now=_NOW)
    assert (plain.at, ahead.at) == (_NOW, _NOW)
