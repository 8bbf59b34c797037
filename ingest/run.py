"""An ingester from settings to SIGTERM: checks the database, chooses the subscriber, runs."""

import asyncio
import signal
from typing import Final

import psycopg
import structlog

from ingest.decode import TimeRules
from ingest.metrics import Metrics
from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.pipeline import Pipeline
from ingest.status_page import serve_status
from ingest.subscriber import Subscriber, Subscription
from jieru.broker import BrokerAddress
from jieru.database import connect, read_installation
from jieru.errors import UserError, WorldError
from jieru.retry import is_worth_retrying
from jieru.schema import require_current_schema
from jieru.settings import Settings
from jieru.timescale import drop_expired_heartbeats

__all__ = ["check_database", "make_subscriber", "run_ingester"]

_SECONDS_PER_DAY: Final = 86_400
_RETENTION_INTERVAL_S: Final = 3_600
"""How often expired heartbeats are looked for: dropping nothing costs nothing."""

_RECORD_RULES: Final = """
    INSERT INTO evidence_rules (policy, max_delay_hours, max_clock_ahead_minutes, clock)
    SELECT rules.* FROM (VALUES (%(policy)s::text, %(delay)s::integer, %(ahead)s::integer,
                                 %(clock)s::text)) AS rules
    EXCEPT
    (SELECT policy, max_delay_hours, max_clock_ahead_minutes, clock
     FROM evidence_rules ORDER BY id DESC LIMIT 1)
"""

_log = structlog.get_logger()


def make_subscriber(settings: Settings) -> Subscriber:
    """The subscriber for the broker that the settings name.

    Raises:
        UserError: the settings contradict each other or the broker's protocol.
    """
    address = BrokerAddress.of_url(settings.mqtt_url, settings.mqtt_ca_file)
    subscription = Subscription(
        client_id=settings.ingest_client_id,
        group=settings.ingest_group,
        receive_maximum=settings.ingest_receive_maximum,
        session_expiry_s=settings.ingest_session_expiry_days * _SECONDS_PER_DAY,
    )
    if settings.mqtt_protocol == "5":
        return Mqtt5Subscriber(address, subscription)
    return Mqtt311Subscriber(address, subscription)


def check_database(
    settings: Settings, *, policy: str, max_delay_hours: int, max_clock_ahead_minutes: int
) -> None:
    """Check that evidence may be written here, and record by which rules it will be.

    Raises:
        UserError: the schema is not current, or the event clock is asked for on a database
            that holds real evidence.
        WorldError: the database cannot be reached.
    """
    with connect(settings.require_database_url()) as connection:
        require_current_schema(connection)
        if settings.ingest_clock == "event" and not read_installation(connection).is_simulation:
            raise UserError(
                "JIERU_INGEST_CLOCK=event trusts the devices' clocks and is for simulations "
                "only: this database holds real evidence. Make another with "
                "`jieru migrate --simulation`."
            )
        connection.execute(
            _RECORD_RULES,
            {
                "policy": policy,
                "delay": max_delay_hours,
                "ahead": max_clock_ahead_minutes,
                "clock": settings.ingest_clock,
            },
        )


async def run_ingester(
    settings: Settings,
    *,
    max_delay_hours: int,
    max_clock_ahead_minutes: int,
    stop: asyncio.Event | None = None,
) -> None:
    """Run one ingester until SIGTERM, SIGINT or `stop`.

    Args:
        settings: where the broker and the database are, and how large batches may grow.
        max_delay_hours: policy parameter: what is received later does not count.
        max_clock_ahead_minutes: policy parameter: what is further ahead is refused.
        stop: ends it from inside the process, instead of a signal.

    Raises:
        UserError: the settings are wrong, or the broker refuses what no waiting heals.
    """
    metrics = Metrics()
    subscriber = make_subscriber(settings)
    pipeline = Pipeline(
        subscriber,
        settings.require_database_url(),
        TimeRules.of_policy(
            max_delay_hours=max_delay_hours,
            max_clock_ahead_minutes=max_clock_ahead_minutes,
            is_event_clock=settings.ingest_clock == "event",
        ),
        metrics,
        ingester=settings.ingest_client_id,
        batch_size=settings.ingest_batch_size,
        batch_age_s=settings.ingest_batch_age_ms / 1000,
        state_interval_s=settings.device_state_interval_s,
    )
    if stop is None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, pipeline.stop)
        stopper = None
    else:
        stopper = asyncio.create_task(_stop_when(stop, pipeline), name="stopper")
    with serve_status(
        settings.ingest_http_host, settings.ingest_http_port, metrics, pipeline.health
    ) as port:
        _log.info("ingester_started", client_id=settings.ingest_client_id, status_port=port)
        running = asyncio.create_task(pipeline.run(), name="pipeline")
        retention = asyncio.create_task(_keep_retention(settings), name="retention")
        try:
            await asyncio.wait([running, retention], return_when=asyncio.FIRST_COMPLETED)
            pipeline.stop()  # should retention have failed, which it does not do quietly
            await running
            if retention.done():
                retention.result()
        finally:
            retention.cancel()
            if stopper is not None:
                stopper.cancel()
    _log.info("ingester_stopped", client_id=settings.ingest_client_id)


async def _stop_when(stop: asyncio.Event, pipeline: Pipeline) -> None:
    await stop.wait()
    pipeline.stop()


async def _keep_retention(settings: Settings) -> None:
    while True:
        try:
            dropped = await asyncio.to_thread(_drop_expired, settings)
            if dropped:
                _log.info("expired_heartbeats_dropped", chunks_or_rows=dropped)
        except WorldError as error:
            _log.warning("retention_postponed", error=str(error))
        except psycopg.Error as error:
            if not is_worth_retrying(error):
                raise
            _log.warning("retention_postponed", error=str(error).strip())
        await asyncio.sleep(_RETENTION_INTERVAL_S)


def _drop_expired(settings: Settings) -> int:
    with connect(settings.require_database_url()) as connection:
        return drop_expired_heartbeats(connection, retention_days=settings.heartbeat_retention_days)
