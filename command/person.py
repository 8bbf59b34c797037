"""Who takes a step at the command line: a person who has shown it; on a simulation, any name.

A person gives a personal key, or signs in with name and password as at the console's door.
"""

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import psycopg

from api.access.roles import GRANTS, Permission
from command.counting import now
from jieru.audit import Actor, command_actor
from jieru.database import read_installation
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import Settings

if TYPE_CHECKING:
    from api.access.person import Person

__all__ = [
    "ClaimedName",
    "Taker",
    "asked_person",
    "by_option",
    "key_file_option",
    "signed_in_person",
    "taker_of",
]

_ORIGIN: Final = "command line"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LONGEST_FILE: Final = 4096
_STANDARD_INPUT: Final = Path("-")
"""For whoever runs a step as another user, who could not read the person's file."""

_Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class ClaimedName:
    """What was said at the command line of who it is."""

    by: str | None
    """A name, which a simulation believes."""
    key_file: Path | None = None
    """Of a personal key."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes a step, as its record and the audit name them."""

    name: str
    actor: Actor


def by_option(explanation: str) -> Callable[[_Command], _Command]:
    """`--by` and `--key-file` in one argument of the command, `name`."""

    def decorate(function: _Command) -> _Command:
        @wraps(function)
        def with_claim(*, by: str | None, key_file: Path | None, **others: Any) -> None:  # noqa: ANN401 - as click has it
            function(name=ClaimedName(by, key_file), **others)

        option = click.option(
            "--by",
            metavar="NAME",
            help=explanation + " " + _("Simulations only: elsewhere the person signs in."),
        )
        return option(key_file_option(with_claim))

    return decorate


def key_file_option(function: _Command) -> _Command:
    """The file of a personal key, in place of a password."""
    option = click.option(
        "--key-file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help=_(
            "File of your personal key, - for standard input (default: JIERU_PERSONAL_KEY, else "
            "you are asked)."
        ),
    )
    return option(function)


def taker_of(
    connection: psycopg.Connection,
    settings: Settings,
    claimed: ClaimedName,
    permission: Permission,
) -> Taker:
    """Who takes a step that needs this permission.

    Args:
        connection: with nothing changed yet; what it had begun is committed.
        settings: of this process.
        claimed: what the command line said.
        permission: the one that the API asks for the same step.

    Raises:
        UserError: nobody has shown who they are, or they may not do this.
    """
    is_simulation = read_installation(connection).is_simulation
    connection.commit()
    if is_simulation and claimed.by is not None:
        return Taker(claimed.by, command_actor())
    if is_simulation and not _has_key(settings, claimed):
        raise click.UsageError(_("Missing option '--by'."), click.get_current_context())
    if claimed.by is not None:
        raise UserError(
            "--by is for simulations only. Leave it out and sign in when you are asked, or name a "
            "file with your personal key: --key-file FILE."
        )
    person = signed_in_person(connection, settings, claimed, permission)
    return Taker(person.name, Actor(f"user:{person.name}", _ORIGIN))


def signed_in_person(
    connection: psycopg.Connection,
    settings: Settings,
    claimed: ClaimedName,
    permission: Permission,
) -> "Person":
    """The person who gives a personal key, or name and password.

    Raises:
        UserError: nobody has shown who they are, or they may not do this.
    """
    from api.access.personal_keys import find_person_of_key  # noqa: PLC0415 - simulations need no web

    if not _has_key(settings, claimed):
        person = asked_person(connection, settings)
        if permission not in GRANTS[person.role]:
            raise UserError("The role of {name} does not allow this.", name=person.name)
        return person
    found = find_person_of_key(connection, _key_text(settings, claimed), permission, origin=_ORIGIN)
    connection.commit()
    if found is None:
        raise UserError(
            "This personal key is unknown, expired or revoked, or may not do this. Make another on "
            "your account's page, or with `jieru personal-key new`."
        )
    _require_second_step(connection, settings, found)
    return found


def asked_person(connection: psycopg.Connection, settings: Settings) -> "Person":
    """The person at the terminal, who types name and password.

    Raises:
        UserError: there is no terminal, what was typed is wrong, or the account has no second step
            and must have one.
    """
    from api.access.person import CodeNeededError, verified_person  # noqa: PLC0415 - as above
    from api.access.totp_key import totp_key_of  # noqa: PLC0415 - as above

    if not sys.stdin.isatty():
        raise UserError(
            "Nobody can be asked for a password here. Name a file with your personal key: "
            "--key-file FILE, or JIERU_PERSONAL_KEY_FILE."
        )
    name = click.prompt(_("Account"), err=True)
    password = click.prompt(_("Password"), hide_input=True, err=True)
    key = totp_key_of(settings)

    def verified(code: str = "") -> "Person":
        return verified_person(
            connection, name, password, code, origin=_ORIGIN, now=now(), totp_key=key
        )

    try:
        person = verified()
    except CodeNeededError:
        person = verified(click.prompt(_("Code"), err=True))
    _require_second_step(connection, settings, person)
    return person


def _require_second_step(
    connection: psycopg.Connection, settings: Settings, person: "Person"
) -> None:
    """Let nobody act whom the console would let do nothing before it is set up.

    Raises:
        UserError: the account has no second step and must have one.
    """
    from api.access.person import require_second_step  # noqa: PLC0415 - as above

    if settings.totp_required:
        require_second_step(connection, person)
        connection.commit()


def _has_key(settings: Settings, claimed: ClaimedName) -> bool:
    return bool(claimed.key_file or settings.personal_key or settings.personal_key_file)


def _key_text(settings: Settings, claimed: ClaimedName) -> str:
    if claimed.key_file is None and settings.personal_key:
        return settings.personal_key.strip()
    return _read_key(claimed.key_file or Path(settings.personal_key_file))


def _read_key(file: Path) -> str:
    """What is in the file of a personal key, which nobody else may read; `-` is standard input.

    Raises:
        UserError: somebody else may, or it cannot be read.
    """
    if file == _STANDARD_INPUT:
        return sys.stdin.buffer.read(_LONGEST_FILE).decode(errors="replace").strip()
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if found.st_mode & _OTHERS or found.st_uid != os.geteuid():
                raise UserError(
                    "{file} is not yours alone: a personal key stands for you, so let nobody else "
                    "read it (`chmod 600 {file}`).",
                    file=file,
                )
            return opened.read(_LONGEST_FILE).decode(errors="replace").strip()
    except OSError as error:
        raise UserError(
            "{file} cannot be read: {reason}.", file=file, reason=error.strerror
        ) from None
