"""`jieru ingest`: run one ingester until SIGTERM."""

import asyncio

import click

from ingest.run import check_database, run_ingester
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.settings import load_settings
from verifier.policy import load_policy

__all__ = ["command"]


@click.command("ingest", help=_("Store heartbeats from the broker until SIGTERM."))
def command() -> None:
    """Run one ingester by the policy's rules of time."""
    settings = load_settings()
    configure_log()
    policy = load_policy(settings.policy)
    delay, ahead = policy.max_delay_hours.value, policy.max_clock_ahead_minutes.value
    check_database(
        settings, policy=policy.name, max_delay_hours=delay, max_clock_ahead_minutes=ahead
    )
    asyncio.run(run_ingester(settings, max_delay_hours=delay, max_clock_ahead_minutes=ahead))
