"""`jieru notify`: ask enterprises, tell people what happened, and send what waits in the outbox."""

import random
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Event
from typing import Final

import click
import psycopg
import structlog
from prometheus_client import start_http_server

from command.counting import now, open_database
from command.help import example
from command.stopping import stop_on_signals
from command.year_notices import tell_of_the_year
from jieru.audit import command_actor
from jieru.calendar import civil_date
from jieru.database import connect, read_installation
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.notices.composing import compose_due
from jieru.notices.finding import find_and_tell
from jieru.outbox.mail import MailServer, mail_server_of
from jieru.outbox.queue import revive_dead
from jieru.outbox.sealing import NoticeKey, notice_key_of
from jieru.outbox.sending import Metrics, post_due, send_due
from jieru.outbox.webhooks import Webhooks, networks_of
from jieru.retry import backoff_delays, is_worth_retrying
from jieru.settings import Settings, load_settings
from jieru.told_processes import tell_process
from registry.confirmations import Asking, ask_unasked
from verifier.policy import Policy, load_policy

__all__ = ["command"]

_LOOK_EVERY_S: Final = 5.0
_FIND_EVERY: Final = timedelta(minutes=1)
_log = structlog.get_logger()


@dataclass(slots=True)
class _Work:
    """What the follower does it with."""

    server: MailServer
    asking: Asking
    webhooks: Webhooks
    key: NoticeKey | None
    metrics: Metrics
    policy: Policy
    found_at: datetime | None = None
    """When it last looked for events, which takes longer than to look for messages."""
    year_told_on: date | None = None
    """When it last looked where each enterprise stands, which takes seconds."""


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
    metrics = Metrics()
    work = _Work(
        mail_server_of(settings),
        Asking.of_settings(settings),
        Webhooks(networks_of(settings.webhook_networks)),
        notice_key_of(settings),
        metrics,
        load_policy(settings.policy),
    )
    with open_database(settings) as connection:
        if is_reviving:
            connection.autocommit = True
            number = revive_dead(connection)
            click.echo(_("Messages that are tried anew: {number}").format(number=number))
    configure_log()
    tell_process("notify", settings)
    stop = stop_on_signals()
    with ExitStack() as stack:
        if settings.notify_http_port and not once:
            _serve_metrics(stack, settings, metrics)
        _log.info("notify_started")
        _follow(settings.require_database_url(), work, stop, once=once)
    _log.info("notify_stopped")


def _follow(url: str, work: _Work, stop: Event, *, once: bool) -> None:
    """Look every few seconds, and wait for whatever is away."""
    delays, reason = backoff_delays(random.random), ""
    while not stop.is_set():
        try:
            with connect(url) as connection:
                connection.autocommit = True
                while not stop.is_set():
                    _look(connection, work)
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


def _look(connection: psycopg.Connection, work: _Work) -> None:
    """Mail comes last: its server may be away, and nothing else should wait for it."""
    moment = now()
    asking = work.asking
    asked = ask_unasked(connection, asking, command_actor(), now=moment, today=civil_date(moment))
    if asked:
        _log.info("enterprises_asked", questions=asked)
    if work.found_at is None or moment - work.found_at >= _FIND_EVERY:
        told = find_and_tell(connection, now=moment)
        work.metrics.told.inc(told)
        if told:
            _log.info("notices_told", notices=told)
        work.found_at = moment
    _tell_of_the_year_once_a_day(connection, work, moment)
    compose_due(
        connection,
        public_url=asking.public_url,
        language=asking.language,
        is_simulation=read_installation(connection).is_simulation,
        now=moment,
    )
    post_due(connection, work.webhooks, work.key, work.metrics, now=moment)
    send_due(connection, work.server, work.metrics, now=moment, public_url=asking.public_url)


def _tell_of_the_year_once_a_day(
    connection: psycopg.Connection, work: _Work, moment: datetime
) -> None:
    today = civil_date(moment)
    if work.year_told_on == today:
        return
    as_of = today - timedelta(days=1)
    told = tell_of_the_year(connection, work.policy, as_of=as_of, now=moment)
    work.metrics.told.inc(told)
    if told:
        _log.info("notices_told", notices=told)
    work.year_told_on = today


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
