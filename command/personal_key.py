"""`jieru personal-key`: what stands for a person where a step is taken by command."""

from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from api.access.personal_keys import (
    LONGEST_PERSONAL_LIFE,
    issue_personal_key,
    list_personal_keys,
    revoke_personal_key,
)
from api.access.roles import Permission
from command.counting import now, open_database, width_of_output
from command.help import example
from command.person import ClaimedName, asked_person, key_file_option, signed_in_person
from jieru.access_entries import AccessKind, write_access_entry
from jieru.audit import Actor, changing
from jieru.calendar import SHANGHAI
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import load_settings

__all__ = ["command"]

_USUAL_DAYS = 30


@click.group(
    "personal-key", help=_("Make, list or revoke keys that stand for you at the command line.")
)
def command() -> None:
    """Keys of the person who signs in."""


@command.command(
    "new",
    help=_("Sign in with your password, and be shown a new key this once."),
    epilog=example("jieru personal-key new 年度核定 --days 30"),
)
@click.argument("purpose")
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(1, LONGEST_PERSONAL_LIFE.days),
    default=_USUAL_DAYS,
    help=_("How long it opens the door (default: {days}).").format(days=_USUAL_DAYS),
)
def _new(*, purpose: str, days: int) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        connection.commit()
        person = asked_person(connection, settings)
        actor = Actor(f"user:{person.name}", "command line")
        with changing(connection, actor):
            kind = AccessKind.SECRET
            write_access_entry(connection, kind, actor=actor.name, origin=actor.origin)
            issued = issue_personal_key(
                connection,
                person.id,
                made_by=actor.name,
                name=purpose,
                expires_at=now() + timedelta(days=days),
                now=now(),
            )
    click.echo(_("Personal key {key_id}, shown only now:").format(key_id=issued.key_id), err=True)
    click.echo(issued.text)


@command.command("list", help=_("List your personal keys, ended ones too."))
@key_file_option
def _list(*, key_file: Path | None) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        connection.commit()
        claimed = ClaimedName(None, key_file)
        person = signed_in_person(connection, settings, claimed, Permission.DECIDE)
        write_access_entry(
            connection,
            AccessKind.READ,
            actor=f"user:{person.name}",
            origin="command line",
            record="jieru personal-key list",
        )
        keys = list_personal_keys(connection, person.id)
    table = Table()
    for title in (_("Key number"), _("What it is for"), _("Made at"), _("Expires"), _("State")):
        table.add_column(title)
    for key in keys:
        state = _("expired") if key.expires_at <= now() else _("valid")
        table.add_row(
            key.key_id,
            key.name,
            f"{key.created_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
            f"{key.expires_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
            _("revoked") if key.revoked_at else state,
        )
    Console(width=width_of_output(), highlight=False).print(table)


@command.command("revoke", help=_("End one of your personal keys at once."))
@click.argument("key_id")
@key_file_option
def _revoke(*, key_id: str, key_file: Path | None) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        connection.commit()
        claimed = ClaimedName(None, key_file)
        person = signed_in_person(connection, settings, claimed, Permission.DECIDE)
        with changing(connection, Actor(f"user:{person.name}", "command line")):
            if not revoke_personal_key(connection, person.id, key_id):
                raise UserError("You have no personal key {key_id} that is open.", key_id=key_id)
    click.echo(_("The personal key {key_id} is revoked.").format(key_id=key_id))
