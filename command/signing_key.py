"""`jieru signing-key`: make the key that signs frozen counts, or show its public half."""

import base64
from pathlib import Path

import click

from command.arguments import FILE
from command.help import example
from jieru.i18n import gettext as _
from verifier.procedure.signing import SigningKey, load_signing_key, new_signing_key

__all__ = ["command"]


@click.group(
    "signing-key", help=_("Make the key that signs frozen counts, or show its public half.")
)
def command() -> None:
    """The private half never leaves its file."""


@command.command(
    "new",
    help=_("Make a key in a file that only its owner may read."),
    epilog=example("jieru signing-key new count.pem"),
)
@click.argument("file", type=FILE)
def _new(*, file: Path) -> None:
    _show_public(new_signing_key(file))


@command.command("show", help=_("Show the public key of a key file."))
@click.argument("file")
def _show(*, file: str) -> None:
    _show_public(load_signing_key(file))


def _show_public(key: SigningKey) -> None:
    text = base64.b64encode(key.public_key).decode()
    click.echo(_("Public key: {key}").format(key=text))
