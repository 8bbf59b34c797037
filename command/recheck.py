"""`jieru recheck`: whether a frozen count, or what sources held, still follows from the data."""

import sys
from datetime import date

import click

from command.arguments import DAY, YEAR, json_option
from command.counting import print_json, width_of_output
from command.help import example
from command.procedure_tables import recheck_report
from command.reading_out import opened_to_read_out
from command.recheck_sources import recheck_kept_messages
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.policy import load_policy
from verifier.procedure.recheck import recheck_count
from verifier.procedure.records import find_count

__all__ = ["command"]


@click.command(
    "recheck",
    help=_(
        "Compute a frozen count from today's data; exit code 1 when anything differs. With "
        "--sources: derive every row of the messages in others' formats again from the bytes that "
        "were kept, and hold it against what is stored."
    ),
    epilog=example("jieru recheck 2026"),
)
@click.argument("year", type=YEAR, required=False)
@click.option("--sources", "is_of_sources", is_flag=True, help=_("Messages in others' formats."))
@click.option("--platform", metavar="CODE", help=_("With --sources: of this platform only."))
@click.option(
    "--from",
    "first",
    metavar="DATE",
    type=DAY,
    help=_("With --sources: received from this day on."),
)
@click.option(
    "--to", "last", metavar="DATE", type=DAY, help=_("With --sources: received until this day.")
)
@json_option
def command(
    *,
    year: int | None,
    is_of_sources: bool,
    platform: str | None,
    first: date | None,
    last: date | None,
    as_json: bool,
) -> None:
    """Recheck the frozen count of a year, or kept messages, and print every difference."""
    if is_of_sources == (year is not None):
        raise click.UsageError(_("Give a year, or --sources."))
    if year is None:
        has_difference = recheck_kept_messages(
            load_settings(), platform=platform, first=first, last=last, as_json=as_json
        )
    elif (platform, first, last) != (None, None, None):
        raise click.UsageError(_("--platform, --from and --to belong to --sources."))
    else:
        has_difference = _recheck_year(year, as_json=as_json)
    if has_difference:
        sys.exit(1)


def _recheck_year(year: int, *, as_json: bool) -> bool:
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
    return recheck.has_difference
