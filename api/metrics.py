"""What `jieru serve` shows Prometheus: its connections, and files of the broker that vanished."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg_pool import ConnectionPool, PoolTimeout

from jieru.errors import UserError

__all__ = ["BrokerFileMetric", "showing_metrics"]

_WAIT_S: Final = 2.0
_SELECT_GONE: Final = """
    SELECT kind, count(*) FILTER (WHERE vanished_at IS NOT NULL AND back_at IS NULL)
    FROM broker_files GROUP BY kind
"""


class BrokerFileMetric(Collector):
    """How many of the broker's files are gone, as whoever writes them last noted."""

    def __init__(self, pool: ConnectionPool) -> None:
        """Ask this pool whenever somebody looks; it stays its owner's to close."""
        self._pool = pool

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Its name, without asking the database."""
        yield GaugeMetricFamily(
            "jieru_broker_files_gone", "Files of the broker that vanished", labels=["file"]
        )

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A number for each kind of file; none at all while the database is away."""
        (family,) = self.describe()
        try:
            with self._pool.connection(timeout=_WAIT_S) as connection:
                for kind, number in connection.execute(_SELECT_GONE):
                    family.add_metric([kind], number)
        except (psycopg.Error, PoolTimeout):
            return
        yield family


@contextmanager
def showing_metrics(registry: CollectorRegistry, host: str, port: int) -> Iterator[None]:
    """Answer `/metrics` until the block ends; 0: nowhere.

    Raises:
        UserError: the address is taken or cannot be listened on.
    """
    if not port:
        yield
        return
    try:
        httpd, thread = start_http_server(port, host, registry=registry)
    except OSError as error:
        raise UserError(
            "Metrics cannot be shown on {host}:{port} ({reason}): set another "
            "JIERU_API_METRICS_PORT.",
            host=host,
            port=port,
            reason=error.strerror,
        ) from None
    try:
        yield
    finally:
        httpd.shutdown()
        thread.join()
