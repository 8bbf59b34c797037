"""`jieru decide`: record, confirm, withdraw and list verifiers' decisions."""

from collections.abc import Callable
from typing import NamedTuple

import click

from api.access.roles import Permission
from command.arguments import WHOLE_NUMBER, json_option
from command.count_tables import decisions_report
from command.counting import open_database, print_json, width_of_output
from command.help import example
from command.person import ClaimedName, by_option, taker_of
from command.reading_out import opened_to_read_out
from jieru.audit import changing
from jieru.database import read_installation
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.counting.decisions import (
    confirm_decision,
    list_decisions,
    record_decision,
    waits_for_second,
    withdraw_decision,
)
from verifier.counting.registry import DecisionKind
from verifier.policy import WAIVABLE, load_policy

__all__ = ["command"]


@click.group("decide", help=_("Record, confirm, withdraw or list a verifier's decisions."))
def command() -> None:
    """Decisions on one enterprise of one platform."""


_Command = Callable[..., None]


class _Said(NamedTuple):
    """What goes with every decision."""

    reason: str
    name: ClaimedName
    attachment: str | None


def _who_and_why(function: _Command) -> _Command:
    for option in (
        by_option(_("Who decides.")),
        click.option("--reason", metavar="TEXT", required=True, help=_("Why; kept for good.")),
    ):
        function = option(function)
    return function


def _case(function: _Command) -> _Command:
    function = click.option(
        "--attachment",
        metavar="TEXT",
        help=_("Where the document behind it is kept, such as a file number."),
    )(function)
    return click.argument("platform")(click.argument("uscc")(function))


@command.command(
    "exclude",
    help=_("Exclude an enterprise from the count of a platform."),
    epilog=example("jieru decide exclude xielian 91350300000000001Y --reason 现场核查 --by 林晓"),
)
@_case
@_who_and_why
def _exclude(
    *, platform: str, uscc: str, reason: str, name: ClaimedName, attachment: str | None
) -> None:
    _record("exclude", platform, uscc, _Said(reason, name, attachment))


@command.command(
    "hold",
    help=_("Hold an enterprise back until a doubt is settled."),
    epilog=example("jieru decide hold xielian 91350300000000001Y --reason 现场核查 --by 林晓"),
)
@_case
@_who_and_why
def _hold(
    *, platform: str, uscc: str, reason: str, name: ClaimedName, attachment: str | None
) -> None:
    _record("hold", platform, uscc, _Said(reason, name, attachment))


@command.command(
    "keep",
    help=_("Note that an enterprise was looked at and stays; no outcome changes."),
    epilog=example("jieru decide keep xielian 91350300000000001Y --reason 两份合同属实 --by 林晓"),
)
@_case
@_who_and_why
def _keep(
    *, platform: str, uscc: str, reason: str, name: ClaimedName, attachment: str | None
) -> None:
    _record("keep", platform, uscc, _Said(reason, name, attachment))


@command.command(
    "backdate",
    help=_("Let what was recorded late of an enterprise until now count from its first day."),
    epilog=example(
        "jieru decide backdate xielian 91350300000000001Y --reason 已核对合同与验收单 --by 林晓"
    ),
)
@_case
@_who_and_why
def _backdate(
    *, platform: str, uscc: str, reason: str, name: ClaimedName, attachment: str | None
) -> None:
    _record("backdate", platform, uscc, _Said(reason, name, attachment))


@command.command(
    "waive",
    help=_("Set one numeric criterion for one enterprise and platform."),
    epilog=example(
        "jieru decide waive xielian 91350300000000001Y --criterion "
        "active_devices_min --value 1 --reason 现场核查 --by 林晓"
    ),
)
@_case
@_who_and_why
@click.option(
    "--criterion",
    metavar="NAME",
    required=True,
    help=_("One of: {names}.").format(names=", ".join(WAIVABLE)),
)
@click.option(
    "--value", metavar="N", type=WHOLE_NUMBER, required=True, help=_("What is required instead.")
)
def _waive(
    *,
    platform: str,
    uscc: str,
    reason: str,
    name: ClaimedName,
    attachment: str | None,
    criterion: str,
    value: int,
) -> None:
    said = _Said(reason, name, attachment)
    _record("waive", platform, uscc, said, (criterion, value))


@command.command(
    "withdraw",
    help=_("Withdraw a decision; it stays on record."),
    epilog=example("jieru decide withdraw 12 --reason 现场核查 --by 林晓"),
)
@click.argument("decision_id", metavar="ID", type=WHOLE_NUMBER)
@_who_and_why
def _withdraw(*, decision_id: int, reason: str, name: ClaimedName) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        taker = taker_of(connection, settings, name, Permission.DECIDE)
        with changing(connection, taker.actor):
            withdraw_decision(connection, decision_id, reason=reason, withdrawn_by=taker.name)
    click.echo(_("Decision {id} is withdrawn.").format(id=decision_id))


@command.command(
    "confirm",
    help=_("Let a decision that waits for a second person take effect."),
    epilog=example("jieru decide confirm 12 --by 陈静"),
)
@click.argument("decision_id", metavar="ID", type=WHOLE_NUMBER)
@by_option(_("Who confirms it."))
def _confirm(*, decision_id: int, name: ClaimedName) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        taker = taker_of(connection, settings, name, Permission.DECIDE)
        with changing(connection, taker.actor):
            confirm_decision(connection, decision_id, confirmed_by=taker.name)
    click.echo(_("Decision {id} is confirmed and takes effect.").format(id=decision_id))


@command.command("list", help=_("List all decisions, withdrawn ones too."))
@click.option("--platform", metavar="CODE", help=_("Of this platform only."))
@json_option
def _list(*, platform: str | None, as_json: bool) -> None:
    with opened_to_read_out(load_settings(), platform) as connection:
        decisions = list_decisions(connection, platform)
        is_simulation = read_installation(connection).is_simulation
    if as_json:
        print_json(
            {
                "simulation": is_simulation,
                "decisions": [each.to_json_object() for each in decisions],
            }
        )
    else:
        click.echo(
            decisions_report(decisions, is_simulation=is_simulation, width=width_of_output())
        )


def _record(
    kind: DecisionKind,
    platform: str,
    uscc: str,
    said: _Said,
    waiver: tuple[str, int] | None = None,
) -> None:
    settings = load_settings()
    policy = load_policy(settings.policy)
    with open_database(settings) as connection:
        taker = taker_of(connection, settings, said.name, Permission.DECIDE)
        with changing(connection, taker.actor):
            decision_id = record_decision(
                connection,
                kind,
                platform,
                uscc,
                reason=said.reason,
                decided_by=taker.name,
                attachment=said.attachment,
                waiver=waiver,
                policy=policy,
            )
        waits = waits_for_second(connection, decision_id)
    click.echo(_("Decision {id} is recorded.").format(id=decision_id))
    if waits:
        click.echo(
            _("It takes effect once another person confirmed it: jieru decide confirm {id}").format(
                id=decision_id
            )
        )
