"""`jieru challenge`: judge the challenges that are over, and issue others in working hours."""

import json
import secrets

import click

from command.arguments import json_option
from command.counting import now, open_database
from command.help import example
from jieru.audit import changing, command_actor
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from registry.confirmations import Asking
from verifier.procedure.holidays import load_holidays
from verifier.trust.challenges.choosing import (
    RUNS_A_DAY,
    chosen,
    is_early_or_late_hour,
    is_working_hour,
)
from verifier.trust.challenges.records import candidates, issue, judge_due

__all__ = ["command"]


@click.command(
    "challenge",
    help=_(
        "Judge the challenges whose hour is over, then ask contacts of enterprises, drawn at "
        "random, to let a machine stand still; in working hours only. For an hourly timer."
    ),
    epilog=example("jieru challenge --issue 3"),
)
@click.option(
    "--issue", "wanted", type=click.IntRange(0, 1_000), help=_("Challenge so many enterprises now.")
)
@click.option(
    "--at-random",
    "is_at_random",
    is_flag=True,
    help=_("Challenge as many as chance has it, JIERU_CHALLENGES_PER_DAY on a working day."),
)
@json_option
def command(*, wanted: int | None, is_at_random: bool, as_json: bool) -> None:
    """Judge, then issue."""
    if wanted is not None and is_at_random:
        raise UserError("--issue and --at-random exclude each other.")
    settings = load_settings()
    moment, actor = now(), command_actor()
    number = wanted or (_drawn(settings.challenges_per_day) if is_at_random else 0)
    holidays = load_holidays(settings.holidays_file)
    is_early_or_late = is_early_or_late_hour(moment, holidays)
    may_ask = is_early_or_late or is_working_hour(moment, holidays)
    if wanted and not may_ask:
        raise UserError("Nobody is challenged outside of working hours.")
    asking = Asking.of_settings(settings) if number else None
    with open_database(settings) as connection:
        with changing(connection, actor):
            judged = judge_due(connection, by=actor.name, now=moment)
        issued = []
        if asking is not None and may_ask:
            with changing(connection, actor):
                whom = candidates(connection, moment, is_early_or_late=is_early_or_late)
                found = chosen(whom, number, secrets.SystemRandom())
                issued = [
                    issue(connection, each, asking, by=actor.name, now=moment) for each in found
                ]
    if as_json:
        results = [
            {"challenge": number, "result": each.result, "ground": each.ground}
            for number, each in judged
        ]
        click.echo(json.dumps({"judged": results, "issued": issued}))
        return
    click.echo(_("Challenges judged: {number}").format(number=len(judged)))
    click.echo(_("Challenges issued: {number}").format(number=len(issued)))


def _drawn(per_day: int) -> int:
    """How many to issue in this hour: it comes to so many in a day, and nobody foresees when."""
    chance = secrets.SystemRandom()
    return sum(chance.random() < 1 / RUNS_A_DAY for _each in range(per_day))
