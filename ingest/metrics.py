"""What an ingester tells Prometheus of itself."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from jieru.wire import RejectionReason

__all__ = ["Metrics"]

_BATCH_SIZES: Final = (1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 30_000)
_COMMIT_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """One set of metrics in a registry of its own, so that two ingesters in a test do not mix."""

    def __init__(self) -> None:
        """All at zero, every reason of rejection included."""
        self.registry = CollectorRegistry()
        self.received = Counter(
            "jieru_ingest_received",
            "Messages received from the broker, second deliveries included",
            registry=self.registry,
        )
        self.committed = Counter(
            "jieru_ingest_committed",
            "Heartbeats whose transaction was committed, duplicates included",
            registry=self.registry,
        )
        self.duplicates = Counter(
            "jieru_ingest_duplicates",
            "Heartbeats that were stored before",
            registry=self.registry,
        )
        self.late = Counter(
            "jieru_ingest_late",
            "Heartbeats received too late for their hour to count",
            registry=self.registry,
        )
        self.rejected = Counter(
            "jieru_ingest_rejected",
            "Messages not taken, by reason",
            ["reason"],
            registry=self.registry,
        )
        for reason in RejectionReason:
            self.rejected.labels(reason.value)
        self.set_apart = Counter(
            "jieru_ingest_set_apart",
            "Messages kept in the database to be stored behind all others: their batch was too "
            "much for one transaction",
            registry=self.registry,
        )
        self.excess = Counter(
            "jieru_ingest_excess",
            "Heartbeats beyond their devices' rate: counted, and not kept",
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "jieru_ingest_batch_size",
            "Messages in a batch",
            buckets=_BATCH_SIZES,
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "jieru_ingest_commit_seconds",
            "From the first try to write a batch to its commit",
            buckets=_COMMIT_SECONDS,
            registry=self.registry,
        )
        self.seconds_behind = Gauge(
            "jieru_ingest_seconds_behind",
            "Age of the last committed batch's median heartbeat while messages wait, else 0: it "
            "grows when the broker holds messages back or the database is away",
            registry=self.registry,
        )
        self.unacknowledged = Gauge(
            "jieru_ingest_unacknowledged",
            "Messages received and not yet acknowledged",
            registry=self.registry,
        )
        self.window = Gauge(
            "jieru_ingest_broker_window",
            "Messages that the broker leaves unacknowledged at most, where it stops before the "
            "ingester would; 0: it does not",
            registry=self.registry,
        )
        self.session_troubles = Gauge(
            "jieru_ingest_session_troubles",
            "Times that the session at the broker was lost, or taken over by another client, since "
            "the ingester started",
            ["trouble"],
            registry=self.registry,
        )
        self.broker_queue = Gauge(
            "jieru_ingest_broker_queue",
            "Messages that the broker holds back for this ingester, estimated",
            registry=self.registry,
        )
        self.broker_queue_share = Gauge(
            "jieru_ingest_broker_queue_share",
            "Of the broker's room for this ingester, how much that is; at 1 it drops messages",
            registry=self.registry,
        )
        self.broker_queue_seconds_left = Gauge(
            "jieru_ingest_broker_queue_seconds_left",
            "For how long the database may be away from now on before the broker drops messages; "
            "infinite until the rate of arrival is known",
            registry=self.registry,
        )
