"""`jieru simulate load` and `jieru simulate check-ledger`: load with exact bookkeeping."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from command.arguments import AMOUNT, FILE, POSITIVE_AMOUNT, json_option
from command.counting import open_database, print_json, width_of_output
from command.help import example
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import Settings, load_settings
from jieru.wire import PAYLOAD_LIMIT_BYTES, DeviceAddress, RejectionReason
from simulators.load.check import LedgerCheck, check_ledger
from simulators.load.devices import devices_by_pattern, devices_of_database, devices_of_file
from simulators.load.ledger import Ledger
from simulators.load.payloads import SENDABLE_FAULTS
from simulators.load.run import Load, LoadPlan, run_load

__all__ = ["check_ledger_command", "load_command"]

_EXIT_NOT_WHOLE: Final = 1
_FAULTS: Final = {reason.value: reason for reason in SENDABLE_FAULTS}
_DEVICES_MAX: Final = 10_000_000
_MESSAGES_MAX: Final = 10**12


class _Share(click.ParamType[tuple[RejectionReason, float]]):
    """A reason of rejection and the share of messages for it: `malformed_payload=0.01`."""

    name = "REASON=SHARE"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[RejectionReason, float]:
        reason, _equals, share = value.partition("=")
        try:
            return _FAULTS[reason], AMOUNT.convert(share, param, ctx)
        except (KeyError, click.BadParameter):
            self.fail(
                _("“{value}” is not one of {reasons}, an equals sign and a share.").format(
                    value=value, reasons=", ".join(_FAULTS)
                ),
                param,
                ctx,
            )


@click.command(
    "load",
    help=_(
        "Send heartbeats as fast as the broker takes them, evenly, or in bursts at the full "
        "minute or hour, and keep exact books of what it acknowledged. Without --devices or "
        "--count, the devices of the database send."
    ),
    epilog=example(
        "jieru simulate load --platform xielian --per-second 2000 --seconds 600 --ledger books"
    ),
)
@click.option("--devices", type=FILE, help=_("CSV file of devices to import."))
@click.option("--platform", metavar="CODE", help=_("Devices of this platform only."))
@click.option(
    "--count", type=click.IntRange(1, _DEVICES_MAX), help=_("So many devices by the pattern.")
)
@click.option("--serials", default="CNC-%06d", show_default=True, help=_("The pattern."))
@click.option("--messages", type=click.IntRange(1, _MESSAGES_MAX), help=_("Stop after so many."))
@click.option("--seconds", type=POSITIVE_AMOUNT, help=_("Stop after so long."))
@click.option(
    "--per-second",
    type=POSITIVE_AMOUNT,
    help=_("An even pace; without it, or --every, as fast as the broker takes them."),
)
@click.option(
    "--every",
    "every_s",
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help=_("All devices at once at each full so many seconds of the clock: 60, 3600."),
)
@click.option(
    "--within",
    "within_s",
    default=1.0,
    show_default=True,
    type=AMOUNT,
    metavar="SECONDS",
    help=_("Spread each burst over so long."),
)
@click.option(
    "--spacing-ms",
    default=1,
    show_default=True,
    type=click.IntRange(1, 86_400_000),
    help=_("Flat out: how far the heartbeats of a device lie apart by what they say."),
)
@click.option(
    "--connections",
    default=1,
    show_default=True,
    type=click.IntRange(1, 65_535),
    help=_("Of each platform where JIERU_MQTT_URL has {platform} in it, else of all together."),
)
@click.option(
    "--window",
    default=65_535,
    type=click.IntRange(1, 65_535),
    help=_("Unacknowledged messages of a connection at most; the broker may grant fewer."),
)
@click.option(
    "--payload-bytes",
    default=0,
    type=click.IntRange(0, PAYLOAD_LIMIT_BYTES),
    help=_("Fill payloads up to this."),
)
@click.option(
    "--bad",
    "faults",
    type=_Share(),
    multiple=True,
    help=_("Share of messages to be refused for a reason, such as malformed_payload=0.01."),
)
@click.option("--seed", default=0, type=int, help=_("Draws the bad messages."))
@click.option(
    "--patience",
    "patience_s",
    default=30.0,
    show_default=True,
    type=AMOUNT,
    metavar="SECONDS",
    help=_("How long to wait for a broker that is away."),
)
@click.option(
    "--ledger",
    type=FILE,
    help=_("Write the books into this file, for `jieru simulate check-ledger`."),
)
@json_option
def load_command(  # noqa: PLR0913 - one argument for each option
    *,
    devices: Path | None,
    platform: str | None,
    count: int | None,
    serials: str,
    messages: int | None,
    seconds: float | None,
    per_second: float | None,
    every_s: int | None,
    within_s: float,
    spacing_ms: int,
    connections: int,
    window: int,
    payload_bytes: int,
    faults: tuple[tuple[RejectionReason, float], ...],
    seed: int,
    patience_s: float,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Send a load, and say what the broker said to it."""
    if per_second is not None and every_s is not None:
        raise UserError("A load comes evenly (--per-second) or in bursts (--every), not both.")
    settings = load_settings()
    plan = LoadPlan(
        _devices(settings, devices, platform, count, serials),
        pace="even" if per_second else "aligned" if every_s else "flat-out",
        per_second=per_second or 0.0,
        every_s=every_s or 60,
        within_s=within_s,
        messages=messages,
        seconds=seconds,
        spacing_ms=spacing_ms,
        connections=connections,
        window=window,
        payload_bytes=payload_bytes,
        faults=dict(faults),
        seed=seed,
        patience_s=patience_s,
    )
    load = _run(plan, settings)
    if ledger is not None:
        load.ledger.save(ledger)
    if as_json:
        print_json(load.to_json_object())
    else:
        _print_load(load)
    if load.failure is not None:
        raise load.failure


