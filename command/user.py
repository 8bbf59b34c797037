"""`jieru user`: the accounts of people."""

import sys

import click
from rich.console import Console
from rich.table import Table

from api.access.passwords import random_password
from api.access.roles import Role
from api.access.users import (
    create_user,
    disable_user,
    list_users,
    reset_password,
    reset_second_factor,
    set_issuer,
)
from api.console.words import ROLE_WORDS
from command.counting import open_database, width_of_output
from command.ended_keys import lines_of_ended
from command.help import example
from command.reading_out import opened_to_read_out
from jieru.audit import changing, command_actor
from jieru.calendar import SHANGHAI
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import load_settings

__all__ = ["command"]

_FROM_STDIN = click.option(
    "--password-stdin",
    is_flag=True,
    help=_("Read the password from standard input instead of making one."),
)


@click.group("user", help=_("Add, disable, reset or list the accounts of people."))
def command() -> None:
    """Accounts of people."""


@command.command(
    "add",
    help=_("Add an account; a password is made and shown once."),
    epilog=example("jieru user add lin --role verifier"),
)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help=_("What its person may do."),
)
@click.option("--platform", metavar="CODE", help=_("The only platform of an operator."))
@click.option("--display-name", metavar="TEXT", default="", help=_("What pages call its person."))
@click.option(
    "--oidc-subject",
    metavar="S",
    help=_("The OpenID provider's name for its person; no password is made then."),
)
@click.option(
    "--oidc-issuer",
    metavar="URL",
    help=_("Which provider's name that is (default: the one of JIERU_OIDC_ISSUER)."),
)
@_FROM_STDIN
def _add(
    *,
    name: str,
    role: str,
    platform: str | None,
    display_name: str,
    oidc_subject: str | None,
    oidc_issuer: str | None,
    password_stdin: bool,
) -> None:
    settings = load_settings()
    if oidc_subject and not oidc_issuer:
        oidc_issuer = settings.oidc_issuer
    password, is_made = _password(password_stdin, wanted=not oidc_subject)
    with (
        open_database(settings) as connection,
        changing(connection, command_actor()),
    ):
        create_user(
            connection,
            name,
            Role(role),
            platform=platform,
            display_name=display_name,
            password=password,
            oidc_subject=oidc_subject,
            oidc_issuer=oidc_issuer,
        )
    click.echo(_("The account {name} is added.").format(name=name))
    _show(password, is_made=is_made)


@command.command(
    "disable",
    help=_("Let nobody sign in with an account; its sessions and all keys from it end now."),
    epilog=example("jieru user disable lin --credentials"),
)
@click.argument("name")
@click.option(
    "--credentials",
    "with_credentials",
    is_flag=True,
    help=_("Revoke the credentials of equipment too that came from it."),
)
def _disable(*, name: str, with_credentials: bool) -> None:
    with (
        open_database(load_settings()) as connection,
        changing(connection, command_actor()),
    ):
        ended = disable_user(connection, name, with_credentials=with_credentials)
    click.echo(_("The account {name} is disabled.").format(name=name))
    for line in lines_of_ended(ended, with_credentials=with_credentials):
        click.echo(line)


@command.command(
    "reset",
    help=_("Give an account another password; its sessions end now."),
    epilog=example("jieru user reset lin --enable"),
)
@click.argument("name")
@click.option("--enable", is_flag=True, help=_("Let a disabled account in again."))
@_FROM_STDIN
def _reset(*, name: str, enable: bool, password_stdin: bool) -> None:
    password, is_made = _password(password_stdin, wanted=True)
    with (
        open_database(load_settings()) as connection,
        changing(connection, command_actor()),
    ):
        reset_password(connection, name, password or "", enable=enable)
    click.echo(_("The account {name} has another password.").format(name=name))
    _show(password, is_made=is_made)


@command.command(
    "issuer",
    help=_("Say which provider's the names of people are that were kept without one."),
    epilog=example("jieru user issuer https://id.example.gov.cn"),
)
@click.argument("issuer", metavar="URL")
@click.option("--from", "before", metavar="URL", help=_("Kept as this provider's until now."))
def _issuer(*, issuer: str, before: str | None) -> None:
    with (
        open_database(load_settings()) as connection,
        changing(connection, command_actor()),
    ):
        count = set_issuer(connection, issuer, before=before)
    click.echo(
        _("Accounts whose names are those of {issuer} from now on: {count}").format(
            issuer=issuer, count=count
        )
    )


@command.command(
    "reset-totp",
    help=_("Ask an account for no code any more, as when a phone is lost; its sessions end now."),
    epilog=example("jieru user reset-totp lin"),
)
@click.argument("name")
def _reset_totp(*, name: str) -> None:
    with (
        open_database(load_settings()) as connection,
        changing(connection, command_actor()),
    ):
        reset_second_factor(connection, name)
    click.echo(_("The account {name} is asked for no code any more.").format(name=name))


@command.command("list", help=_("List all accounts, disabled ones too."))
def _list() -> None:
    with opened_to_read_out(load_settings()) as connection:
        users = list_users(connection)
    table = Table()
    for title in (_("Account"), _("Name"), _("Role"), _("Platform"), _("Signs in by")):
        table.add_column(title)
    table.add_column(_("Last signed in"))
    table.add_column(_("State"))
    for user in users:
        ways = [_("password")] * user.has_password + ["OpenID Connect"] * bool(user.oidc_subject)
        last = user.last_signed_in_at
        table.add_row(
            user.name,
            user.display_name,
            _(ROLE_WORDS[user.role]),
            user.platform or "",
            ", ".join(ways),
            f"{last.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if last else "",
            _("disabled") if user.disabled_at else "",
        )
    Console(width=width_of_output(), highlight=False).print(table)


def _password(from_stdin: bool, *, wanted: bool) -> tuple[str | None, bool]:  # noqa: FBT001
    """A password, and whether we made it; None where none is wanted.

    Raises:
        UserError: standard input is no text.
    """
    if not from_stdin:
        return (random_password(), True) if wanted else (None, False)
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r"), False
    except UnicodeDecodeError:
        raise UserError("The password is not UTF-8 text.") from None


def _show(password: str | None, *, is_made: bool) -> None:
    if password is not None and is_made:
        click.echo(_("Password, shown only now: {password}").format(password=password))
