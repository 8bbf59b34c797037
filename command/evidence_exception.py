"""`jieru procedure except-evidence`: why a month counts though heartbeats of it are gone."""

from datetime import date

import click

from api.access.roles import Permission
from command.arguments import MONTH, WHOLE_NUMBER
from command.counting import open_database
from command.help import example
from command.person import ClaimedName, by_option, taker_of
from jieru.audit import changing
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.evidence.records import confirm_exception, name_exception

__all__ = ["confirm_exception_command", "except_evidence_command"]

_by = by_option(_("Who takes this step."))


@click.command(
    "except-evidence",
    help=_("Say why a month counts though heartbeats of it are gone; another person confirms it."),
    epilog=example("jieru procedure except-evidence 2026-03 --reason 原始心跳已到期删除 --by 林晓"),
)
@click.argument("month", metavar="YYYY-MM", type=MONTH)
@click.option("--reason", metavar="TEXT", required=True, help=_("Why; kept for good."))
@_by
def except_evidence_command(*, month: date, reason: str, name: ClaimedName) -> None:
    """Name one."""
    settings = load_settings()
    with open_database(settings) as connection:
        taker = taker_of(connection, settings, name, Permission.ADVANCE_COUNTS)
        with changing(connection, taker.actor):
            named = name_exception(connection, month, reason=reason, by=taker.name)
    click.echo(
        _(
            "Exception {id} is recorded, for {days} days of {month}; another person confirms it."
        ).format(id=named.id, days=len(named.days), month=f"{month:%Y-%m}")
    )


@click.command(
    "confirm-exception",
    help=_("Confirm as another person that a month counts though heartbeats of it are gone."),
    epilog=example("jieru procedure confirm-exception 1 --by 陈静"),
)
@click.argument("exception", metavar="ID", type=WHOLE_NUMBER)
@_by
def confirm_exception_command(*, exception: int, name: ClaimedName) -> None:
    """Confirm one."""
    settings = load_settings()
    with open_database(settings) as connection:
        taker = taker_of(connection, settings, name, Permission.ADVANCE_COUNTS)
        with changing(connection, taker.actor):
            confirm_exception(connection, exception, by=taker.name)
    click.echo(_("Exception {id} is confirmed.").format(id=exception))
