"""`jieru ingest`: run one ingester until SIGTERM, or empty what one has left at the broker."""

import asyncio

import click

from command.help import example
from ingest.decode import TimeRules
from ingest.http.run import run_http_ingester, settings_of_http
from ingest.run import check_database, check_others_run, run_ingester, settings_of_sources
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.settings import load_settings
from jieru.told_processes import tell_process
from verifier.policy import load_policy

__all__ = ["command"]


@click.command(
    "ingest",
    help=_("Store heartbeats from the broker until SIGTERM."),
    epilog=example("JIERU_MQTT_URL=mqtt://_ingest:SECRET@127.0.0.1 jieru ingest"),
)
@click.option(
    "--drain",
    "is_draining",
    is_flag=True,
    help=_("Unsubscribe, store what the broker still holds for this client id, end its session."),
)
@click.option(
    "--last",
    "is_last",
    is_flag=True,
    help=_("With --drain: also when no other ingester is there to receive heartbeats."),
)
@click.option(
    "--sources",
    "reads_sources",
    is_flag=True,
    help=_("Read messages in the formats that platforms declared, instead of heartbeats."),
)
@click.option(
    "--http",
    "takes_posts",
    is_flag=True,
    help=_("Take heartbeats by HTTP, instead of from the broker."),
)
def command(*, is_draining: bool, is_last: bool, reads_sources: bool, takes_posts: bool) -> None:
    """Run one ingester by the policy's rules of time."""
    if is_last and not is_draining:
        raise UserError("--last belongs to --drain.")
    if takes_posts and (is_draining or reads_sources):
        raise UserError("--http takes all formats, and has no session to drain.")
    settings = load_settings()
    if takes_posts:
        settings = settings_of_http(settings)
    if reads_sources:
        settings = settings_of_sources(settings)
    configure_log()
    policy = load_policy(settings.policy)
    delay, ahead = policy.max_delay_hours.value, policy.max_clock_ahead_minutes.value
    live = policy.live_within_minutes.value if policy.live_within_minutes else None
    session = check_database(
        settings,
        policy=policy.name,
        max_delay_hours=delay,
        max_clock_ahead_minutes=ahead,
        live_within_minutes=live,
    )
    tell_process("ingest", settings, name=settings.ingest_client_id, policy_sha256=policy.sha256)
    if takes_posts:
        rules = TimeRules.of_policy(
            max_delay_hours=delay,
            max_clock_ahead_minutes=ahead,
            is_event_clock=settings.ingest_clock == "event",
            live_within_minutes=live,
        )
        asyncio.run(
            run_http_ingester(settings, rules, takes_receipt_time=policy.takes_receipt_time)
        )
        return
    if is_draining and not is_last:
        check_others_run(settings)
    asyncio.run(
        run_ingester(
            settings,
            session,
            max_delay_hours=delay,
            max_clock_ahead_minutes=ahead,
            live_within_minutes=live,
            is_draining=is_draining,
            reads_sources=reads_sources,
        )
    )
