"""`jieru migrate`: create or upgrade the schema."""

import math
from typing import Final

import click

from api.access.users import count_without_issuer
from command.help import example
from jieru.database import connect, read_installation
from jieru.i18n import gettext as _
from jieru.roles.limits import Limits
from jieru.schema import migrate
from jieru.settings import load_settings
from jieru.timescale import detect_edition
from verifier.policy import Policy, load_policy

__all__ = ["command"]

_DATABASE_AWAY_DAYS: Final = 42
"""For how long an ingester may hold its batch while the database is away."""


@click.command(
    "migrate",
    help=_("Create or upgrade the database's schema."),
    epilog=example("JIERU_DATABASE_URL=postgresql://jieru@127.0.0.1/jieru jieru migrate"),
)
@click.option(
    "--simulation", is_flag=True, help=_("Mark a new database as a simulation, for good.")
)
@click.option(
    "--before",
    "is_first_step",
    is_flag=True,
    help=_(
        "First step of an upgrade: only add, so that programs of the release before go on running."
    ),
)
def command(*, simulation: bool, is_first_step: bool) -> None:
    """Create or upgrade the schema and say what the database is."""
    settings = load_settings()
    url = settings.require_database_url()
    notes = migrate(
        url,
        simulation=simulation,
        compress_after_days=settings.heartbeat_compress_after_days,
        retention_days=None if settings.archive_dir else settings.heartbeat_retention_days,
        limits=Limits(
            rejections_kept=settings.rejection_retention_days,
            presence_reach=_presence_reach_days(load_policy(settings.policy)),
        ),
        role_passwords=settings.role_passwords,
        is_first_step=is_first_step,
    )
    with connect(url) as connection:
        edition = detect_edition(connection)
        is_simulation = read_installation(connection).is_simulation
        without_issuer = count_without_issuer(connection)
    if is_first_step:
        click.echo(
            _(
                "The first step is done: start all programs anew with this release, then run "
                "`jieru migrate` without --before."
            )
        )
    else:
        click.echo(_("The schema is current. TimescaleDB: {edition}.").format(edition=edition))
    for note in notes:
        click.echo(str(note), err=True)
    if without_issuer:
        click.echo(
            _(
                "Accounts that cannot sign in through OpenID Connect, for it is not known which "
                "provider's their names are: {count}. Say it with `jieru user issuer URL`."
            ).format(count=without_issuer),
            err=True,
        )
    if is_simulation:
        click.echo(_("This database is a simulation."))


def _presence_reach_days(policy: Policy) -> int:
    return math.ceil(policy.max_delay_hours.value / 24) + _DATABASE_AWAY_DAYS
