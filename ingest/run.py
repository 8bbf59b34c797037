"""An ingester from settings to SIGTERM: checks the database, chooses the subscriber, runs."""

import asyncio
import signal
from contextlib import suppress
from typing import Final

import psycopg
import structlog

from ingest.broker_names import BrokerNames
from ingest.broker_queue import BrokerQueue, QueueLimit
from ingest.broker_sessions import KnownSession, end_plain_session, note_session
from ingest.decode import TimeRules
from ingest.device_rate import DeviceRate
from ingest.minute_writer import MinuteWriter, delete_old_minutes
from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.observations import Observations
from ingest.pipeline import BatchLimits, FloodLimits, Pipeline
from ingest.rejection_retention import delete_old_rejections, delete_old_source_messages
from ingest.rejection_sample import RejectionSample
from ingest.sources import Sources
from ingest.status_page import serve_status
from ingest.subscriber import Subscriber, Subscription
from jieru.broker import BrokerAddress
from jieru.database import connect, read_installation
from jieru.errors import UserError, WorldError
from jieru.retry import is_worth_retrying
from jieru.roles.limits import read_presence_reach
from jieru.schema import require_current_schema
from jieru.settings import Settings
from jieru.sources.rows import MESSAGE_LIMIT_BYTES
from jieru.sources.topics import SOURCE_TOPIC_FILTERS
from jieru.sparkplug.topics import SPARKPLUG_TOPIC_FILTERS
from jieru.timescale import drop_expired_heartbeats
from jieru.wire import HEARTBEAT_TOPIC_FILTERS, PAYLOAD_LIMIT_BYTES
from jieru.wrong_topics import WRONG_TOPIC_FILTERS

__all__ = [
    "check_database",
    "check_others_run",
    "flood_limits",
    "keep_retention",
    "make_subscriber",
    "run_ingester",
    "settings_of_sources",
]

_SECONDS_PER_DAY: Final = 86_400
_LOOK_S: Final = 0.1
_AGAIN_S: Final = 60.0
_RETENTION_INTERVAL_S: Final = 3_600
"""How often expired heartbeats are looked for: dropping nothing costs nothing."""

_RECORD_RULES: Final = """
    INSERT INTO evidence_rules
        (policy, max_delay_hours, max_clock_ahead_minutes, clock, live_within_minutes)
    SELECT rules.* FROM (VALUES (%(policy)s::text, %(delay)s::integer, %(ahead)s::integer,
                                 %(clock)s::text, %(live)s::integer)) AS rules
    EXCEPT
    (SELECT policy, max_delay_hours, max_clock_ahead_minutes, clock, live_within_minutes
     FROM evidence_rules ORDER BY id DESC LIMIT 1)
"""

_OTHERS: Final = """
    SELECT count(DISTINCT ingester) FROM ingest_minutes
    WHERE minute > now() - %s * interval '1 minute' AND ingester <> %s
          AND ingester LIKE '%%' || %s = %s AND ingester NOT LIKE '%%-http'
"""
_OF_SOURCES: Final = "-sources"
"""Ends the name of an ingester that reads others' formats, and its group's: it has a session of its
own, and does not stand in for one that takes heartbeats."""
_FILTERS_OF_SOURCES: Final = (
    *SOURCE_TOPIC_FILTERS,
    *SPARKPLUG_TOPIC_FILTERS,
    *WRONG_TOPIC_FILTERS,
)
_MESSAGES_OF_SOURCES: Final = 20
"""In a transaction at most: each may hold ten thousand rows, and four megabytes unpacked."""
_RECENT_MINUTES: Final = 3
"""A minute is written when it is over, which is known here at the end of the next at the latest."""

_log = structlog.get_logger()


