"""What an ingester is told by its settings."""

from ingest.run import flood_limits
from jieru.settings import Settings
from tests.support.messages import heartbeat


def test_a_device_has_a_rate_unless_the_clock_is_a_simulations() -> None:
    """A year in minutes is no flood."""
    flood = [heartbeat()] * 1_200
    by_receipt = flood_limits(Settings(ingest_device_rate=5, ingest_device_burst=100)).rate
    assert by_receipt is not None
    within, beyond = by_receipt.divide(flood, 0.0)
    assert (len(within), len(beyond)) == (105, 1_095)
    assert flood_limits(Settings(ingest_clock="event")).rate is None
