"""`jieru witness`: cosign another installation's checkpoints, on a host of one's own."""

import base64
from pathlib import Path

import click

from api.server import serving
from api.witness.app import create_witness_app
from command.help import example
from command.stopping import stop_on_signals
from jieru.i18n import gettext as _
from jieru.log import configure_log
from verifier.checkpoints.witness import WitnessFolder, new_witness
from verifier.procedure.signing import SigningKey, parse_public_key

__all__ = ["command"]

_DEFAULT_PORT = 8_470


@click.group("witness", help=_("Cosign another installation's checkpoints, on a host of its own."))
def command() -> None:
    """It has a folder and a key, and no database."""


@command.command(
    "init",
    help=_("Make a witness's folder and key, for the checkpoints of one installation."),
    epilog=example("jieru witness init /var/lib/jieru-witness --submitter KEY --name 莆田市工信局"),
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--submitter",
    metavar="KEY",
    required=True,
    help=_("The installation's public key, as `jieru signing-key show` prints it."),
)
@click.option("--name", metavar="NAME", required=True, help=_("Whose key that is."))
def _init(*, folder: Path, submitter: str, name: str) -> None:
    key = base64.b64encode(parse_public_key(submitter)).decode()
    made = new_witness(folder, submitter=key, name=name)
    _show_public(made)


@command.command("show", help=_("Show the public key of a witness."))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def _show(*, folder: Path) -> None:
    _show_public(WitnessFolder(folder).key)


@command.command(
    "serve",
    help=_("Cosign what extends what was seen, and refuse the rest."),
    epilog=example("jieru witness serve /var/lib/jieru-witness --host 0.0.0.0"),
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help=_("Address to listen on."))
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=_DEFAULT_PORT,
    show_default=True,
    help=_("Port; 0: any."),
)
def _serve(*, folder: Path, host: str, port: int) -> None:
    witness = WitnessFolder(folder)
    configure_log()
    stop = stop_on_signals()
    with serving(create_witness_app(witness), host, port) as address:
        click.echo(_("The witness is at {address} (Ctrl-C stops it).").format(address=address))
        stop.wait()


def _show_public(key: SigningKey) -> None:
    text = base64.b64encode(key.public_key).decode()
    click.echo(_("Public key: {key}").format(key=text))
