"""`verifier.evidence.differences`: bits of presence against those of heartbeats."""

from typing import Final

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from jieru.presence import BYTES_PER_MONTH
from verifier.evidence.differences import DifferenceKind, InventedHours, compare
from verifier.evidence.hours import Bits, Heard, Keys, MonthOfPresence, keys_of

_ROWS: Final = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(1, 2)),
    st.tuples(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30))),
    max_size=6,
)
_Rows = dict[tuple[int, int], tuple[set[int], set[int]]]


def _bits(hours: set[int]) -> npt.NDArray[np.uint8]:
    row = np.zeros(BYTES_PER_MONTH * 8, dtype=np.uint8)
    row[list(hours)] = 1
    return np.packbits(row)


def _table(rows: _Rows) -> tuple[Keys, Bits, Bits]:
    ordered = sorted(rows)
    keys = keys_of(
        np.array([device for device, _publisher in ordered], dtype=np.int64),
        np.array([publisher for _device, publisher in ordered], dtype=np.int64),
    )
    shape = (len(ordered), BYTES_PER_MONTH)
    on_time, late = (
        np.array([_bits(rows[key][place]) for key in ordered], dtype=np.uint8).reshape(shape)
        for place in (0, 1)
    )
    return keys, on_time, late


def _month(keys: Keys, hours: Bits, late_hours: Bits) -> MonthOfPresence:
    return MonthOfPresence(keys, hours, late_hours, np.zeros_like(hours))


def _expected(presence: _Rows, heard: _Rows) -> tuple[set[tuple[object, ...]], int]:
    """The rules, hour by hour, as the module's docstring says them."""
    found: set[tuple[object, ...]] = set()
    unprovable = 0
    for device, publisher in presence.keys() | heard.keys():
        hours, late_hours = presence.get((device, publisher), (set(), set()))
        on_time, late = heard.get((device, publisher), (set(), set()))
        in_time_by_any = {h for key, (hs, _l) in heard.items() if key[0] == device for h in hs}
        by_any = in_time_by_any | {
            h for key, (_h, ls) in heard.items() if key[0] == device for h in ls
        }
        name = (device, publisher)
        found |= {(DifferenceKind.LOST, *name, hour) for hour in on_time - hours}
        found |= {(DifferenceKind.LOST_LATE, *name, hour) for hour in late - late_hours}
        found |= {(DifferenceKind.INVENTED, *name, h) for h in hours - on_time - in_time_by_any}
        found |= {(DifferenceKind.INVENTED_LATE, *name, h) for h in late_hours - late - by_any}
        unprovable += len((hours - on_time) & in_time_by_any) + len((late_hours - late) & by_any)
    return found, unprovable


@given(presence=_ROWS, heard=_ROWS)
def test_every_hour_is_told_for_what_it_is(presence: _Rows, heard: _Rows) -> None:
    """Invented, lost, late or not, another publisher's row: nothing else, and nothing twice."""
    keys, hours, late_hours = _table(presence)
    rows = Heard(keys)
    own_keys, on_time, late = _table(heard)
    for day in range(2):
        part = slice(day * 3, day * 3 + 3)
        first = np.full(len(own_keys), day * 3)
        nothing = np.zeros_like(late[:, part])
        rows.add(own_keys, first, on_time[:, part], late[:, part], nothing, nothing)
    compared = compare(_month(keys, hours, late_hours), rows.result())
    listed = [
        (each.kind, each.device_id, each.publisher_id, each.bit) for each in compared.listed()
    ]
    expected, unprovable = _expected(presence, heard)
    assert (set(listed), len(listed)) == (expected, len(expected))
    assert (compared.differences, compared.unprovable) == (len(expected), unprovable)


@given(presence=_ROWS)
def test_days_that_are_gone_say_nothing(presence: _Rows) -> None:
    """Neither that an hour was invented nor that one was lost."""
    keys, hours, late_hours = _table(presence)
    compared = compare(_month(keys, hours, late_hours), Heard(keys).result(), gone_days=(1, 2))
    bits = sum(len(own) + len(late - own) for own, late in presence.values())
    assert (compared.differences, compared.unverifiable_bits) == (0, bits)


