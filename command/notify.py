"""`jieru notify`: ask enterprises of their connections, and send what waits in the outbox."""

import random
from contextlib import ExitStack
from threading import Event
from typing import Final

import click
import psycopg
import structlog
from prometheus_client import start_http_server

from command.counting import now, open_database
from command.help import example
from command.stopping import stop_on_signals
from jieru.audit import command_actor
from jieru.calendar import civil_date
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.outbox.mail import MailServer, mail_server_of
from jieru.outbox.queue import revive_dead
from jieru.outbox.sending import Metrics, send_due
from jieru.retry import backoff_delays, is_worth_retrying
from jieru.settings import Settings, load_settings
from registry.confirmations import Asking, ask_unasked

__all__ = ["command"]

_LOOK_EVERY_S: Final = 5.0
_log = structlog.get_logger()


@click.command(
    "notify",
    help=_(
        "Ask enterprises by mail whether their connections are so, and send all mail that waits, "
        "until SIGTERM."
    ),
    epilog=example("jieru notify"),
)
@click.option("--once", is_flag=True, help=_("Do what is due now, then leave."))
@click.option(
    "--retry-dead",
    "is_reviving",
    is_flag=True,
    help=_("First let what was given up be tried anew."),
)
def command(*, once: bool, is_reviving: bool) -> None:
    """Follow the outbox."""
    settings = load_settings()
    server = mail_server_of(settings)
    asking = Asking.of_settings(settings)
    with open_database(settings) as connection:
        if is_reviving:
            connection.autocommit = True
            number = revive_dead(connection)
            click.echo(_("Messages that are tried anew: {number}").format(number=number))
    configure_log()
    stop = stop_on_signals()
    metrics = Metrics()
    with ExitStack() as stack:
        if settings.notify_http_port and not once:
            _serve_metrics(stack, settings, metrics)
        _log.info("notify_started")
        _follow(settings.require_database_url(), server, asking, metrics, stop, once=once)
    _log.info("notify_stopped")


def _follow(
    url: str, server: MailServer, asking: Asking, metrics: Metrics, stop: Event, *, once: bool
) -> None:
    """Look every few seconds, and wait for whatever is away."""
    delays, reason = backoff_delays(random.random), ""
    while not stop.is_set():
        try:
            with connect(url) as connection:
                connection.autocommit = True
                while not stop.is_set():
                    _look(connection, server, asking, metrics)
                    delays = backoff_delays(random.random)
                    if once:
                        return
                    stop.wait(_LOOK_EVERY_S)
        except WorldError as error:
            if once:
                raise
            reason = str(error)
        except psycopg.Error as error:
            if once or not is_worth_retrying(error):
                raise
            reason = " ".join(str(error).split())
        delay = next(delays)
        _log.warning("notify_waits", error=reason, retry_seconds=round(delay, 1))
        stop.wait(delay)


def _look(
    connection: psycopg.Connection, server: MailServer, asking: Asking, metrics: Metrics
) -> None:
    moment = now()
    asked = ask_unasked(connection, asking, command_actor(), now=moment, today=civil_date(moment))
    if asked:
        _log.info("enterprises_asked", questions=asked)
    send_due(connection, server, metrics, now=moment)


def _serve_metrics(stack: ExitStack, settings: Settings, metrics: Metrics) -> None:
    host, port = settings.notify_http_host, settings.notify_http_port
    try:
        httpd, thread = start_http_server(port, host, registry=metrics.registry)
    except OSError as error:
        raise UserError(
            "Metrics cannot be shown on {host}:{port} ({reason}): set another "
            "JIERU_NOTIFY_HTTP_PORT.",
            host=host,
            port=port,
            reason=error.strerror,
        ) from None
    stack.callback(thread.join)
    stack.callback(httpd.shutdown)
