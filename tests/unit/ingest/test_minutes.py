"""What an ingester did minute by minute, held until it is stored."""

from ingest.minutes import IngestMinutes, Minute

NOON_S = 1_772_424_000.0
NOON = int(NOON_S) // 60


def commit(minutes: IngestMinutes, now_s: float, *, seconds: float = 0.25) -> None:
    """A batch of ten: seven good ones, of them two duplicates and one late, and three refused."""
    minutes.commit(now_s, heartbeats=7, duplicates=2, late=1, rejected=3, seconds=seconds)


def test_what_falls_into_a_minute_is_added_up() -> None:
    """Counts are summed; of commits, delays and held messages the largest is kept too."""
    minutes = IngestMinutes()
    minutes.receive(NOON_S, 10)
    minutes.receive(NOON_S + 59.9, 10)
    commit(minutes, NOON_S + 1, seconds=0.25)
    commit(minutes, NOON_S + 2, seconds=1.5)
    for behind_s, held in ((3.0, 5), (7.5, 20), (0.0, 0)):
        minutes.sample(NOON_S + 3, behind_s=behind_s, unacknowledged=held)
    minutes.end()
    assert minutes.ended() == [
        Minute(
            NOON,
            received=20,
            committed=14,
            duplicates=4,
            late=2,
            rejected=6,
            batches=2,
            commit_ms_sum=1_750,
            commit_ms_max=1_500,
            behind_s_max=7.5,
            unacknowledged_max=20,
        )
    ]


def test_a_minute_ends_when_the_next_begins() -> None:
    """The running one is not given out; a quiet minute has its figures too."""
    minutes = IngestMinutes()
    for second in (0, 59, 60, 120):
        minutes.sample(NOON_S + second, behind_s=0, unacknowledged=0)
    assert minutes.ended() == [Minute(NOON), Minute(NOON + 1)]


def test_a_clock_that_is_set_back_makes_another_part_of_the_same_minute() -> None:
    """Whoever stores them adds them up."""
    minutes = IngestMinutes()
    for second in (0, 60, 59):
        minutes.receive(NOON_S + second, 1)
    minutes.end()
    assert [each.minute for each in minutes.ended()] == [NOON, NOON + 1, NOON]


def test_stored_minutes_are_dropped_and_later_ones_kept() -> None:
    """Those that ended while the others were being stored wait for the next time."""
    minutes = IngestMinutes()
    minutes.receive(NOON_S, 1)
    minutes.receive(NOON_S + 60, 2)
    stored = minutes.ended()
    minutes.receive(NOON_S + 120, 3)
    minutes.drop(stored)
    assert [each.received for each in minutes.ended()] == [2]


def test_the_oldest_are_forgotten_when_nothing_can_be_stored() -> None:
    """Also while they are being stored, which then must not drop the younger ones."""
    minutes = IngestMinutes(limit=2)
    for number in range(3):
        minutes.receive(NOON_S + 60 * number, number)
    storing = minutes.ended()
    minutes.receive(NOON_S + 180, 3)
    assert [each.received for each in minutes.ended()] == [1, 2]
    minutes.drop(storing)
    assert [each.received for each in minutes.ended()] == [2]


def test_a_commit_after_weeks_of_waiting_fits_into_its_column() -> None:
    """The figure stops growing; the minute can still be stored."""
    minutes = IngestMinutes()
    commit(minutes, NOON_S, seconds=60 * 86_400)
    minutes.end()
    assert minutes.ended()[0].commit_ms_max == 2**31 - 1
