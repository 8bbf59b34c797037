"""Each way in which evidence can be wrong is found, and right evidence is not complained of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jieru.wire import RejectionReason, encode_payload
from tests.faults.hostile import HOSTILE_PLATFORM
from tests.faults.load import Message
from tests.faults.mqtt_tap import Acknowledged
from tests.faults.verdict import Books, Stored, StoredHeartbeat, findings, missing
from tests.support.fleet import Sent, bits_of
from tests.support.messages import NOON_MS, topic_of

_HOUR_MS = 3_600_000
_NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
_GOOD = Message(topic_of("A"), encode_payload(NOON_MS - 1, 5), serial="A", ts_ms=NOON_MS - 1, seq=5)
_LATE_MS = NOON_MS - 100 * _HOUR_MS
_LATE = Message(topic_of("B"), encode_payload(_LATE_MS, 6), serial="B", ts_ms=_LATE_MS, seq=6)
_BAD = Message(topic_of("A"), b"junk", RejectionReason.MALFORMED_PAYLOAD)
_BOOKS = Books(
    [_GOOD, _LATE, _BAD],
    dict.fromkeys([_GOOD, _LATE, _BAD], NOON_MS / 1000),
    [Acknowledged(each.topic, each.payload, NOON_MS / 1000 + 2) for each in (_GOOD, _BAD)],
    [0],
)
_KEPT = StoredHeartbeat(received_ms=NOON_MS + 1, seq=5, status=None, committed_ms=NOON_MS + 900)
_STORED = Stored(
    heartbeats={Sent("A", _GOOD.ts_ms): _KEPT, Sent("B", _LATE_MS): replace(_KEPT, seq=6)},
    rejections={("malformed_payload", _BAD.topic, b"junk"): [(NOON_MS + 1, NOON_MS + 900)]},
    hours=bits_of([Sent("A", _GOOD.ts_ms)]),
    late_hours=bits_of([Sent("B", _LATE_MS)]),
    states={"A": (_GOOD.ts_ms, None), "B": (_LATE_MS, None)},
    heard_hours={_NOON: (2, 1)},
    refused_hours={(_NOON, "malformed_payload", "xielian"): 1},
)


def _future(message: Message) -> tuple[str, str, bytes]:
    return RejectionReason.FUTURE_TIMESTAMP.value, message.topic, message.payload


def test_right_evidence_has_no_findings() -> None:
    """A heartbeat on time, one late, one refused."""
    assert findings(_STORED, _BOOKS) == []
    assert missing(_STORED, _BOOKS.acknowledged) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda it: replace(it, heartbeats={}), "lost"),
        (lambda it: replace(it, rejections={}), "lost"),
        (
            lambda it: replace(it, heartbeats={**it.heartbeats, Sent("A", NOON_MS): _KEPT}),
            "never sent",
        ),
        (
            lambda it: replace(
                it, heartbeats={**it.heartbeats, Sent("A", NOON_MS - 1): replace(_KEPT, seq=4)}
            ),
            "other contents",
        ),
        (
            lambda it: replace(it, rejections={**it.rejections, _future(_GOOD): [(NOON_MS, 0)]}),
            "without a reason",
        ),
        (
            lambda it: replace(
                it,
                rejections={**it.rejections, _future(_GOOD): [(NOON_MS - _HOUR_MS, 0)]},
            ),
            "no clock was set back",
        ),
        (
            lambda it: replace(
                it,
                heartbeats={
                    **it.heartbeats,
                    Sent("A", NOON_MS - 1): replace(_KEPT, received_ms=NOON_MS - 50),
                },
            ),
            "before it was published",
        ),
        (lambda it: replace(it, hours={}), "hours that are not as heard"),
        (
            lambda it: replace(it, hours=bits_of([Sent("A", NOON_MS), Sent("B", NOON_MS)])),
            "hours that are not as heard",
        ),
        (lambda it: replace(it, late_hours={}), "late hours not as heard"),
        (lambda it: replace(it, states={"B": (_LATE_MS, None)}), "device states"),
        (lambda it: replace(it, heard_hours={_NOON: (3, 1)}), "ingest_hours"),
        (lambda it: replace(it, refused_hours={}), "rejection_hours"),
        (
            lambda it: replace(
                it,
                heartbeats={
                    **it.heartbeats,
                    Sent("A", NOON_MS - 1): replace(_KEPT, committed_ms=NOON_MS + 2_100),
                },
            ),
            "before it was committed",
        ),
    ],
)
def test_wrong_evidence_is_found(change: Callable[[Stored], Stored], finding: str) -> None:
    """Whatever the fault made of it."""
    assert any(finding in each for each in findings(change(_STORED), _BOOKS))


def test_what_was_set_apart_may_be_acknowledged_before_it_is_stored() -> None:
    """From the commit on that set it apart, and not before."""
    late = {
        **_STORED.heartbeats,
        Sent("A", NOON_MS - 1): replace(_KEPT, committed_ms=NOON_MS + 9_000),
    }
    apart = replace(_STORED, heartbeats=late, apart={(_GOOD.topic, _GOOD.payload): NOON_MS + 900})
    assert findings(apart, _BOOKS) == []
    too_late = replace(apart, apart={(_GOOD.topic, _GOOD.payload): NOON_MS + 2_100})
    assert any("before it was committed" in each for each in findings(too_late, _BOOKS))


def test_a_clock_that_was_set_back_may_refuse_what_is_then_ahead() -> None:
    """And only that."""
    books = replace(_BOOKS, acknowledged=[_GOOD], clocks_ahead_s=[0, -7_200])
    early_ms = NOON_MS - 2 * _HOUR_MS
    refused = replace(_STORED, heartbeats={}, rejections={_future(_GOOD): [(early_ms, early_ms)]})
    assert missing(refused, [_GOOD]) == []
    unfounded = replace(refused, rejections={_future(_GOOD): [(NOON_MS, NOON_MS)]})
    assert missing(unfounded, [_GOOD]) == [_GOOD]
    assert any("lost" in each for each in findings(unfounded, books))


def test_a_device_that_is_registered_meanwhile_is_refused_or_stored() -> None:
    """Before its registration; after it nothing may be refused."""
    early = replace(_GOOD, is_early=True)
    refused = replace(
        _STORED,
        heartbeats={},
        rejections={("unknown_device", early.topic, early.payload): [(NOON_MS, NOON_MS)]},
    )
    assert missing(refused, [early]) == []
    assert missing(_STORED, [early]) == []
    assert missing(refused, [_GOOD]) == [_GOOD]


def test_a_clock_far_ahead_may_set_bits_of_either_kind() -> None:
    """The same heartbeat can come once by each clock; no hour may be missing or invented."""
    books = replace(_BOOKS, clocks_ahead_s=[0, 4 * 86_400])
    both = bits_of([Sent("A", _GOOD.ts_ms), Sent("B", _LATE_MS)])
    twice = replace(_STORED, late_hours=both)
    assert not any("hours" in each for each in findings(twice, books))
    assert any("are missing" in each for each in findings(replace(twice, hours={}), books))
    invented = replace(twice, hours=bits_of([Sent("A", NOON_MS), Sent("C", NOON_MS)]))
    assert any("nobody was heard in" in each for each in findings(invented, books))


def test_what_a_hostile_client_publishes_is_in_the_books_too() -> None:
    """Refused and counted by its own platform; what is not is lost as anybody's would be."""
    topic = topic_of("hostile-messages", HOSTILE_PLATFORM)
    bad = Message(topic, b"more junk", RejectionReason.MALFORMED_PAYLOAD)
    books = replace(
        _BOOKS,
        acknowledged=[*_BOOKS.acknowledged, bad],
        published_s={**_BOOKS.published_s, bad: NOON_MS / 1000},
    )
    assert any("lost" in each for each in findings(_STORED, books))
    refused = {("malformed_payload", topic, b"more junk"): [(NOON_MS + 1, NOON_MS + 900)]}
    kept = replace(_STORED, rejections={**_STORED.rejections, **refused})
    assert any("rejection_hours" in each for each in findings(kept, books))
    counts: dict[tuple[datetime, str, str | None], int] = {
        (_NOON, "malformed_payload", HOSTILE_PLATFORM): 1
    }
    counted = replace(kept, refused_hours={**_STORED.refused_hours, **counts})
    assert findings(counted, books) == []
