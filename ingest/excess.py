"""What of a batch is kept and what only counted: each device at its rate, and every hour. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ingest.decode import Heartbeat
from ingest.device_rate import DeviceRate
from ingest.durable_hours import DurableHours

__all__ = ["without_excess"]

_BACKSLASH: Final = b"\\"

_read_metrics: Final = msgspec.json.Decoder().decode


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
    # One that the database refuses must not stand for those that it would take.
    first = hours.first_of_missing(sorted(beyond, key=_may_be_refused))
    kept = {id(each) for each in first}
    return [*within, *first], [each for each in beyond if id(each) not in kept]


def _may_be_refused(heartbeat: Heartbeat) -> bool:
    """Whether metrics hold what decoding lets pass and the database may not: half a character."""
    metrics = heartbeat.metrics
    if metrics is None or _BACKSLASH not in metrics:
        return False
    try:
        _read_metrics(metrics)
    except msgspec.DecodeError:
        return True
    return False
