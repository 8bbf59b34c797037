"""`jieru simulate`: play a scenario, write what belongs to it, or publish one heartbeat."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.exceptions import NoSuchCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from command.arguments import FOLDER, POSITIVE_AMOUNT
from command.extras import require_demo
from command.help import example
from command.load import check_ledger_command, load_command
from jieru.broker import BrokerAddress
from jieru.calendar import SHANGHAI, civil_date
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import Settings, load_settings
from jieru.wire import DeviceStatus
from simulators.beats import BeatKind
from simulators.expectation import expect
from simulators.expectation_file import write_expectation
from simulators.fleet import Fleet, build_fleet
from simulators.heartbeat import publish_heartbeat, topic_of_user
from simulators.registry_files import write_registry
from simulators.scenario import load_scenario, shipped_scenarios

if TYPE_CHECKING:
    from simulators.play import Played

__all__ = ["command"]

_PLAY: Final = "play"


class _ScenarioGroup(click.Group):
    """`jieru simulate SCENARIO` plays it: what names no command of the group is a scenario."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the command that plays where it was left out."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            _refuse_mistyped(args[0], self.commands, ctx)
            args.insert(0, _PLAY)
        return super().parse_args(ctx, args)


def _refuse_mistyped(word: str, commands: Collection[str], ctx: click.Context) -> None:
    """Take a word for a command that was meant, where it is no scenario.

    Raises:
        NoSuchCommand: it resembles one.
    """
    if word in shipped_scenarios() or Path(word).exists():
        return
    error = NoSuchCommand(word, possibilities=commands, ctx=ctx)
    if error.possibilities:
        raise error


@click.group(
    "simulate",
    cls=_ScenarioGroup,
    help=_(
        "Play a scenario against a broker (jieru simulate SCENARIO), send load or one heartbeat."
    ),
    epilog=example("jieru simulate small-city"),
)
def command() -> None:
    """Equipment that is not there."""


command.add_command(load_command)
command.add_command(check_ledger_command)


@command.command(
    _PLAY,
    help=_("Play a scenario, by its name or as a file, against a broker."),
    epilog=example("jieru simulate small-city --write-registry registry"),
)
@click.argument("scenario")
@click.option(
    "--write-registry",
    type=FOLDER,
    help=_(
        "Write the files to import and expectation.json (for the clock that JIERU_INGEST_CLOCK "
        "names) into this folder, and play nothing."
    ),
)
@click.option(
    "--speed",
    type=POSITIVE_AMOUNT,
    help=_("Seconds of the scenario to a second; without it, as fast as the broker takes it."),
)
def _play_command(*, scenario: str, write_registry: Path | None, speed: float | None) -> None:
    """Play a scenario, or write its files."""
    now = datetime.now(UTC)
    fleet = build_fleet(load_scenario(scenario, today=civil_date(now)))
    settings = load_settings()
    if write_registry is not None:
        _write(fleet, write_registry, settings, now)
        return
    played = _play(fleet, settings, speed)
    click.echo(
        _(
            "Sent {sent} messages: {heartbeat} heartbeats, {duplicate} duplicates, {malformed} "
            "malformed, {unknown_device} of unknown devices."
        ).format(sent=played.sent, **{kind.value: played.by_kind[kind] for kind in BeatKind})
    )
    if played.resent:
        click.echo(
            _("The connection was lost; {resent} messages were sent again.").format(
                resent=played.resent
            )
        )


@command.command(
    "heartbeat",
    help=_("Publish one heartbeat now, with a credential of equipment."),
    epilog=example(
        "jieru simulate heartbeat --url mqtt://xielian:SECRET@127.0.0.1:1883 --serial CNC-01",
        "jieru simulate heartbeat --url mqtt://xielian%2Fown%2FCNC-01:SECRET@127.0.0.1:1883",
    ),
)
@click.option(
    "--url",
    help=_("mqtt://USER:SECRET@HOST:PORT, with %2F for a slash; otherwise JIERU_MQTT_URL."),
)
@click.option(
    "--serial", help=_("For which of the platform's devices; a device's own credential needs none.")
)
@click.option(
    "--status",
    type=click.Choice([status.value for status in DeviceStatus]),
    default=DeviceStatus.RUNNING.value,
    show_default=True,
    help=_("What the device says of itself."),
)
def _heartbeat_command(*, url: str | None, serial: str | None, status: str) -> None:
    """Publish one heartbeat and say that it was acknowledged."""
    settings = load_settings()
    address = BrokerAddress.of_url(
        settings.mqtt_url if url is None else url,
        settings.mqtt_ca_file,
        setting="JIERU_MQTT_URL" if url is None else "--url",
    )
    named = topic_of_user(address.username, serial)
    now = datetime.now(UTC)
    topic = publish_heartbeat(address, named, DeviceStatus(status), at=now)
    click.echo(
        _("The broker acknowledged the heartbeat of {serial} at {time} ({topic}).").format(
            serial=named.device.serial, time=f"{now.astimezone(SHANGHAI):%H:%M:%S}", topic=topic
        )
    )


def _play(fleet: Fleet, settings: Settings, speed: float | None) -> "Played":
    require_demo("jieru simulate SCENARIO")
    from simulators.play import play  # noqa: PLC0415 - it imports what may be missing

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(fleet.scenario.title, total=None)
        return asyncio.run(
            play(
                fleet,
                settings.mqtt_url,
                protocol=settings.mqtt_protocol,
                ca_file=settings.mqtt_ca_file,
                speed=speed,
                progress=lambda sent, total: bar.update(task, completed=sent, total=total),
            )
        )


def _write(fleet: Fleet, folder: Path, settings: Settings, now: datetime) -> None:
    received_at = now if settings.ingest_clock == "receipt" else None
    expectation = expect(fleet, clock=settings.ingest_clock, received_at=received_at)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [*write_registry(fleet, folder).values()]
        paths.append(write_expectation(fleet, expectation, folder))
    except OSError as error:
        raise UserError(
            "The folder {folder} cannot be written: {reason}",
            folder=folder,
            reason=error.strerror,
        ) from None
    for path in paths:
        click.echo(path)
