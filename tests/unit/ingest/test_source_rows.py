"""From messages in others' formats to messages of our own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Heartbeat, Origin, TimeRules, decode_all
from ingest.message import Message
from ingest.source_rows import Known, SourceRow, read_rows, sources_named
from jieru.sources.formats import compile_format, read_format
from jieru.sources.ready_made import ready_made
from jieru.sources.rows import MESSAGE_LIMIT_BYTES
from jieru.wire import RejectionReason
from tests.support.messages import NOON_MS

_TOPIC = "jieru/v1/xielian/in/things"
_KNOWN = {
    ("xielian", "things"): Known(7, compile_format(ready_made()["thingsboard-gateway"].format))
}
_RULES = TimeRules.of_policy(max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=False)


def _message(payload: bytes, topic: str = _TOPIC) -> Message:
    return Message(topic, payload[:MESSAGE_LIMIT_BYTES], len(payload), NOON_MS, 1)


def _things(**values: object) -> bytes:
    return json.dumps({"c-1": [{"ts": NOON_MS, "values": values}]}).encode()


def test_sources_are_named_once_however_many_messages_come() -> None:
    """And a topic that names none names none."""
    messages = [_message(b""), _message(b""), _message(b"", "jieru/v1/xielian/in/IN")]
    assert sources_named(messages) == {("xielian", "things")}


def test_a_row_is_the_message_that_its_device_would_have_sent() -> None:
    """Topic and payload, metrics byte for byte, and the moment of receipt."""
    read = read_rows([_message(_things(rpm=1480, 名="主轴"))], _KNOWN)
    assert read.rejections == []
    (row,) = read.rows
    assert row.topic == "jieru/v1/xielian/c-1/heartbeat"
    assert json.loads(row.payload) == {"ts": NOON_MS, "metrics": {"rpm": 1480, "名": "主轴"}}
    assert (row.received_ms, row.path) == (NOON_MS, "$.c-1[0]")
    (kept,) = read.kept
    assert (kept.source_id, kept.message.payload) == (7, _things(rpm=1480, 名="主轴"))


def test_a_row_whose_heartbeat_would_be_too_long_is_refused_as_one() -> None:
    """By the decoder of heartbeats: its metrics alone would have been in the limit."""
    room = 4_096 - len('{"text": ""}')
    read = read_rows([_message(_things(text="x" * room))], _KNOWN)
    heartbeats, rejections = decode_all(
        read.rows, {"jieru/v1/xielian/c-1/heartbeat": Origin(1, 1)}, _RULES
    )
    assert heartbeats == []
    assert [each.reason for each in rejections] == [RejectionReason.PAYLOAD_TOO_LARGE]


def test_a_row_without_a_time_is_refused_whatever_declared_it() -> None:
    """No form declares such a source; should one be there, no row of it is taken."""
    content = b'{"format":"json","rows":[{"each":"$","serial":["$.id"],"ts":{"unit":"receipt"}}]}'
    known = {("xielian", "things"): Known(7, compile_format(read_format(content)))}
    read = read_rows([_message(b'{"id": "c-1"}')], known)
    assert read.rows == []
    assert [each.reason for each in read.rejections] == [RejectionReason.NO_TIMESTAMP]


def test_a_device_speaks_for_itself_alone() -> None:
    """Another's row, and another's fault, stay on the topic of whose credential it was."""
    topic = "jieru/v1/xielian/own/c-2/in/things"
    read = read_rows([_message(_things()), _message(_things(), topic)], _KNOWN)
    (refused,) = read.rejections
    assert refused.reason is RejectionReason.UNKNOWN_PUBLISHER
    assert refused.message.topic == topic
    bad = _message(b'{"c-1": [{"ts": "noon"}]}', topic)
    (refused,) = read_rows([bad], _KNOWN).rejections
    assert refused.message.topic == topic


def test_a_heartbeat_of_a_device_called_in_is_left_to_others() -> None:
    """It comes here too, for no filter can leave it out."""
    read = read_rows([_message(b"{}", "jieru/v1/xielian/in/heartbeat")], _KNOWN)
    assert (read.rows, read.kept, read.rejections) == ([], [], [])


@pytest.mark.parametrize("topic", [_TOPIC, "jieru/v1/xielian/own/c-1/in/things"])
@given(payload=st.one_of(st.binary(max_size=300), st.builds(_things, text=st.text(max_size=60))))
def test_whatever_comes_has_one_fate(topic: str, payload: bytes) -> None:
    """It is kept; each row is a heartbeat or a rejection that names a place; nothing is raised."""
    read = read_rows([_message(payload, topic)], _KNOWN)
    assert [each.message.payload for each in read.kept] == [payload]
    origins = {each.topic: Origin(1, 1) for each in read.rows}
    heartbeats, rejections = decode_all(read.rows, origins, _RULES)
    assert all(isinstance(each, Heartbeat) for each in heartbeats)
    for rejection in [*read.rejections, *rejections]:
        assert isinstance(rejection.message, SourceRow)
        assert rejection.message.path.startswith("$")
