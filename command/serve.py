"""`jieru serve`: the API and the console, until SIGTERM or Ctrl-C."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import click
from fastapi import FastAPI
from psycopg_pool import ConnectionPool

from api.app import create_app
from api.counts.procedure_source import ProcedureSource
from api.doors import Doors
from api.metrics import BrokerFileMetric, showing_metrics
from api.server import serving
from api.web.bounds.bounds import Bounds
from api.web.bounds.metrics import BoundsMetrics
from api.web.database import RequestDatabase
from api.web.lanes import CONNECTIONS
from command.counting import open_database
from command.help import example
from command.stopping import stop_on_signals
from jieru.credentials.broker_files import BrokerFiles
from jieru.credentials.sync import following_credentials
from jieru.database import open_pool
from jieru.database_options import SHORT_WORK
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.settings import Settings, load_settings
from jieru.syslog.following import following_entries
from jieru.told_processes import tell_process
from verifier.policy import load_policy
from verifier.procedure.trusted_keys import trusted_keys_of
from verifier.procedure.verifications import verifying_counts

__all__ = ["command"]


@click.command(
    "serve", help=_("Serve the API and the console."), epilog=example("jieru serve --port 8001")
)
@click.option("--host", help=_("Address to listen on; otherwise JIERU_API_HOST."))
@click.option(
    "--port", type=click.IntRange(0, 65_535), help=_("Port; otherwise JIERU_API_PORT. 0: any.")
)
def command(host: str | None, port: int | None) -> None:
    """Check the database, then serve until told to stop."""
    settings = load_settings()
    url = settings.require_database_url()
    files = BrokerFiles.of_settings(settings)
    with open_database(settings):
        pass  # it is there, and has our schema
    configure_log()
    tell_process("serve", settings, policy_sha256=load_policy(settings.policy).sha256)
    # A request that finds no database says so in our own form.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    stop = stop_on_signals()
    doors = Doors()
    with (
        open_pool(url, size=CONNECTIONS, work=SHORT_WORK) as pool,
        _steps_left(app := create_app(settings, pool), pool),
        _showing_metrics(doors, app, pool, settings),
        serving(
            app,
            settings.api_host if host is None else host,
            settings.api_port if port is None else port,
            trusted_proxies=settings.api_trusted_proxies,
            interrupt=app.state.services.get(RequestDatabase).interrupt,
            doors=doors,
        ) as address,
        following_credentials(url, files) if files else nullcontext(),
        verifying_counts(url, trusted_keys_of(settings)),
        following_entries(url, settings.syslog, settings.access_log_days),
    ):
        click.echo(_("The console is at {address} (Ctrl-C stops it).").format(address=address))
        stop.wait()


def _showing_metrics(
    doors: Doors, app: FastAPI, pool: ConnectionPool, settings: Settings
) -> AbstractContextManager[None]:
    doors.registry.register(BoundsMetrics(app.state.services.get(Bounds)))
    doors.registry.register(BrokerFileMetric(pool))
    return showing_metrics(doors.registry, settings.api_metrics_host, settings.api_metrics_port)


@contextmanager
def _steps_left(app: FastAPI, pool: ConnectionPool) -> Iterator[None]:
    """Note at the end which long steps of counts end with this process."""
    try:
        yield
    finally:
        app.state.services.get(ProcedureSource).works.leave(pool)
