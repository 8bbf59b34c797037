"""Requests share what there is."""

import pytest

from ingest.http.room import FullError, Hold, Room


def test_one_platform_has_half_at_most_and_all_together_all() -> None:
    """The first of a platform fits whatever its size, or a large one never would."""
    room = Room(100)
    room.take("first", 50)
    with pytest.raises(FullError) as own:
        room.take("first", 1)
    assert own.value.is_own_share
    room.take("second", 50)
    with pytest.raises(FullError) as everybody:
        room.take("third", 1)
    assert not everybody.value.is_own_share
    room.give_back("second", 50)
    room.take("third", 50)
    assert room.held == 100


def test_what_a_request_held_is_free_after_it_whatever_happened() -> None:
    """An error gives it back too, that of a room which is full among them."""
    room = Room(100)
    with pytest.raises(FullError), room.hold("first") as hold:
        _fill(hold)
    assert room.held == 0


def _fill(hold: Hold) -> None:
    while True:
        hold.grow(20)
