"""`jieru explain`: why one enterprise has its outcome."""

from datetime import date

import click

from command.arguments import YEAR, as_of_option, json_option, policy_option
from command.count_tables import explanation_report
from command.counting import (
    print_json,
    width_of_output,
)
from command.help import example
from command.reading_out import opened_to_read_out
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.counting.explain import explain
from verifier.policy import load_policy

__all__ = ["command"]


@click.command(
    "explain",
    help=_("Explain one outcome: criteria, devices, calendar of active days."),
    epilog=example("jieru explain 2026 xielian 91350300000000001Y"),
)
@click.argument("year", type=YEAR)
@click.argument("platform")
@click.argument("uscc")
@as_of_option
@policy_option
@json_option
def command(
    *, year: int, platform: str, uscc: str, as_of: date, policy: str | None, as_json: bool
) -> None:
    """Explain one determination and print it."""
    settings = load_settings()
    rules = load_policy(policy or settings.policy)
    with opened_to_read_out(settings, year, platform, uscc) as connection:
        explanation = explain(connection, year, platform, uscc, as_of=as_of, policy=rules)
    if as_json:
        print_json(explanation.to_json_object())
    else:
        click.echo(explanation_report(explanation, width=width_of_output()))
