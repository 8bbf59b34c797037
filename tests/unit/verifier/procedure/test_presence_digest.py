"""The digest of presence: what it covers, byte for byte, and what it leaves out."""

import hashlib
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH
from verifier.counting.activity import PresenceRows
from verifier.procedure.presence_digest import (
    NO_PRESENCE,
    AssignedDevice,
    device_digests,
    presence_sha256,
)

_AS_OF = date(2026, 4, 10)


def _rows(*rows: tuple[int, date, set[int]]) -> PresenceRows:
    bits = np.zeros((len(rows), BITS_PER_MONTH), dtype=np.bool_)
    for row, (_device, _month, heard) in enumerate(rows):
        bits[row, list(heard)] = True
    return PresenceRows(
        np.array([device for device, _month, _heard in rows], dtype=np.int64),
        np.array([month.year * 12 + month.month - 1 for _, month, _ in rows], dtype=np.int64),
        np.packbits(bits, axis=1).reshape(len(rows), BYTES_PER_MONTH),
    )


def test_a_device_s_digest_is_that_of_months_and_bytes() -> None:
    """As the definition says, so that anybody can compute it again."""
    march, april = bytes([0x80]) + bytes(92), bytes(26) + bytes([1]) + bytes(66)
    by_hand = hashlib.sha256(b"2026-03" + march + b"2026-04" + april).hexdigest()
    rows = _rows((7, date(2026, 4, 1), {215}), (7, date(2026, 3, 1), {0}))
    assert device_digests(rows, _AS_OF) == {7: by_hand}


def test_a_case_s_digest_is_that_of_its_devices_by_serial() -> None:
    """With the days of each assignment."""
    devices = [
        AssignedDevice("m2", date(2026, 1, 1), None, NO_PRESENCE),
        AssignedDevice("m10", date(2026, 2, 1), date(2026, 3, 1), "0" * 64),
    ]
    lines = f"m10 2026-02-01 2026-03-01 {'0' * 64}\nm2 2026-01-01 - {NO_PRESENCE}\n"
    assert presence_sha256(devices) == hashlib.sha256(lines.encode()).hexdigest()
    assert presence_sha256([]) == hashlib.sha256().hexdigest()


def test_what_comes_after_the_last_day_changes_nothing() -> None:
    """Later in its month, in later months, and rows without a bit."""
    before = _rows((1, date(2026, 4, 1), {0, 239}))
    after = _rows(
        (1, date(2026, 2, 1), set()),
        (1, date(2026, 4, 1), {0, 239, 240, 743}),
        (1, date(2026, 5, 1), {0}),
        (2, date(2026, 4, 1), {240}),
    )
    assert device_digests(before, _AS_OF) == device_digests(after, _AS_OF)


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        st.sets(st.integers(0, 239), min_size=1, max_size=5),
        min_size=1,
    ),
    st.data(),
)
def test_every_bit_up_to_the_last_day_matters(
    heard: dict[tuple[int, int], set[int]], data: st.DataObject
) -> None:
    """And changes the digest of its own device only, whatever the order of the rows."""
    rows = [(device, date(2026, month, 1), bits) for (device, month), bits in heard.items()]
    digests = device_digests(_rows(*rows), _AS_OF)
    assert device_digests(_rows(*data.draw(st.permutations(rows))), _AS_OF) == digests
    (device, month) = data.draw(st.sampled_from(sorted(heard)))
    flipped = heard[device, month] ^ {data.draw(st.integers(0, 239))}
    others = [row for row in rows if row[:2] != (device, date(2026, month, 1))]
    changed = device_digests(_rows(*others, (device, date(2026, month, 1), flipped)), _AS_OF)
    assert changed.get(device, NO_PRESENCE) != digests[device]
    assert {each: changed[each] for each in digests if each != device} == {
        each: digests[each] for each in digests if each != device
    }
