"""`jieru recheck`: whether a frozen count still follows from the data."""

import sys

import click

from command.arguments import YEAR, json_option
from command.counting import print_json, width_of_output
from command.help import example
from command.procedure_tables import recheck_report
from command.reading_out import opened_to_read_out
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.policy import load_policy
from verifier.procedure.recheck import recheck_count
from verifier.procedure.records import find_count

__all__ = ["command"]


@click.command(
    "recheck",
    help=_("Compute a frozen count from today's data; exit code 1 when anything differs."),
    epilog=example("jieru recheck 2026"),
)
@click.argument("year", type=YEAR)
@json_option
def command(*, year: int, as_json: bool) -> None:
    """Recheck the frozen count of a year and print every difference with its cause."""
    settings = load_settings()
    policy = load_policy(settings.policy)
    with opened_to_read_out(settings, year) as connection:
        with connection.transaction():
            record = find_count(connection, year)
        recheck = recheck_count(connection, record, policy)
    if as_json:
        print_json(recheck.to_json_object())
    else:
        click.echo(recheck_report(recheck, width=width_of_output()))
    if recheck.has_difference:
        sys.exit(1)
