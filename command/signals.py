"""`jieru signals`: what an honest fleet rarely shows, found in the evidence."""

from datetime import date

import click

from command.arguments import DAY, as_of_option, json_option, policy_option
from command.counting import now, open_database, print_json, width_of_output
from command.help import example
from command.signal_tables import signals_report
from jieru.i18n import gettext as _
from jieru.settings import Settings, load_settings
from verifier.policy import load_policy
from verifier.trust.device_days import fill_device_days
from verifier.trust.recording import record_run
from verifier.trust.running import run_signals

__all__ = ["command"]


@click.command(
    "signals",
    help=_(
        "Find what an honest fleet rarely shows: copied rhythms, registrations made afterwards, "
        "counters that fall. A signal opens a case and changes no outcome."
    ),
    epilog=example("jieru signals --as-of 2026-11-30"),
)
@as_of_option
@click.option(
    "--from",
    "from_on",
    metavar="DATE",
    type=DAY,
    help=_("First day that is looked at (default: twelve months or more)."),
)
@policy_option
@click.option(
    "--record",
    "is_recorded",
    is_flag=True,
    help=_("Keep the run and open cases; for a timer."),
)
@json_option
def command(
    *, as_of: date, from_on: date | None, policy: str | None, is_recorded: bool, as_json: bool
) -> None:
    """Run the signals and print them."""
    settings = load_settings()
    rules = load_policy(policy or settings.policy)
    if is_recorded:
        _keep_what_expires(settings, as_of)
    with open_database(settings) as connection:
        failures: list[Exception] = []
        run = run_signals(connection, rules, as_of, from_on, failures=failures)
        run_id = record_run(connection, run)[0] if is_recorded else None
    if as_json:
        print_json(run.to_json_object())
    else:
        click.echo(signals_report(run, run_id=run_id, width=width_of_output()))
    if failures:  # a fault of the program, which is to be heard of once all else is kept
        raise ExceptionGroup("some kinds of signals were not looked for to the end", failures)


def _keep_what_expires(settings: Settings, until_day: date) -> None:
    """Add up what raw heartbeats tell of days that are final, before they expire."""
    with open_database(settings) as connection:
        connection.autocommit = True
        fill_device_days(connection, until_day, now=now())
