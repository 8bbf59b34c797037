"""`jieru count`: a draft count of one year."""

from datetime import date

import click

from command.arguments import YEAR, as_of_option, json_option, policy_option
from command.count_tables import count_report
from command.counting import (
    print_json,
    today,
    width_of_output,
)
from command.help import example
from command.reading_out import opened_to_read_out
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.counting.run import count_year
from verifier.policy import load_policy

__all__ = ["command"]


@click.command(
    "count",
    help=_("Count one year: every enterprise's outcome, every award."),
    epilog=example("jieru count 2026 --as-of 2027-04-05 --platform xielian"),
)
@click.argument("year", type=YEAR)
@as_of_option
@click.option("--platform", metavar="CODE", help=_("List this platform only."))
@policy_option
@json_option
def command(
    *, year: int, as_of: date, platform: str | None, policy: str | None, as_json: bool
) -> None:
    """Count one year and print it."""
    settings = load_settings()
    rules = load_policy(policy or settings.policy)
    with opened_to_read_out(settings, year, platform) as connection:
        count = count_year(connection, year, as_of=as_of, policy=rules, platform=platform)
    if as_of >= today() and not count.is_simulation:
        click.echo(
            _("Note: {as_of} is not over; days without evidence yet count as inactive.").format(
                as_of=as_of.isoformat()
            ),
            err=True,
        )
    if as_json:
        print_json(count.to_json_object())
    else:
        click.echo(count_report(count, width=width_of_output()))
