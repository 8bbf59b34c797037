"""What the bounds of this process do, for Prometheus."""

from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.web.bounds.admission import Reason
from api.web.bounds.bounds import Bounds

__all__ = ["BoundsMetrics"]

_REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class BoundsMetrics(Collector):
    """What is let in, waits and is refused at the moment at which somebody looks."""

    def __init__(self, bounds: Bounds) -> None:
        """Look at these bounds."""
        self._bounds = bounds

    def collect(self) -> Iterator[Metric]:
        """All of it, as it is at this moment."""
        bounds = self._bounds
        refused = CounterMetricFamily(
            "jieru_api_refused", "Requests answered with 429.", labels=["reason"]
        )
        for reason in _REASONS:
            refused.add_metric([reason], bounds.refused[reason])
        yield refused
        for name, meaning, value in (
            ("jieru_api_running", "Requests that are let in.", bounds.admission.inside),
            ("jieru_api_waiting", "Requests that wait to be let in.", bounds.admission.waiting),
            ("jieru_api_heavy_running", "Heavy work that runs here.", bounds.heavy.running),
            ("jieru_api_heavy_waiting", "Heavy work that waits here.", bounds.heavy.waiting),
        ):
            yield GaugeMetricFamily(name, meaning, value)
