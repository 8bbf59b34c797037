"""`jieru broker sync`: tell Mosquitto which credentials are open, once or after every change."""

from contextlib import suppress

import click

from command.counting import open_database
from command.help import example
from command.stopping import stop_on_signals
from jieru.credentials.broker_files import BrokerFiles
from jieru.credentials.sync import follow_credentials, sync_broker
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.schema import require_current_schema
from jieru.settings import load_settings

__all__ = ["command"]


@click.group("broker", help=_("Tell the broker which equipment may connect."))
def command() -> None:
    """What the broker must know."""


@command.command(
    "sync",
    help=_("Write Mosquitto's password file and ACL file, and reload it."),
    epilog=example("jieru broker sync --watch"),
)
@click.option("--watch", is_flag=True, help=_("Follow changes until SIGTERM."))
@click.option(
    "--anew",
    "is_anew",
    is_flag=True,
    help=_(
        "Write a password file that is gone anew, without the users that begin with an underscore."
    ),
)
def _sync(*, watch: bool, is_anew: bool) -> None:
    if watch and is_anew:
        raise click.UsageError(_("--watch and --anew contradict each other."))
    settings = load_settings()
    url = settings.require_database_url()
    files = BrokerFiles.of_settings(settings)
    if files is None:
        raise UserError(
            "No files of a broker are named: set JIERU_BROKER_PASSWORD_FILE and "
            "JIERU_BROKER_ACL_FILE."
        )
    if watch:
        configure_log()
        stop = stop_on_signals()
        # A database that is away is waited for; one that is not ours is not.
        with suppress(WorldError), connect(url) as connection:
            require_current_schema(connection)
        follow_credentials(url, files, stop)
        return
    with open_database(settings) as connection:
        result = sync_broker(connection, files, is_anew=is_anew)
    click.echo(_("Users who may connect: {users}").format(users=result.users))
    for path in result.written:
        click.echo(_("Written: {path}").format(path=path))
    if result.is_reloaded:
        click.echo(_("The broker was told to read its files again."))
    elif result.written:
        click.echo(_("No pid file is set: reload the broker, or it keeps to the old files."))
