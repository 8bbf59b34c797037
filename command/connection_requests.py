"""`jieru requests`: what operators ask of other platforms' enterprises, and the bureau's answer."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import psycopg
from rich.table import Table

from api.access.roles import Permission
from command.arguments import WHOLE_NUMBER, json_option
from command.count_tables import Page, text_table
from command.counting import open_database, print_json, width_of_output
from command.help import example
from command.person import ClaimedName, by_option, taker_of
from command.reading_out import opened_to_read_out
from jieru.audit import changing
from jieru.calendar import SHANGHAI
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from jieru.vocabulary import REQUEST_STATUS_WORDS
from registry.connection_requests import (
    ConnectionRequest,
    RequestStatus,
    confirm_request,
    refuse_request,
    select_requests,
)
from registry.refusals import WrongColumnsError

__all__ = ["command"]


@click.group(
    "requests",
    help=_("List, confirm or refuse requests to connect an enterprise of another platform."),
)
def command() -> None:
    """Connection requests, as the bureau sees them."""


@command.command(
    "list",
    help=_("List requests that wait for the bureau, in the order in which they came."),
    epilog=example("jieru requests list --json"),
)
@click.option("--all", "is_all", is_flag=True, help=_("Those that are decided too."))
@json_option
def _list(*, is_all: bool, as_json: bool) -> None:
    with opened_to_read_out(load_settings()) as connection:
        found = select_requests(connection, None if is_all else RequestStatus.OPEN)
    if as_json:
        print_json({"requests": [each.to_json_object() for each in found]})
    else:
        click.echo(_report(found, width_of_output()))


@command.command(
    "confirm",
    help=_("Confirm a request: the connection is registered as it was requested."),
    epilog=example("jieru requests confirm 12 --reason 已核对合同原件"),
)
@click.argument("request_id", metavar="ID", type=WHOLE_NUMBER)
@click.option("--reason", metavar="TEXT", required=True, help=_("On what this rests; kept."))
@by_option(_("Who decides."))
def _confirm(*, request_id: int, reason: str, name: ClaimedName) -> None:
    with _deciding(name) as (connection, by):
        confirm_request(connection, request_id, reason=reason, by=by)
    click.echo(_("The connection request {id} is confirmed.").format(id=request_id))


@command.command(
    "refuse",
    help=_("Refuse a request; the operator reads the reason."),
    epilog=example("jieru requests refuse 12 --reason 缺少接入合同"),
)
@click.argument("request_id", metavar="ID", type=WHOLE_NUMBER)
@click.option("--reason", metavar="TEXT", required=True, help=_("Why; kept."))
@by_option(_("Who decides."))
def _refuse(*, request_id: int, reason: str, name: ClaimedName) -> None:
    with _deciding(name) as (connection, by):
        refuse_request(connection, request_id, reason=reason, by=by)
    click.echo(_("The connection request {id} is refused.").format(id=request_id))


@contextmanager
def _deciding(name: ClaimedName) -> Iterator[tuple[psycopg.Connection, str]]:
    """A transaction of somebody who may decide on requests, and how the audit names them."""
    settings = load_settings()
    with open_database(settings) as connection:
        actor = taker_of(connection, settings, name, Permission.CONFIRM_CONNECTIONS).actor
        with changing(connection, actor):
            try:
                yield connection, actor.name
            except WrongColumnsError as error:
                raise error.columns[0].reason from None


def _report(requests: list[ConnectionRequest], width: int) -> str:
    page = Page(width)
    if requests:
        page.table(_table(requests))
    else:
        page.lines(_("No connection request waits."))
    return page.text()


def _table(requests: list[ConnectionRequest]) -> Table:
    titles = [_("No."), _("Platform"), _("Code"), _("Enterprise"), _("Contract"), _("From")]
    table = text_table(
        _("Connection requests"),
        [*titles, _("Until (exclusive)"), _("Requested at"), _("Requested by"), _("State")],
    )
    for each in requests:
        table.add_row(
            str(each.id),
            each.platform,
            each.uscc,
            each.enterprise_name,
            each.contract_no or "",
            each.from_date.isoformat(),
            each.to_date.isoformat() if each.to_date else "",
            f"{each.requested_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
            each.requested_by,
            _(REQUEST_STATUS_WORDS[each.status]),
        )
    return table
