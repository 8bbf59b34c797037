"""`jieru credential`: what equipment signs in with at the broker."""

import click
from rich.console import Console
from rich.table import Table

from command.counting import open_database, today, width_of_output
from command.help import example
from jieru.audit import changing, command_actor
from jieru.broker import BrokerAddress
from jieru.calendar import SHANGHAI
from jieru.credentials import records
from jieru.credentials.equipment import find_equipment, issue_to, replace_of
from jieru.credentials.equipment_broker import equipment_broker
from jieru.credentials.example import publish_line
from jieru.credentials.records import IssuedCredential
from jieru.credentials.stored import OPEN, find_open_credential, select_credentials
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import load_settings

__all__ = ["command"]


@click.group("credential", help=_("Issue, replace, revoke or list credentials of equipment."))
def command() -> None:
    """Credentials of equipment."""


@command.command(
    "issue",
    help=_(
        "Issue a credential to one device, or without a serial to the platform's gateway, which "
        "publishes for all of its devices; the secret is shown once."
    ),
    epilog=example("jieru credential issue xielian CNC-01"),
)
@click.argument("platform")
@click.argument("serial", required=False)
def _issue(*, platform: str, serial: str | None) -> None:
    settings = load_settings()
    broker = equipment_broker(settings)
    with (
        open_database(settings) as connection,
        changing(connection, command_actor()),
    ):
        equipment = find_equipment(connection, platform=platform, serial=serial)
        issued = issue_to(connection, equipment, today=today())
    _show(issued, broker)


@command.command(
    "replace", help=_("Revoke a credential whose secret is lost and issue another; shown once.")
)
@click.argument("username")
def _replace(*, username: str) -> None:
    settings = load_settings()
    broker = equipment_broker(settings)
    with (
        open_database(settings) as connection,
        changing(connection, command_actor()),
    ):
        old = find_open_credential(connection, username)
        equipment = find_equipment(connection, platform=old.platform, serial=old.serial)
        issued = replace_of(connection, equipment, old.id, today=today())
    _show(issued, broker)


@command.command(
    "revoke",
    help=_("Let equipment in no more; the broker cuts it off within seconds."),
    epilog=example("jieru credential revoke xielian/CNC-01"),
)
@click.argument("username")
def _revoke(*, username: str) -> None:
    with (
        open_database(load_settings()) as connection,
        changing(connection, command_actor()),
    ):
        if not records.revoke(connection, find_open_credential(connection, username).id):
            raise UserError("{username} has no credential that is open.", username=username)
    click.echo(_("The credential of {username} is revoked.").format(username=username))


@command.command("list", help=_("List credentials that are open, the newest first."))
@click.option("--all", "is_all", is_flag=True, help=_("Revoked ones too."))
def _list(*, is_all: bool) -> None:
    with open_database(load_settings()) as connection:
        found = select_credentials(connection, [] if is_all else [OPEN])
    table = Table()
    for title in (_("Username"), _("Issued at"), _("Revoked at")):
        table.add_column(title)
    for each in found:
        moments = (each.created_at, each.revoked_at)
        table.add_row(
            each.username,
            *(f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else "" for at in moments),
        )
    Console(width=width_of_output(), highlight=False).print(table)


def _show(issued: IssuedCredential, broker: BrokerAddress) -> None:
    click.echo(_("Username: {username}").format(username=issued.username))
    click.echo(_("Secret, shown only now: {secret}").format(secret=issued.secret))
    click.echo(_("A first heartbeat from a shell:"))
    click.echo(publish_line(broker, issued.username, issued.secret))
