"""`jieru count`: a draft count of one year."""

import click

from command.count_tables import count_report
from command.counting import (
    open_database,
    parse_as_of,
    parse_year,
    print_json,
    today,
    width_of_output,
)
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.counting.run import count_year
from verifier.policy import load_policy

__all__ = ["command"]


@click.command("count", help=_("Count one year: every enterprise's outcome, every award."))
@click.argument("year")
@click.option(
    "--as-of", metavar="DATE", help=_("Last day whose evidence is used (default: yesterday).")
)
@click.option("--platform", metavar="CODE", help=_("List this platform only."))
@click.option(
    "--policy", metavar="FILE", help=_("Policy file, or name of a policy that comes with Jieru.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON for programs."))
def command(
    *, year: str, as_of: str | None, platform: str | None, policy: str | None, as_json: bool
) -> None:
    """Count one year and print it."""
    settings = load_settings()
    counted_year, last_day = parse_year(year), parse_as_of(as_of)
    rules = load_policy(policy or settings.policy)
    with open_database(settings) as connection:
        count = count_year(
            connection, counted_year, as_of=last_day, policy=rules, platform=platform
        )
    if last_day >= today() and not count.is_simulation:
        click.echo(
            _("Note: {as_of} is not over; days without evidence yet count as inactive.").format(
                as_of=last_day.isoformat()
            ),
            err=True,
        )
    if as_json:
        print_json(count.to_json_object())
    else:
        click.echo(count_report(count, width=width_of_output()))