def make_subscriber(
    settings: Settings,
    names: BrokerNames,
    *,
    expects_session: bool = False,
    is_draining: bool = False,
    reads_sources: bool = False,
) -> Subscriber:
    """The subscriber for the broker that the settings name.

    Args:
        settings: where the broker is.
        names: under which to come.
        expects_session: the broker promised, not long ago, to keep one.
        is_draining: it takes nothing new, only what its session holds.
        reads_sources: it takes messages in others' formats instead of heartbeats.

    Raises:
        UserError: the settings contradict each other or the broker's protocol.
    """
    address = BrokerAddress.of_url(settings.mqtt_url, settings.mqtt_ca_file)
    subscription = Subscription(
        client_id=names.client_id,
        group=names.group,
        receive_maximum=settings.ingest_receive_maximum,
        session_expiry_s=settings.ingest_session_expiry_days * _SECONDS_PER_DAY,
        is_draining=is_draining,
        expects_session=expects_session,
        ingester=settings.ingest_client_id,
        filters=_FILTERS_OF_SOURCES if reads_sources else HEARTBEAT_TOPIC_FILTERS,
        payload_limit_bytes=MESSAGE_LIMIT_BYTES if reads_sources else PAYLOAD_LIMIT_BYTES,
    )
    if settings.mqtt_protocol == "5":
        return Mqtt5Subscriber(address, subscription)
    return Mqtt311Subscriber(address, subscription)


def settings_of_sources(settings: Settings) -> Settings:
    """The settings of an ingester of others' formats that stands beside one of heartbeats."""
    group = settings.ingest_group
    return settings.model_copy(
        update={
            "ingest_client_id": settings.ingest_client_id + _OF_SOURCES,
            "ingest_group": group + _OF_SOURCES if group else "",
            "ingest_batch_size": min(settings.ingest_batch_size, _MESSAGES_OF_SOURCES),
            "ingest_receive_maximum": min(
                settings.ingest_receive_maximum, 2 * _MESSAGES_OF_SOURCES
            ),
        }
    )


def flood_limits(settings: Settings) -> FloodLimits:
    """What of a flood is kept; of heartbeats by the event clock all, however fast they come."""
    rate = DeviceRate(per_minute=settings.ingest_device_rate, burst=settings.ingest_device_burst)
    return FloodLimits(
        RejectionSample(
            per_topic=settings.rejections_kept_per_topic,
            per_platform=settings.rejections_kept_per_platform,
        ),
        None if settings.ingest_clock == "event" else rate,
    )


