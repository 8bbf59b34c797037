"""What of a batch is kept and what only counted: each device at its rate, and every hour. Pure."""

from collections.abc import Sequence

from ingest.decode import Heartbeat
from ingest.device_rate import DeviceRate
from ingest.durable_hours import DurableHours

__all__ = ["without_excess"]


def without_excess(
    heartbeats: Sequence[Heartbeat], rate: DeviceRate, hours: DurableHours, now_s: float
) -> tuple[Sequence[Heartbeat], Sequence[Heartbeat]]:
    """Divide a batch into what is kept and what is only counted; asked once of each batch.

    A heartbeat beyond its device's rate is kept where it is the first of its hour, so that no hour
    is lost and each has a heartbeat that stands for it.

    Args:
        heartbeats: in order of receipt.
        rate: is told of all of them.
        hours: which hours the database is known to have.
        now_s: in monotonic seconds.
    """
    within, beyond = rate.divide(heartbeats, now_s)
    if not beyond:
        return heartbeats, ()
    first = hours.first_of_missing(beyond)
    kept = {id(each) for each in first}
    return [*within, *first], [each for each in beyond if id(each) not in kept]
