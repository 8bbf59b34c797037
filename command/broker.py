"""`jieru broker`: tell Mosquitto which credentials are open, and hear from the broker who comes.

`sync` writes its files, once or after every change; `follow` reads its log, or takes EMQX's events.
"""

import sys
import threading
from contextlib import suppress
from pathlib import Path

import click

from api.broker_hook.app import create_hook_app
from api.server import serving
from command.counting import open_database
from command.help import example
from command.stopping import stop_on_signals
from jieru.broker_events.following import EventInbox, follow_log, following_inbox, take_lines
from jieru.credentials.broker_files import BrokerFiles
from jieru.credentials.sync import follow_credentials, sync_broker
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.schema import require_current_schema
from jieru.settings import Settings, load_settings
from jieru.told_processes import tell_process

__all__ = ["command"]


@click.group("broker", help=_("Tell the broker which equipment may connect, and hear who does."))
def command() -> None:
    """What the broker must know, and what it tells."""


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
        "Write a password file that is gone anew, with the users that begin with an underscore as "
        "the last sync saw them."
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
        tell_process("broker sync", settings)
        follow_credentials(url, files, stop)
        return
    configure_log()
    with open_database(settings) as connection:
        result = sync_broker(connection, files, is_anew=is_anew)
    click.echo(_("Users who may connect: {users}").format(users=result.users))
    for path in result.written:
        click.echo(_("Written: {path}").format(path=path))
    if result.is_reloaded:
        click.echo(_("The broker was told to read its files again."))
    elif result.written:
        click.echo(_("No pid file is set: reload the broker, or it keeps to the old files."))


@command.command(
    "follow",
    help=_("Note who connects to the broker, and whom it refuses, until SIGTERM."),
    epilog=example("jieru broker follow --log /var/log/mosquitto/mosquitto.log"),
)
@click.option(
    "--log",
    "log",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help=_("Mosquitto's log; unless given, JIERU_BROKER_LOG."),
)
@click.option("--stdin", "reads_stdin", is_flag=True, help=_("Read lines of that log from stdin."))
@click.option(
    "--listen",
    "port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help=_("Take events that EMQX posts to this port (0: any) with JIERU_BROKER_HOOK_TOKEN."),
)
@click.option("--host", default="127.0.0.1", show_default=True, help=_("Address to listen on."))
def _follow(*, log: Path | None, reads_stdin: bool, port: int | None, host: str) -> None:
    settings = load_settings()
    url = settings.require_database_url()
    if log is None and settings.broker_log and not reads_stdin and port is None:
        log = Path(settings.broker_log)
    if [log is not None, reads_stdin, port is not None].count(True) != 1:
        raise UserError("Say from where the broker is heard: one of --log, --stdin and --listen.")
    configure_log()
    stop = stop_on_signals()
    with suppress(WorldError), connect(url) as connection:
        require_current_schema(connection)
    tell_process("broker follow", settings)
    if log is not None:
        follow_log(url, log, stop, retention_days=settings.broker_events_days)
        return
    inbox = EventInbox()
    with following_inbox(url, inbox, retention_days=settings.broker_events_days):
        if port is None:
            _take_stdin(inbox, stop)
        else:
            _take_hooks(inbox, settings, host, port, stop)


def _take_stdin(inbox: EventInbox, stop: threading.Event) -> None:
    def take() -> None:
        take_lines(inbox, sys.stdin.buffer)
        stop.set()

    # It cannot be told to stop while it waits for a line.
    threading.Thread(target=take, name="stdin", daemon=True).start()
    stop.wait()


def _take_hooks(
    inbox: EventInbox, settings: Settings, host: str, port: int, stop: threading.Event
) -> None:
    if not settings.broker_hook_token:
        raise UserError("Nobody may bring events: set JIERU_BROKER_HOOK_TOKEN, here and in EMQX.")
    app = create_hook_app(inbox.add, settings.broker_hook_token)
    with serving(app, host, port) as address:
        click.echo(_("EMQX posts events to {address}/events").format(address=address))
        stop.wait()
