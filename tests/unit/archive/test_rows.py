"""Rows as PostgreSQL sends them: read, written, digested and told apart."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from archive.rows import (
    Fields,
    RowsDigest,
    as_today,
    decode_row,
    encode_row,
    in_batches,
    key_of,
    rows_not_in,
)
from jieru.publishers import CLOUD_ID

# Two times and two devices, so that equal keys and equal rows come often.
_instants = st.sampled_from([946_684_800_000_000, 1_772_424_000_000_000])
_few_rows = st.builds(
    encode_row,
    st.integers(1, 2),
    _instants,
    st.just(1_772_424_000_180_000),
    st.none() | st.integers(0, 1),
    st.none(),
    st.none(),
)
_texts = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def test_a_row_is_what_postgresql_sends() -> None:
    """By `COPY (SELECT 5, '2026-01-01Z', '2026-01-01 00:00:00.18Z', 7, 'idle', '{}', 3)`."""
    row = encode_row(5, 1_767_225_600_000_000, 1_767_225_600_180_000, 7, "idle", "{}", 3)
    today = encode_row(5, 1_767_225_600_000_000, 1_767_225_600_180_000, 7, "idle", "{}", 3, 9, 1.5)
    assert today[2 : len(row)] == row[2:]
    assert (today[:2] + today[len(row) :]).hex(" ", -2) == (
        "0009 0000 0008 0000 0000 0000 0009 0000 0008 3ff8 0000 0000 0000"
    )
    assert row.hex(" ", -2) == (
        "0007 0000 0004 0000 0005 0000 0008 0002 ea47 0ae8 6000 0000 0008 0002 ea47 0aeb 1f20 "
        "0000 0008 0000 0000 0000 0007 0000 0004 6964 6c65 0000 0003 017b 7d00 0000 0400 0000 03"
    )


@given(
    st.integers(1, 2**31 - 1),
    st.integers(0, 2**52),
    st.integers(0, 2**52),
    st.none() | st.integers(0, 2**63 - 1),
    _texts,
    _texts,
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_row_says_what_was_put_into_it(
    device_id: int,
    time_us: int,
    received_us: int,
    seq: int | None,
    status: str | None,
    metrics: str | None,
    boot: int | None,
    counter: float | None,
) -> None:
    """Whatever is null, and in any script."""
    fields = (device_id, time_us, received_us, seq, status, metrics)
    for publisher_id in (None, 1, 2**31 - 1):
        row = encode_row(*fields, publisher_id)
        assert decode_row(row) == Fields(*fields, publisher_id)
        assert key_of(row)[0] == device_id
        assert as_today(row) == encode_row(*fields, publisher_id or CLOUD_ID, None, None)
    today = encode_row(*fields, 3, boot, counter)
    assert decode_row(today) == Fields(*fields, 3, boot, counter)
    assert as_today(today) == today


@given(st.lists(_few_rows), st.lists(st.lists(_few_rows), max_size=3))
def test_rows_that_others_hold_are_left_out(rows: list[bytes], others: list[list[bytes]]) -> None:
    """Equal in every byte; a row with the same key and another content is not."""
    rows.sort(key=key_of)
    known = [sorted(other, key=key_of) for other in others]
    held = {row for other in others for row in other}
    assert list(rows_not_in(rows, *known)) == [row for row in rows if row not in held]


@given(st.lists(_few_rows), st.integers(1, 5))
def test_a_digest_does_not_depend_on_batches(rows: list[bytes], size: int) -> None:
    """It is that of all rows one after the other."""
    digest = RowsDigest()
    for batch in in_batches(rows, size):
        digest.add(batch)
    assert digest.rows == len(rows)
    assert digest.hexdigest() == hashlib.sha256(b"".join(rows)).hexdigest()


@given(st.lists(_few_rows, min_size=1), st.data())
def test_a_digest_changes_with_any_row(rows: list[bytes], data: st.DataObject) -> None:
    """One that is missing, and one that is another."""
    place = data.draw(st.integers(0, len(rows) - 1))
    other = data.draw(_few_rows.filter(lambda row: row != rows[place]))
    digests = set()
    for version in (
        rows,
        [*rows[:place], *rows[place + 1 :]],
        [*rows[:place], other, *rows[place + 1 :]],
    ):
        digest = RowsDigest()
        digest.add(version)
        digests.add(digest.hexdigest())
    assert len(digests) == 3
