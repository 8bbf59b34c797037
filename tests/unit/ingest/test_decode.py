"""What the wire contract takes and what it refuses (design section 4)."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Heartbeat, Rejection, TimeRules, decode, decode_all, unknown_topics
from ingest.message import Message
from jieru.publishers import CLOUD_ID
from jieru.wire import DeviceStatus, RejectionReason, encode_payload
from tests.support.messages import KNOWN_TOPIC, NOON_MS, RULES, message, origins, topic_of

_DEVICES = origins({KNOWN_TOPIC: 7})
_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000


def _reason(result: Heartbeat | Rejection) -> RejectionReason:
    assert isinstance(result, Rejection)
    return result.reason


def test_a_full_payload_becomes_a_heartbeat_with_every_field() -> None:
    """All four known keys arrive; metrics stay the bytes they were."""
    payload = b'{"ts": %d, "seq": 3, "status": "running", "metrics": {"rpm": 1480.5}}' % NOON_MS
    result = decode(message(payload), _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert (result.device_id, result.publisher_id) == (7, CLOUD_ID)
    assert (result.ts_ms, result.received_ms) == (NOON_MS, NOON_MS)
    assert (result.seq, result.status) == (3, DeviceStatus.RUNNING)
    assert result.metrics == b'{"rpm": 1480.5}'
    assert not result.is_late


def test_only_ts_is_required_and_unknown_keys_are_ignored() -> None:
    """Everything but ts may be missing, and other keys may be there."""
    result = decode(message(b'{"ts": %d, "firmware": [1, "x"]}' % NOON_MS), _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert (result.seq, result.status, result.metrics) == (None, None, None)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00\xff\x10 binary junk",
        b"not json",
        b"[1]",
        b"7",
        b"null",
        b"{}",
        b'{"seq": 1}',
        b'{"ts": "1772424000000"}',
        b'{"ts": 1772424000000.0}',
        b'{"ts": 1e12}',
        b'{"ts": true}',
        b'{"ts": null}',
        b'{"ts": 1772424000000, "seq": -1}',
        b'{"ts": 1772424000000, "seq": 9223372036854775808}',
        b'{"ts": 1772424000000, "seq": 1.5}',
        b'{"ts": 1772424000000, "seq": null}',
        b'{"ts": 1772424000000, "status": "on"}',
        b'{"ts": 1772424000000, "status": null}',
        b'{"ts": 1772424000000, "status": 1}',
        b'{"ts": 1772424000000, "boot": "7"}',
        b'{"ts": 1772424000000, "boot": 7.5}',
        b'{"ts": 1772424000000, "boot": true}',
        b'{"ts": 1772424000000, "boot": null}',
        b'{"ts": 1772424000000, "boot": 9223372036854775808}',
        b'{"ts": 1772424000000, "boot": -9223372036854775809}',
        b'{"ts": 1772424000000, "counter": "1"}',
        b'{"ts": 1772424000000, "counter": true}',
        b'{"ts": 1772424000000, "counter": null}',
        b'{"ts": 1772424000000, "counter": NaN}',
        b'{"ts": 1772424000000, "counter": Infinity}',
        b'{"ts": 1772424000000, "counter": 1e309}',
        b'{"ts": 1772424000000, "counter": -1e309}',
        b'{"ts": 1772424000000, "counter": ' + b"9" * 400 + b"}",
        b'{"ts": 1772424000000, "metrics": []}',
        b'{"ts": 1772424000000, "metrics": "{}"}',
        b'{"ts": 1772424000000, "metrics": null}',
        b'{"ts": 1772424000000} trailing',
        b'\xef\xbb\xbf{"ts": 1772424000000}',
        b'{"ts": 1772424000000, "x": "\xff"}',
        b'{"ts": 1772424000000, "metrics": {"a": "\xc3\x28"}}',
        b'{"ts": 1772424000000, "metrics": {"a": ' + b"[" * 2000 + b"]" * 2000 + b"}}",
        b'{"ts": 1772424000000, "x": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
)
def test_a_payload_that_breaks_the_contract_is_malformed(payload: bytes) -> None:
    """A wrong type of a known key, no JSON, no UTF-8, too deep: all the same reason."""
    assert _reason(decode(message(payload), _DEVICES, RULES)) is RejectionReason.MALFORMED_PAYLOAD


@pytest.mark.parametrize(
    "topic",
    [
        "jieru/v1/xielian/CNC-1",
        "jieru/v2/xielian/CNC-1/heartbeat",
        "jieru/v1/XIELIAN/CNC-1/heartbeat",
        "jieru/v1/x/CNC-1/heartbeat",
        "jieru/v1/xielian/CNC/1/heartbeat",
        "jieru/v1/xielian//heartbeat",
        "jieru/v1/xielian/';DROP TABLE devices;--/heartbeat",
        f"jieru/v1/xielian/{'A' * 65}/heartbeat",
        "jieru/v1/xielian/数控-1/heartbeat",
        "jieru/v1/xielian/CNC-1/heartbeat\n",
    ],
)
def test_a_topic_that_breaks_the_contract_is_a_bad_topic(topic: str) -> None:
    """Codes and serials have their alphabet; SQL, slashes and line ends are not of it."""
    assert _reason(decode(message(topic=topic), _DEVICES, RULES)) is RejectionReason.BAD_TOPIC


def test_a_device_that_nobody_registered_is_unknown() -> None:
    """A good message of an unregistered serial is refused, and says so."""
    result = decode(message(topic=topic_of("CNC-2")), _DEVICES, RULES)
    assert _reason(result) is RejectionReason.UNKNOWN_DEVICE


@pytest.mark.parametrize(("size", "is_taken"), [(4096, True), (4097, False)])
def test_a_payload_may_have_4096_bytes(size: int, is_taken: bool) -> None:
    """The limit itself is allowed."""
    start = b'{"ts": %d, "x": "' % NOON_MS
    payload = start + b"a" * (size - len(start) - 2) + b'"}'
    result = decode(message(payload), _DEVICES, RULES)
    assert isinstance(result, Heartbeat) is is_taken
    if not is_taken:
        assert _reason(result) is RejectionReason.PAYLOAD_TOO_LARGE


@pytest.mark.parametrize(
    ("ahead_ms", "is_taken"), [(10 * _MINUTE_MS, True), (10 * _MINUTE_MS + 1, False)]
)
def test_a_clock_may_be_ten_minutes_ahead(ahead_ms: int, is_taken: bool) -> None:
    """The policy's limit itself is allowed."""
    result = decode(message(b'{"ts": %d}' % (NOON_MS + ahead_ms)), _DEVICES, RULES)
    assert isinstance(result, Heartbeat) is is_taken
    if not is_taken:
        assert _reason(result) is RejectionReason.FUTURE_TIMESTAMP