def test_invented_hours_are_told_by_device() -> None:
    """Whoever published; an hour counts once, and those that came late do not."""
    presence: _Rows = {(1, 1): ({3, 30}, set()), (1, 2): ({3, 60}, {4}), (3, 1): ({5}, set())}
    keys, hours, late_hours = _table(presence)
    heard = Heard(keys)
    own_keys, on_time, late = _table({(3, 1): ({5}, set())})
    nothing = np.zeros((len(own_keys), 3), dtype=np.uint8)
    heard.add(
        own_keys,
        np.zeros(1, dtype=np.int64),
        on_time[:, :3],
        late[:, :3],
        nothing,
        nothing,
    )
    compared = compare(
        MonthOfPresence(keys, hours, late_hours, np.zeros_like(hours)), heard.result()
    )
    assert compared.invented_by_device() == [InventedHours(1, 3, 1, 3)]
    empty = MonthOfPresence(keys[:0], hours[:0], late_hours[:0], hours[:0])
    assert compare(empty, Heard(keys[:0]).result()).invented_by_device() == []


def test_no_bit_hides_behind_a_second_row_of_the_same_key() -> None:
    """The owner of the tables could make a further one that counts as presence."""
    key = keys_of(np.array([1]), np.array([1]))
    hours, late_hours = np.array([_bits({3}), _bits({4})]), np.array([_bits({5}), _bits(set())])
    presence = _month(np.concatenate([key, key]), hours, late_hours)
    listed = [(each.kind, each.bit) for each in compare(presence, Heard(key).result()).listed()]
    assert listed == [
        (DifferenceKind.INVENTED, 3),
        (DifferenceKind.INVENTED, 4),
        (DifferenceKind.INVENTED_LATE, 5),
    ]


_FIRST_DAY: Final = np.arange(31) == 0


def test_a_live_hour_needs_a_heartbeat_that_may_have_been_fresh() -> None:
    """By some ingester's rule; another publisher's stands for it, which is told apart."""
    keys = keys_of(np.array([1, 1, 2]), np.array([1, 7, 1]))
    heard = Heard(keys)
    hours = np.array([_bits({1, 2})[:3], _bits({3})[:3], _bits({1})[:3]])
    live = np.array([_bits({1})[:3], _bits({3})[:3], _bits(set())[:3]])
    perhaps = np.array([_bits({1, 2})[:3], _bits({3})[:3], _bits(set())[:3]])
    heard.add(keys, np.zeros(3, dtype=np.int64), hours, np.zeros_like(hours), live, perhaps)
    on_time = np.array([_bits({1, 2, 3}), _bits({3}), _bits({1})])
    presence = MonthOfPresence(keys, on_time, np.zeros_like(on_time), on_time)
    compared = compare(presence, heard.result(), live_days=_FIRST_DAY)
    listed = [
        (each.kind, each.device_id, each.publisher_id, each.bit) for each in compared.listed()
    ]
    assert listed == [(DifferenceKind.INVENTED_LIVE, 2, 1, 1)]
    assert compared.unprovable == 2, "the hour and the live hour of the other publisher"


def test_a_live_hour_is_lost_only_where_every_ingester_noted_them() -> None:
    """And by every rule there was."""
    keys = keys_of(np.array([1]), np.array([1]))
    heard = Heard(keys)
    for day in range(2):
        bits = np.array([_bits({1, 2})[:3]])
        sure = np.array([_bits({1})[:3]])
        first = np.array([3 * day])
        heard.add(keys, first, bits, np.zeros_like(bits), sure, bits)
    hours = np.array([_bits({1, 2, 25, 26})])
    presence = _month(keys, hours, np.zeros_like(hours))
    found = [
        [(each.kind, each.bit) for each in compare(presence, heard.result(), **known).listed()]
        for known in ({"live_days": _FIRST_DAY}, {})
    ]
    assert found == [[(DifferenceKind.LOST_LIVE, 1)], []]
