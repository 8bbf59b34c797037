"""What decoding takes, the database takes: PostgreSQL itself is asked."""

import json
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.copy_format import encode_heartbeats
from ingest.decode import Heartbeat, decode
from tests.support.messages import KNOWN_TOPIC, NOON_MS, RULES, message, origins
from tests.unit.ingest.test_storable_metrics import STORABLE, UNSTORABLE

_COPY = """
    COPY taken (device_id, "time", received_at, publisher_id, seq, status, boot, counter, metrics)
    FROM STDIN (FORMAT BINARY)
"""
_LONGEST_READING = 60
"""Times as long as it came, at most, is what the database says of metrics that it took."""

_fragments = st.sampled_from(
    [
        *'{}[]",:\\ue0123456789EeNaIf+-. \t\r\n\0\x01\x7f',
        *(
            "\\u0000",
            "\\ud83d",
            "\\ude00",
            "\\u00",
            "\\/",
            "\\b",
            "é",
            "温",
            "\U0001f600",
            "\ufeff",
        ),
        *(
            "null",
            "true",
            "1e325",
            "1e-325",
            "-0",
            "0.1",
            '"a":',
            "1E+1000",
            "99999999999999999999",
        ),
    ]
)
_odd_texts = st.lists(_fragments, max_size=30).map("".join)
_odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_metrics = st.one_of(
    _odd_texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    _odd_texts.map(lambda text: b'{"a":' + text.encode("utf-8", "surrogatepass") + b"}"),
    _odd_texts.map(lambda text: b'{"' + text.encode("utf-8", "surrogatepass") + b'":1}'),
    _odd_values.map(lambda value: json.dumps({"a": value}).encode()),
    _odd_values.map(
        lambda value: json.dumps({"a": value}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=40).map(lambda content: b'{"a":"' + content + b'"}'),
    st.sampled_from([*STORABLE, *UNSTORABLE]),
)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A table like that of heartbeats, for no longer than this connection."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE taken (LIKE heartbeats)")
        yield connection


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(_metrics, min_size=1, max_size=60))
def test_what_decoding_takes_the_database_takes(
    connection: psycopg.Connection, metrics: list[bytes]
) -> None:
    """And says it again in about the same length, so that no reader is flooded."""
    payloads = [b'{"ts":%d,"metrics":%b}' % (NOON_MS, each) for each in metrics]
    decoded = [decode(message(each), origins({KNOWN_TOPIC: 7}), RULES) for each in payloads]
    taken = [each for each in decoded if isinstance(each, Heartbeat)]
    connection.execute("TRUNCATE taken")
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(encode_heartbeats(taken))
    rows = connection.execute("SELECT length(metrics::text) FROM taken").fetchall()
    assert len(rows) == len(taken)
    for (length,), each in zip(rows, taken, strict=True):
        assert each.metrics is not None
        assert length <= _LONGEST_READING * len(each.metrics) + 400