@click.command(
    "check-ledger",
    help=_(
        "Compare the books of a load with the database: exit code 1 unless every heartbeat that "
        "the broker accepted is stored exactly once, with its presence, and every rejection."
    ),
    epilog=example("jieru simulate check-ledger books"),
)
@click.argument("ledger", type=FILE)
@json_option
def check_ledger_command(*, ledger: Path, as_json: bool) -> None:
    """Check a ledger against the database."""
    books = Ledger.load(ledger)
    with open_database(load_settings()) as connection:
        check = check_ledger(connection, books)
    if as_json:
        print_json(check.to_json_object())
    else:
        _print_check(check)
    if not check.is_whole:
        sys.exit(_EXIT_NOT_WHOLE)


def _devices(
    settings: Settings, file: Path | None, platform: str | None, count: int | None, pattern: str
) -> list[DeviceAddress]:
    """Of the file, by the pattern, or of the database."""
    if file is not None and count is not None:
        raise UserError("Devices come from a file (--devices) or by a pattern (--count), not both.")
    if count is not None:
        if platform is None:
            raise UserError("Name the platform of the devices: --platform CODE.")
        return devices_by_pattern(platform, pattern, count)
    if file is not None:
        return devices_of_file(file, platform)
    return devices_of_database(settings.require_database_url(), platform)


def _run(plan: LoadPlan, settings: Settings) -> Load:
    async def run() -> Load:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return await run_load(
            plan,
            settings.mqtt_url,
            ca_file=settings.mqtt_ca_file,
            progress=lambda sent: bar.update(task, completed=sent),
            stop=stop,
        )

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_("Messages"), total=plan.messages)
        return asyncio.run(run())


def _print_load(load: Load) -> None:
    figures = load.to_json_object()
    otherwise, bad = figures["acknowledged_otherwise"], figures["accepted_bad"]
    latency = figures["latency_ms"]
    rows = {
        _("sent"): figures["sent"],
        _("accepted by the broker"): figures["accepted"],
        _("acknowledged with another reason code"): _listed(otherwise),
        _("unknown: not acknowledged"): figures["unknown"],
        _("sent again after a lost connection"): figures["resent"],
        _("accepted, to be refused by the ingester"): _listed(bad),
        _("seconds"): figures["seconds"],
        _("acknowledged a second"): figures["acknowledged_per_s"],
        _("milliseconds to the acknowledgement"): _listed(latency),
        _("computing, µs a message"): figures["cpu_us_per_message"],
    }
    _print_rows(rows)


def _print_check(check: LedgerCheck) -> None:
    _print_rows(
        {
            _("good heartbeats that the broker accepted"): check.accepted,
            _("of these, not stored"): check.missing,
            _("of these, stored twice"): check.stored_twice,
            _("hours that presence lacks"): check.hours_missing,
            _("good heartbeats not acknowledged"): check.unknown,
            _("of these, stored all the same"): check.unknown_stored,
            _("heartbeats of these devices that are not in the ledger"): check.others,
            _("rejections due"): _listed(check.to_json_object()["rejections"]),
            _("of these, not stored"): _listed(check.to_json_object()["rejections_missing"]),
        }
    )
    click.echo(_("The ledger is whole.") if check.is_whole else _("The ledger is NOT whole."))


def _listed(figures: object) -> str:
    """A table of figures on one line."""
    if not isinstance(figures, Mapping) or not figures:
        return "0"
    return ", ".join(f"{name} {value}" for name, value in figures.items())


def _print_rows(rows: Mapping[str, object]) -> None:
    table = Table(show_header=False)
    for name, value in rows.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    Console(width=width_of_output()).print(table)
