"""`jieru credential`: what equipment signs in with at the broker."""

import click
import psycopg
from rich.console import Console
from rich.table import Table

from command.counting import open_database, today, width_of_output
from command.help import example
from command.reading_out import opened_to_read_out
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
from jieru.vocabulary import PUBLISHER_WORDS
from registry.gateways import GatewayAddress, change_gateway, create_gateway, has_gateway
from registry.refusals import WrongColumnsError

__all__ = ["command"]


@click.group("credential", help=_("Issue, replace, revoke or list credentials of equipment."))
def command() -> None:
    """Credentials of equipment."""


@command.command(
    "issue",
    help=_(
        "Issue a credential to one device, to a gateway, or with neither to the platform's cloud; "
        "gateway and cloud publish for all of the platform's devices. The secret is shown once."
    ),
    epilog=example(
        "jieru credential issue xielian CNC-01",
        "jieru credential issue xielian --gateway licheng-1 --site 荔城区一号车间",
        "jieru credential issue xielian",
    ),
)
@click.argument("platform")
@click.argument("serial", required=False)
@click.option("--gateway", help=_("The gateway's name; it is registered if it is not yet."))
@click.option("--site", help=_("Where the gateway stands."))
def _issue(*, platform: str, serial: str | None, gateway: str | None, site: str | None) -> None:
    if site is not None and gateway is None:
        raise UserError("--site says where a gateway stands: name the gateway with --gateway.")
    settings = load_settings()
    broker = equipment_broker(settings)
    with (
        open_database(settings) as connection,
        changing(connection, command_actor()),
    ):
        if gateway is not None and serial is None:
            _register(connection, GatewayAddress(platform, gateway), site)
        equipment = find_equipment(connection, platform=platform, serial=serial, gateway=gateway)
        issued = issue_to(connection, equipment, today=today())
    _show(issued, broker)


@command.command(
    "replace",
    help=_("Revoke a credential whose secret is lost and issue another; shown once."),
    epilog=example("jieru credential replace xielian/via/licheng-1"),
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
        issued = replace_of(connection, old.id, today=today())
    _show(issued, broker)


@command.command(
    "revoke",
    help=_("Let equipment in no more; the broker cuts it off within seconds."),
    epilog=example("jieru credential revoke xielian/own/CNC-01"),
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
    with opened_to_read_out(load_settings()) as connection:
        found = select_credentials(connection, [] if is_all else [OPEN])
    table = Table()
    for title in (_("Username"), _("Publishes as"), _("Issued at"), _("Revoked at")):
        table.add_column(title)
    for each in found:
        moments = (each.created_at, each.revoked_at)
        table.add_row(
            each.username,
            _(PUBLISHER_WORDS[each.kind]),
            *(f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else "" for at in moments),
        )
    Console(width=width_of_output(), highlight=False).print(table)


def _register(connection: psycopg.Connection, address: GatewayAddress, site: str | None) -> None:
    """See to it that a gateway is registered, at this site where one is named."""
    try:
        if has_gateway(connection, address):
            if site is not None:
                change_gateway(connection, address, {"site": site}, revisions=None)
        else:
            create_gateway(connection, {**address._asdict(), "site": site})
    except WrongColumnsError as error:
        raise error.columns[0].reason from None


def _show(issued: IssuedCredential, broker: BrokerAddress) -> None:
    click.echo(_("Username: {username}").format(username=issued.username))
    click.echo(_("Secret, shown only now: {secret}").format(secret=issued.secret))
    click.echo(_("A first heartbeat from a shell:"))
    click.echo(publish_line(broker, issued.username, issued.secret))