def check_database(
    settings: Settings,
    *,
    policy: str,
    max_delay_hours: int,
    max_clock_ahead_minutes: int,
    live_within_minutes: int | None = None,
) -> KnownSession:
    """Check that evidence may be written here, and record by which rules it will be.

    Returns:
        Under which names this ingester comes to the broker, and what may wait for it there.

    Raises:
        UserError: the schema is not current, the event clock is asked for on a database that
            holds real evidence, or ingesters may not write presence as late as the policy has it.
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
        if max_delay_hours > 24 * read_presence_reach(connection):
            raise UserError(
                "The policy takes heartbeats that are {hours} hours late for punctual, and this "
                "database was not told so: run `jieru migrate` with the same JIERU_POLICY.",
                hours=max_delay_hours,
            )
        connection.execute(
            _RECORD_RULES,
            {
                "policy": policy,
                "delay": max_delay_hours,
                "ahead": max_clock_ahead_minutes,
                "clock": settings.ingest_clock,
                "live": live_within_minutes,
            },
        )
        return KnownSession.read(
            connection,
            settings.ingest_client_id,
            settings.ingest_group,
            expiry_s=settings.ingest_session_expiry_days * _SECONDS_PER_DAY,
        )


def check_others_run(settings: Settings) -> None:
    """Check that another ingester is there to receive what this one will not.

    Raises:
        UserError: none has stored its figures within some minutes.
        WorldError: the database cannot be reached.
    """
    name = settings.ingest_client_id
    parameters = (_RECENT_MINUTES, name, _OF_SOURCES, name.endswith(_OF_SOURCES))
    with connect(settings.require_database_url()) as connection:
        row = connection.execute(_OTHERS, parameters).fetchone()
    if row is None or not row[0]:
        raise UserError(
            "No other ingester has shown itself within {minutes} minutes: what is published once "
            "{client_id} has unsubscribed would be lost. Start another and try again, or add "
            "--last if heartbeats may get lost.",
            minutes=_RECENT_MINUTES,
            client_id=settings.ingest_client_id,
        )


class _Ingester:
    """The parts of one process, put together for one name at the broker after the other."""

    def __init__(
        self,
        settings: Settings,
        session: KnownSession,
        *,
        max_delay_hours: int,
        max_clock_ahead_minutes: int,
        live_within_minutes: int | None,
        reads_sources: bool,
    ) -> None:
        self._settings = settings
        self._reads_sources = reads_sources
        self._rules = TimeRules.of_policy(
            max_delay_hours=max_delay_hours,
            max_clock_ahead_minutes=max_clock_ahead_minutes,
            is_event_clock=settings.ingest_clock == "event",
            live_within_minutes=live_within_minutes,
        )
        self.session = session

    def subscriber(self, *, is_draining: bool) -> Subscriber:
        """For the session of this release."""
        return make_subscriber(
            self._settings,
            self.session.names,
            expects_session=self.session.is_expected,
            is_draining=is_draining,
            reads_sources=self._reads_sources,
        )

    def plain_subscriber(self) -> Subscriber:
        """For what an earlier release left at the broker."""
        plain = BrokerNames(self._settings.ingest_client_id, self._settings.ingest_group)
        return make_subscriber(self._settings, plain, is_draining=True)

    def observations(self, subscriber: Subscriber) -> Observations:
        settings = self._settings
        return Observations(
            subscriber,
            BrokerQueue(
                QueueLimit(settings.broker_queue_messages, settings.broker_queue_bytes),
                window=settings.ingest_receive_maximum,
            ),
            is_event_clock=settings.ingest_clock == "event",
        )

    def pipeline(
        self, subscriber: Subscriber, observations: Observations, *, beside: str = ""
    ) -> Pipeline:
        """From a subscriber to the database; `beside` tells a second one from the first."""
        settings = self._settings
        return Pipeline(
            subscriber,
            settings.require_database_url(),
            self._rules,
            observations,
            ingester=settings.ingest_client_id + beside,
            limits=BatchLimits(settings.ingest_batch_size, settings.ingest_batch_age_ms / 1000),
            state_interval_s=settings.device_state_interval_s,
            flood=flood_limits(settings),
            sources=Sources(settings.require_database_url()) if self._reads_sources else None,
        )

    async def drain_plain(self, stop: asyncio.Event, *, after: Subscriber | None = None) -> None:
        """Take what waits under the plain name, then end that session; again until it is done.

        Args:
            stop: gives up.
            after: first let this one subscribe, or what is published in between goes nowhere.
        """
        if self.session.has_plain_ended:
            return
        while after is not None and not (after.is_connected or stop.is_set()):
            await _wait_at_most(stop, _LOOK_S)
        while not stop.is_set():
            subscriber = self.plain_subscriber()
            pipeline = self.pipeline(subscriber, self.observations(subscriber), beside="-plain")
            stopper = asyncio.create_task(_stop_when(stop, pipeline), name="stopper of plain")
            try:
                await pipeline.drain()
                if pipeline.is_drained:
                    await asyncio.to_thread(self._end_plain)
                    return
            except (UserError, WorldError) as error:
                _log.warning("plain_session_not_drained", error=str(error))
            finally:
                stopper.cancel()
            await _wait_at_most(stop, _AGAIN_S)

    async def keep_noting(self, subscriber: Subscriber) -> None:
        """Remember in the database that there is a session, for the next process to expect it."""
        while True:
            if subscriber.is_connected:
                try:
                    await asyncio.to_thread(self._note)
                except (WorldError, psycopg.Error) as error:
                    _log.warning("session_not_noted", error=str(error).strip())
            await asyncio.sleep(_AGAIN_S if subscriber.is_connected else _LOOK_S)

    def _note(self) -> None:
        with connect(self._settings.require_database_url()) as connection:
            note_session(connection, self._settings.ingest_client_id)

    def _end_plain(self) -> None:
        with connect(self._settings.require_database_url()) as connection:
            end_plain_session(connection, self._settings.ingest_client_id)
        self.session = self.session._replace(has_plain_ended=True)
        _log.info("plain_session_ended", client_id=self._settings.ingest_client_id)


async def run_ingester(
    settings: Settings,
    session: KnownSession,
    *,
    max_delay_hours: int,
    max_clock_ahead_minutes: int,
    live_within_minutes: int | None = None,
    is_draining: bool = False,
    reads_sources: bool = False,
    stop: asyncio.Event | None = None,
) -> None:
    """Run one ingester until SIGTERM, SIGINT or `stop`; or until its session is drained.

    Args:
        settings: where the broker and the database are, and how large batches may grow.
        session: what `check_database` found.
        max_delay_hours: policy parameter: what is received later does not count.
        max_clock_ahead_minutes: policy parameter: what is further ahead is refused.
        live_within_minutes: policy parameter: what is older on arrival is not live; None: nothing
            is known to be live.
        is_draining: take only what the session holds, then end the session.
        reads_sources: take messages in others' formats instead of heartbeats.
        stop: ends it from inside the process, instead of a signal.

    Raises:
        UserError: the settings are wrong, or the broker refuses what no waiting heals.
        WorldError: it was told to stop before the session was drained.
    """
    parts = _Ingester(
        settings,
        session,
        max_delay_hours=max_delay_hours,
        max_clock_ahead_minutes=max_clock_ahead_minutes,
        live_within_minutes=live_within_minutes,
        reads_sources=reads_sources,
    )
    subscriber = parts.subscriber(is_draining=is_draining)
    observations = parts.observations(subscriber)
    pipeline = parts.pipeline(subscriber, observations)
    minute_writer = MinuteWriter(
        settings.require_database_url(),
        observations.minutes,
        ingester=settings.ingest_client_id,
    )
    if stop is None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    stopper = asyncio.create_task(_stop_when(stop, pipeline), name="stopper")
    with serve_status(
        settings.ingest_http_host, settings.ingest_http_port, observations.metrics, pipeline.health
    ) as port:
        _log.info("ingester_started", client_id=settings.ingest_client_id, status_port=port)
        work = pipeline.drain() if is_draining else pipeline.run()
        running = asyncio.create_task(work, name="pipeline")
        beside = [
            asyncio.create_task(keep_retention(settings), name="retention"),
            asyncio.create_task(minute_writer.run(), name="minutes"),
        ]
        plain = asyncio.create_task(
            parts.drain_plain(stop, after=None if is_draining else subscriber), name="plain session"
        )
        if not is_draining:
            beside.append(asyncio.create_task(parts.keep_noting(subscriber), name="session"))
        try:
            await asyncio.wait([running, plain, *beside], return_when=asyncio.FIRST_COMPLETED)
            if plain.done():  # nearly always at once
                plain.result()
                await asyncio.wait([running, *beside], return_when=asyncio.FIRST_COMPLETED)
            pipeline.stop()  # should another have failed, which it does not do quietly
            await running
            if is_draining and pipeline.is_drained:
                await plain
            stop.set()
            await plain
            for task in beside:
                if task.done():
                    task.result()
        finally:
            stop.set()
            for task in beside:
                task.cancel()
            await asyncio.gather(plain, *beside, return_exceptions=True)
            await minute_writer.leave()
            stopper.cancel()
    is_drained = pipeline.is_drained and parts.session.has_plain_ended
    _log.info(
        "ingester_drained" if is_drained else "ingester_stopped",
        client_id=settings.ingest_client_id,
    )
    if is_draining and not is_drained:
        raise WorldError(
            "The session of {client_id} is not empty yet: the broker keeps the rest. Drain it "
            "again to go on.",
            client_id=settings.ingest_client_id,
        )


async def _wait_at_most(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _stop_when(stop: asyncio.Event, pipeline: Pipeline) -> None:
    await stop.wait()
    pipeline.stop()


async def keep_retention(settings: Settings) -> None:
    """Delete what has expired, once an hour, until cancelled."""
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
        delete_old_minutes(connection)
        delete_old_rejections(connection, retention_days=settings.rejection_retention_days)
        delete_old_source_messages(connection, retention_days=settings.heartbeat_retention_days)
        if settings.archive_dir:
            return 0  # `jieru archive run` drops, once they are in a file
        return drop_expired_heartbeats(connection, retention_days=settings.heartbeat_retention_days)