@pytest.mark.parametrize(
    ("delay_ms", "is_late"), [(72 * _HOUR_MS, False), (72 * _HOUR_MS + 1, True)]
)
def test_a_heartbeat_after_72_hours_is_late_but_kept(
    delay_ms: int,
    is_late: bool,
) -> None:
    """Exactly 72 hours is in time."""
    result = decode(message(b'{"ts": %d}' % (NOON_MS - delay_ms)), _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert result.is_late is is_late


@pytest.mark.parametrize(
    ("delay_ms", "is_live"),
    [(-_MINUTE_MS, True), (60 * _MINUTE_MS, True), (60 * _MINUTE_MS + 1, False)],
)
def test_a_heartbeat_that_arrives_within_an_hour_is_live(delay_ms: int, is_live: bool) -> None:
    """Exactly sixty minutes is live, and so is a clock that is a little ahead."""
    result = decode(message(b'{"ts": %d}' % (NOON_MS - delay_ms)), _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert result.is_live is is_live
    assert not result.is_late


def test_without_a_rule_nothing_is_known_to_be_live() -> None:
    """Neither by the clock of receipt nor by that of a simulation."""
    for is_event_clock in (False, True):
        rules = TimeRules.of_policy(
            max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=is_event_clock
        )
        result = decode(message(), _DEVICES, rules)
        assert isinstance(result, Heartbeat)
        assert not result.is_live


def test_what_is_late_is_never_live() -> None:
    """Also under a policy that would have it so."""
    rules = TimeRules.of_policy(
        max_delay_hours=1,
        max_clock_ahead_minutes=10,
        is_event_clock=False,
        live_within_minutes=1_440,
    )
    result = decode(message(b'{"ts": %d}' % (NOON_MS - 2 * _HOUR_MS)), _DEVICES, rules)
    assert isinstance(result, Heartbeat)
    assert (result.is_late, result.is_live) == (True, False)


@pytest.mark.parametrize(
    ("written", "counter"),
    [(b"0", 0.0), (b"-0.5", -0.5), (b"18446744073709551616", 2.0**64), (b"1.5e308", 1.5e308)],
)
def test_a_counter_is_any_finite_number(written: bytes, counter: float) -> None:
    """Whole or not, and larger than any integer of the database."""
    result = decode(message(b'{"ts": %d, "counter": %b}' % (NOON_MS, written)), _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert (result.boot, result.counter) == (None, counter)


@pytest.mark.parametrize("boot", [-(2**63), -1, 0, 2**63 - 1])
def test_a_boot_is_any_integer_that_the_database_holds(boot: int) -> None:
    """Both ends of a bigint, and whatever lies between."""
    result = decode(message(encode_payload(NOON_MS, boot=boot)), _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert (result.boot, result.counter) == (boot, None)


def test_a_time_before_2020_is_before_epoch() -> None:
    """A device that lost its clock says 1970."""
    first_ms = 1_577_808_000_000
    taken = decode(message(b'{"ts": %d}' % first_ms), _DEVICES, RULES)
    assert isinstance(taken, Heartbeat)
    for ts in (first_ms - 1, 0, -(10**30)):
        refused = decode(message(b'{"ts": %d}' % ts), _DEVICES, RULES)
        assert _reason(refused) is RejectionReason.BEFORE_EPOCH


def test_a_time_that_no_calendar_has_is_in_the_future_even_by_the_event_clock() -> None:
    """Simulations trust ts, but not beyond the year 9999."""
    rules = TimeRules.of_policy(max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=True)
    result = decode(message(b'{"ts": %d}' % 10**30), _DEVICES, rules)
    assert _reason(result) is RejectionReason.FUTURE_TIMESTAMP


def test_the_event_clock_takes_ts_as_the_time_of_receipt() -> None:
    """Then nothing is late and nothing ahead."""
    rules = TimeRules.of_policy(
        max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=True, live_within_minutes=60
    )
    for ts in (NOON_MS - 1000 * _HOUR_MS, NOON_MS + 1000 * _HOUR_MS):
        result = decode(message(b'{"ts": %d}' % ts), _DEVICES, rules)
        assert isinstance(result, Heartbeat)
        assert result.received_ms == result.ts_ms == ts
        assert not result.is_late
        assert result.is_live


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(st.binary(max_size=6000), st.text(max_size=60))
def test_any_bytes_on_any_topic_are_decoded_without_an_exception(
    payload: bytes,
    topic: str,
) -> None:
    """Whatever comes, the answer is a heartbeat or a rejection."""
    for name in (topic, KNOWN_TOPIC):
        result = decode(message(payload, topic=name), _DEVICES, RULES)
        assert isinstance(result, Heartbeat | Rejection)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "ts": _json,
            "seq": _json,
            "status": _json,
            "metrics": _json,
            "boot": _json,
            "counter": _json,
            "other": _json,
        },
    )
)
def test_json_objects_are_taken_exactly_when_the_contract_says_so(
    fields: dict[str, object],
) -> None:
    """Against a second reading of the contract, by the standard library."""
    result = decode(message(json.dumps(fields).encode()), _DEVICES, RULES)
    ts, seq = fields.get("ts"), fields.get("seq", 0)
    boot, counter = fields.get("boot", 0), fields.get("counter", 0)
    is_good = (
        type(ts) is int
        and type(seq) is int
        and 0 <= seq < 2**63
        and (
            "status" not in fields or fields["status"] in [status.value for status in DeviceStatus]
        )
        and isinstance(fields.get("metrics", {}), dict)
        and type(boot) is int
        and -(2**63) <= boot < 2**63
        and (type(counter) is int or isinstance(counter, float))
        and math.isfinite(counter)
    )
    if is_good:
        assert isinstance(result, Heartbeat) or result.reason in (
            RejectionReason.BEFORE_EPOCH,
            RejectionReason.FUTURE_TIMESTAMP,
        )
    elif isinstance(result, Rejection):
        assert result.reason in (
            RejectionReason.MALFORMED_PAYLOAD,
            RejectionReason.PAYLOAD_TOO_LARGE,
        )
    else:
        pytest.fail(f"taken against the contract: {fields}")


_GOOD = b'{"ts": %d}' % NOON_MS


@pytest.mark.parametrize(
    "refused",
    [
        message(topic="jieru/v2/xielian/CNC-1/heartbeat"),
        message(b"x" * 4097),
        message(b"not json"),
        message(topic=topic_of("CNC-2")),
        message(b'{"ts": 0}'),
        message(b'{"ts": %d}' % (NOON_MS + 11 * _MINUTE_MS)),
        message(b'{"ts": %d}' % 10**30),
    ],
    ids=lambda refused: f"{refused.topic} {refused.payload[:20]!r}",
)
def test_a_rejection_keeps_the_message_that_it_refuses(refused: Message) -> None:
    """For each reason: what is stored of it, and what is acknowledged, comes from there."""
    assert decode(refused, _DEVICES, RULES) == Rejection(
        _reason(decode(refused, _DEVICES, RULES)), refused
    )


def test_a_heartbeat_keeps_the_message_that_it_came_with() -> None:
    """Should the database refuse it."""
    taken = message()
    result = decode(taken, _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert result.message is taken


def test_the_event_clock_goes_to_the_last_midnight_that_a_calendar_has() -> None:
    """The limit itself is taken, a millisecond later is the future."""
    rules = TimeRules.of_policy(max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=True)
    last_ms = 253_402_214_400_000
    assert isinstance(decode(message(b'{"ts": %d}' % last_ms), _DEVICES, rules), Heartbeat)
    beyond = decode(message(b'{"ts": %d}' % (last_ms + 1)), _DEVICES, rules)
    assert _reason(beyond) is RejectionReason.FUTURE_TIMESTAMP


def test_many_messages_become_heartbeats_and_rejections_in_their_order() -> None:
    """None is lost between the two lists."""
    first, second = message(_GOOD), message(b'{"ts": %d}' % (NOON_MS + 1))
    stranger, junk = message(_GOOD, topic=topic_of("CNC-2")), message(b"junk")
    heartbeats, rejections = decode_all([first, stranger, second, junk], _DEVICES, RULES)
    assert [each.message for each in heartbeats] == [first, second]
    assert rejections == [
        Rejection(RejectionReason.UNKNOWN_DEVICE, stranger),
        Rejection(RejectionReason.MALFORMED_PAYLOAD, junk),
    ]


def test_a_known_device_by_an_unknown_gateway_is_told_from_an_unknown_device() -> None:
    """The reason says what is to be registered."""
    platform = topic_of("CNC-1").removesuffix("CNC-1/heartbeat")
    by_gateway = message(_GOOD, topic=f"{platform}via/hall-2/CNC-1/heartbeat")
    assert _reason(decode(by_gateway, _DEVICES, RULES)) is RejectionReason.UNKNOWN_PUBLISHER
    stranger = message(_GOOD, topic=f"{platform}via/hall-2/CNC-2/heartbeat")
    assert _reason(decode(stranger, _DEVICES, RULES)) is RejectionReason.UNKNOWN_DEVICE
    _heartbeats, rejections = decode_all([by_gateway, stranger], _DEVICES, RULES)
    assert unknown_topics(rejections) == {by_gateway.topic, stranger.topic}


def test_unknown_topics_are_those_of_unknown_devices_alone() -> None:
    """Each once; only a good message is worth a look into the registry."""
    messages = [
        message(_GOOD, topic=topic_of("CNC-2")),
        message(_GOOD, topic=topic_of("CNC-2")),
        message(_GOOD, topic=topic_of("CNC-3")),
        message(b"junk", topic=topic_of("CNC-4")),
        message(b'{"ts": 0}'),
        message(_GOOD, topic="elsewhere"),
    ]
    _heartbeats, rejections = decode_all(messages, _DEVICES, RULES)
    assert unknown_topics(rejections) == {topic_of("CNC-2"), topic_of("CNC-3")}
