"""`jieru procedure except-evidence`: why a month counts though heartbeats of it are gone."""

from datetime import date

import click

from command.arguments import MONTH, WHOLE_NUMBER
from command.counting import open_database
from command.help import example
from jieru.audit import changing, command_actor
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.evidence.records import confirm_exception, name_exception

__all__ = ["confirm_exception_command", "except_evidence_command"]

_by = click.option("--by", "name", metavar="NAME", required=True, help=_("Who takes this step."))


@click.command(
    "except-evidence",
    help=_("Say why a month counts though heartbeats of it are gone; another person confirms it."),
    epilog=example("jieru procedure except-evidence 2026-03 --reason 原始心跳已到期删除 --by 林晓"),
)
@click.argument("month", metavar="YYYY-MM", type=MONTH)
@click.option("--reason", metavar="TEXT", required=True, help=_("Why; kept for good."))
@_by
def except_evidence_command(*, month: date, reason: str, name: str) -> None:
    """Name one."""
    with open_database(load_settings()) as connection, changing(connection, command_actor()):
        named = name_exception(connection, month, reason=reason, by=name)
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
def confirm_exception_command(*, exception: int, name: str) -> None:
    """Confirm one."""
    with open_database(load_settings()) as connection, changing(connection, command_actor()):
        confirm_exception(connection, exception, by=name)
    click.echo(_("Exception {id} is confirmed.").format(id=exception))
