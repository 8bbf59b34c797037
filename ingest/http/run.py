"""The process that takes heartbeats over HTTP, from settings to SIGTERM."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from typing import Final

import structlog
import uvicorn
from prometheus_client import Counter

from ingest.broker_queue import BrokerQueue, QueueLimit
from ingest.decode import TimeRules
from ingest.http.app import Intake, make_app
from ingest.http.credentials import Credentials
from ingest.http.posts import Posts
from ingest.http.protocol import BoundedProtocol
from ingest.http.reading import PostedReader
from ingest.http.room import Room
from ingest.minute_writer import MinuteWriter
from ingest.observations import Observations
from ingest.pipeline import BatchLimits, Pipeline
from ingest.run import flood_limits, keep_retention
from ingest.sources import Sources
from ingest.status_page import serve_status
from jieru.errors import UserError
from jieru.settings import Settings

__all__ = ["run_http_ingester", "settings_of_http"]

_NAME: Final = "-http"
"""Ends the name of such an ingester: it counts for itself, and stands in for no other."""
_NO_BROKER: Final = QueueLimit(0, 0)
_HEAD_LIMIT_BYTES: Final = 16 * 1024
_KEEP_ALIVE_S: Final = 75
"""Longer than a minute, at which equipment mostly sends."""
_CONNECTIONS: Final = 10_000
_BACKLOG: Final = 2048
_BODIES_BYTES: Final = 64 * 1024 * 1024
_LONGEST_WAIT_S: Final = 20.0
"""For a commit; clients mostly wait for half a minute."""

_log = structlog.get_logger()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process, whose pipeline ends after its last answer."""
        yield


def settings_of_http(settings: Settings) -> Settings:
    """The settings of an ingester of HTTP that stands beside those of a broker."""
    return settings.model_copy(update={"ingest_client_id": settings.ingest_client_id + _NAME})


async def run_http_ingester(
    settings: Settings,
    rules: TimeRules,
    *,
    takes_receipt_time: bool,
    stop: asyncio.Event | None = None,
) -> None:
    """Take heartbeats over HTTP until SIGTERM, SIGINT or `stop`, then answer what was taken.

    Args:
        settings: where the database is, where to listen, how large batches may grow.
        rules: what the policy says of times.
        takes_receipt_time: policy parameter: whether a row may have the time of its receipt.
        stop: ends it from inside the process, instead of a signal.

    Raises:
        UserError: the address is taken.
        psycopg.Error: the database refuses what no waiting heals.
    """
    if stop is None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    database_url = settings.require_database_url()
    posts = Posts(rows=settings.ingest_receive_maximum)
    queue = BrokerQueue(_NO_BROKER, window=settings.ingest_receive_maximum)
    observations = Observations(posts, queue, is_event_clock=rules.is_event_clock)
    answered = Counter(
        "jieru_ingest_http_answers",
        "Requests answered, by status",
        ["status"],
        registry=observations.metrics.registry,
    )
    pipeline = Pipeline(
        posts,
        database_url,
        rules,
        observations,
        ingester=settings.ingest_client_id,
        limits=BatchLimits(settings.ingest_batch_size, settings.ingest_batch_age_ms / 1000),
        state_interval_s=settings.device_state_interval_s,
        flood=flood_limits(settings),
        sources=PostedReader(),
        answer=posts.answer,
    )
    credentials, sources = Credentials(database_url), Sources(database_url)
    app = make_app(
        Intake(
            credentials=credentials,
            posts=posts,
            sources=sources,
            bytes=Room(_BODIES_BYTES),
            is_writing=lambda: pipeline.is_writing,
            longest_wait_s=_LONGEST_WAIT_S,
            takes_receipt_time=takes_receipt_time,
            note=lambda status: answered.labels(str(status)).inc(),
        )
    )
    minutes = MinuteWriter(database_url, observations.minutes, ingester=settings.ingest_client_id)

    def health() -> dict[str, object]:
        is_well = pipeline.is_writing
        return {
            "status": "ok" if is_well else "degraded",
            "database": "ok" if is_well else "away",
            "unacknowledged": posts.unacknowledged,
        }

    with (
        listening(settings.ingest_post_host, settings.ingest_post_port) as listener,
        serve_status(
            settings.ingest_http_host, settings.ingest_http_port, observations.metrics, health
        ) as status_port,
    ):
        server = _Server(_config(app, settings.api_trusted_proxies))
        moving = asyncio.create_task(pipeline.run(), name="pipeline")
        serving = asyncio.create_task(server.serve([listener]), name="http")
        beside = [
            asyncio.create_task(credentials.follow(), name="credentials"),
            asyncio.create_task(minutes.run(), name="minutes"),
            asyncio.create_task(keep_retention(settings), name="retention"),
        ]
        stopping = asyncio.create_task(stop.wait(), name="stop")
        _log.info(
            "http_ingester_started",
            client_id=settings.ingest_client_id,
            port=listener.getsockname()[1],
            status_port=status_port,
        )
        try:
            await asyncio.wait(
                [moving, serving, stopping, *beside], return_when=asyncio.FIRST_COMPLETED
            )
            server.should_exit = True
            await serving
            pipeline.stop()
            await moving
            for ended in beside:
                if ended.done():
                    ended.result()
        finally:
            tasks = {stopping, serving, moving, *beside}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await minutes.leave()
            await sources.close()
    _log.info("ingester_stopped", client_id=settings.ingest_client_id)


def _config(app: object, trusted_proxies: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=trusted_proxies,
        h11_max_incomplete_event_size=_HEAD_LIMIT_BYTES,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(_LONGEST_WAIT_S),
    )


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that equipment, or the proxy before us, connects to.

    Raises:
        UserError: the address is taken or is none of this machine.
    """
    try:
        listener = socket.create_server((host, port), backlog=_BACKLOG, reuse_port=False)
    except OSError as error:
        raise UserError(
            "Heartbeats cannot be taken on {host}:{port} ({reason}); set another "
            "JIERU_INGEST_POST_PORT.",
            host=host,
            port=port,
            reason=error.strerror,
        ) from None
    with listener:
        yield listener
