"""`jieru doctor`: how everything is, a line for each part, and what to do where it is not well."""

import sys
from datetime import datetime
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from command.counting import now, print_json, width_of_output
from command.help import example
from doctor.check import AREA_WORDS, STATE_WORDS, Check, State, in_order_of_need
from doctor.examination import examine
from jieru.i18n import gettext as _
from jieru.settings import load_settings

__all__ = ["command"]

_EXIT_BROKEN: Final = 1
_COLOURS: Final = {
    State.RED: "bold red",
    State.YELLOW: "yellow",
    State.GREEN: "green",
    State.UNUSED: "dim",
}


@click.command(
    "doctor",
    help=_(
        "Examine the installation: a line for each part, how it is and what to do. Exit code 1 "
        "where something is broken."
    ),
    epilog=example("jieru doctor --json"),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print for a program."))
def command(*, as_json: bool) -> None:
    """Examine all that this process can see."""
    settings = load_settings()
    examined_at = now()
    checks = examine(settings, examined_at)
    if as_json:
        print_json(_document(checks, examined_at))
    else:
        _print(checks)
    if any(each.state is State.RED for each in checks):
        sys.exit(_EXIT_BROKEN)


def _document(checks: list[Check], at: datetime) -> dict[str, object]:
    return {
        "examined_at": at.isoformat(timespec="seconds"),
        "checks": [
            {
                "name": each.name,
                "area": each.area,
                "title": _(each.title),
                "state": each.state,
                "finding": each.finding.spoken(_),
                "advice": each.advice.spoken(_) if each.advice else None,
            }
            for each in checks
        ],
    }


def _print(checks: list[Check]) -> None:
    table = Table()
    for title in (_("State"), _("Part"), _("How it is"), _("What to do")):
        table.add_column(title)
    for each in in_order_of_need(checks):
        table.add_row(
            f"[{_COLOURS[each.state]}]{_(STATE_WORDS[each.state])}[/]",
            f"{_(AREA_WORDS[each.area])} · {_(each.title)}",
            each.finding.spoken(_),
            each.advice.spoken(_) if each.advice else "",
        )
    Console(width=width_of_output(), highlight=False).print(table)
    for state in State:
        number = sum(each.state is state for each in checks)
        click.echo(f"{_(STATE_WORDS[state])}: {number}")
