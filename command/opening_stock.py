"""`jieru opening-stock`: accept, confirm, withdraw or list what a registry held on a day."""

from datetime import date

import click
from rich.table import Table

from api.access.roles import Permission
from command.arguments import DAY, WHOLE_NUMBER, json_option
from command.count_tables import Page, simulation_mark, text_table
from command.counting import open_database, print_json, width_of_output
from command.help import example
from command.person import ClaimedName, by_option, taker_of
from jieru.audit import changing
from jieru.calendar import SHANGHAI
from jieru.database import read_installation
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.counting.opening_stocks import (
    RecordedStock,
    accept_opening_stock,
    confirm_opening_stock,
    list_opening_stocks,
    withdraw_opening_stock,
)

__all__ = ["command"]


@click.group(
    "opening-stock",
    help=_(
        "Accept what was registered by a day, of a platform or of all, so that it counts from its "
        "first day however late it was recorded."
    ),
)
def command() -> None:
    """Opening stocks, each accepted by two people."""


@command.command(
    "accept",
    help=_("Accept all that was recorded by a day; another person must confirm it."),
    epilog=example(
        "jieru opening-stock accept --on 2026-12-01 --reason 市工信局第12次办公会纪要 --by 林晓"
    ),
)
@click.option("--on", "stood_on", type=DAY, required=True, help=_("What was recorded by this day."))
@click.option("--platform", metavar="CODE", help=_("Of this platform only."))
@click.option(
    "--attachment",
    metavar="TEXT",
    help=_("Where the document behind it is kept, such as a file number."),
)
@click.option("--reason", metavar="TEXT", required=True, help=_("Why; kept for good."))
@by_option(_("Who decides."))
def _accept(
    *,
    stood_on: date,
    platform: str | None,
    attachment: str | None,
    reason: str,
    name: ClaimedName,
) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        is_simulation = read_installation(connection).is_simulation
        taker = taker_of(connection, settings, name, Permission.DECIDE)
        with changing(connection, taker.actor):
            number = accept_opening_stock(
                connection,
                platform,
                stood_on,
                reason=reason,
                decided_by=taker.name,
                attachment=attachment,
            )
    click.echo(_("Opening stock {id} is recorded.").format(id=number))
    if not is_simulation:
        click.echo(
            _(
                "It takes effect once another person confirmed it: jieru opening-stock confirm {id}"
            ).format(id=number)
        )


@command.command(
    "confirm",
    help=_("Let an opening stock that waits for a second person take effect."),
    epilog=example("jieru opening-stock confirm 1 --by 陈静"),
)
@click.argument("number", metavar="ID", type=WHOLE_NUMBER)
@by_option(_("Who confirms it."))
def _confirm(*, number: int, name: ClaimedName) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        taker = taker_of(connection, settings, name, Permission.DECIDE)
        with changing(connection, taker.actor):
            confirm_opening_stock(connection, number, by=taker.name)
    click.echo(_("Opening stock {id} is confirmed and takes effect.").format(id=number))


@command.command(
    "withdraw",
    help=_("Withdraw an opening stock; it stays on record."),
    epilog=example("jieru opening-stock withdraw 1 --reason 登记日期有误 --by 林晓"),
)
@click.argument("number", metavar="ID", type=WHOLE_NUMBER)
@click.option("--reason", metavar="TEXT", required=True, help=_("Why; kept for good."))
@by_option(_("Who decides."))
def _withdraw(*, number: int, reason: str, name: ClaimedName) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        taker = taker_of(connection, settings, name, Permission.DECIDE)
        with changing(connection, taker.actor):
            withdraw_opening_stock(connection, number, reason=reason, by=taker.name)
    click.echo(_("Opening stock {id} is withdrawn.").format(id=number))


@command.command("list", help=_("List all opening stocks, withdrawn ones too."))
@json_option
def _list(*, as_json: bool) -> None:
    with open_database(load_settings()) as connection:
        found = list_opening_stocks(connection)
        is_simulation = read_installation(connection).is_simulation
    if as_json:
        print_json(
            {
                "simulation": is_simulation,
                "opening_stocks": [each.to_json_object() for each in found],
            }
        )
        return
    page = Page(width_of_output())
    if is_simulation:
        page.lines(simulation_mark())
    if found:
        page.table(_table(found))
    else:
        page.lines(_("No opening stock is recorded."))
    click.echo(page.text())


def _table(stocks: list[RecordedStock]) -> Table:
    table = text_table(
        _("Opening stocks"),
        [
            _("No."),
            _("Platform"),
            _("Recorded until"),
            _("Reason"),
            _("By"),
            _("On"),
            _("Confirmed"),
            _("Withdrawn"),
        ],
    )
    for each in stocks:
        confirmed = withdrawn = ""
        if each.waits:
            confirmed = _("waits for a second person")
        elif each.confirmed_at is not None:
            confirmed = f"{each.confirmed_at.astimezone(SHANGHAI):%Y-%m-%d} {each.confirmed_by}"
        if each.withdrawn_at is not None:
            withdrawn = (
                f"{each.withdrawn_at.astimezone(SHANGHAI):%Y-%m-%d} "
                f"{each.withdrawn_by}: {each.withdrawn_reason}"
            )
        table.add_row(
            str(each.id),
            each.platform or _("all platforms"),
            each.stood_on.isoformat(),
            "\n".join(filter(None, (each.reason, each.attachment))),
            each.decided_by,
            f"{each.decided_at.astimezone(SHANGHAI):%Y-%m-%d}",
            confirmed,
            withdrawn,
        )
    return table
