"""`jieru explain`: why one enterprise has its outcome."""

import click

from command.count_tables import explanation_report
from command.counting import (
    open_database,
    parse_as_of,
    parse_year,
    print_json,
    width_of_output,
)
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.counting.explain import explain
from verifier.policy import load_policy

__all__ = ["command"]


@click.command(
    "explain", help=_("Explain one outcome: criteria, devices, calendar of active days.")
)
@click.argument("year")
@click.argument("platform")
@click.argument("uscc")
@click.option(
    "--as-of", metavar="DATE", help=_("Last day whose evidence is used (default: yesterday).")
)
@click.option(
    "--policy", metavar="FILE", help=_("Policy file, or name of a policy that comes with Jieru.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON for programs."))
def command(
    *, year: str, platform: str, uscc: str, as_of: str | None, policy: str | None, as_json: bool
) -> None:
    """Explain one determination and print it."""
    settings = load_settings()
    counted_year, last_day = parse_year(year), parse_as_of(as_of)
    rules = load_policy(policy or settings.policy)
    with open_database(settings) as connection:
        explanation = explain(
            connection, counted_year, platform, uscc, as_of=last_day, policy=rules
        )
    if as_json:
        print_json(explanation.to_json_object())
    else:
        click.echo(explanation_report(explanation, width=width_of_output()))
