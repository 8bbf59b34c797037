"""What befell the session at the broker is counted for good, and said for a while."""

from ingest.session_troubles import SessionTrouble, SessionTroubles


def test_the_last_trouble_is_said_for_ten_minutes() -> None:
    """Then somebody has seen it; the counts stay."""
    troubles = SessionTroubles()
    assert troubles.recent(1_000.0) is None
    troubles.note(SessionTrouble.LOST, 1_000.0)
    troubles.note(SessionTrouble.TAKEN_OVER, 1_060.0)
    assert troubles.recent(1_660.0) is SessionTrouble.TAKEN_OVER
    assert troubles.recent(1_660.5) is None
    assert troubles.counts == {SessionTrouble.LOST: 1, SessionTrouble.TAKEN_OVER: 1}
