"""The whole job on embedded parts, checked against what the scenario expects.

Registry by import, heartbeats through a real broker and the real ingester, decisions, the count,
the award table. Then the page, and a broker and an ingester for heartbeats of one's own. Nothing is
set up beforehand and nothing is left behind.
"""

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import click
import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.access.passwords import random_password
from api.access.roles import Role
from api.access.users import create_user
from api.app import create_app
from api.console.words import ROLE_WORDS
from api.server import serving
from api.web.demonstration import Demonstration
from api.web.lanes import CONNECTIONS
from command.count_tables import count_report
from command.counting import print_json, width_of_output
from command.differences import SELECT_STORED, differences, stored_differences
from command.disk_room import blaming_a_full_disk, require_room
from command.embedded import EmbeddedPostgres
from command.embedded_broker import EmbeddedBroker
from command.embedded_keeper import keeper
from command.ending import Ending, ending_on_signals
from command.verify_evidence import verify_and_record
from jieru.audit import changing, command_actor
from jieru.broker import BrokerAddress
from jieru.calendar import civil_date
from jieru.credentials.records import IssuedCredential, issue
from jieru.database import connect, open_pool
from jieru.database_options import SHORT_WORK
from jieru.i18n import gettext as _
from jieru.schema import migrate
from jieru.settings import Settings, load_settings
from jieru.wire import DeviceAddress
from registry.importing import OTHER_DISTRICT, import_file
from registry.kinds import KINDS
from simulators.expectation import Expectation, expect
from simulators.fleet import Fleet, build_fleet
from simulators.living_fleet import LivingFleet
from simulators.play import play
from simulators.registry_files import write_registry
from simulators.scenario import load_scenario
from verifier.counting.decisions import record_decision
from verifier.counting.run import count_year
from verifier.evidence.stored_hours import months_of_evidence
from verifier.policy import Policy, load_policy
from verifier.procedure.signing import new_signing_key
from verifier.trust.recording import record_run
from verifier.trust.running import run_signals

__all__ = ["demonstrate"]

_SCENARIO: Final = "small-city"
_POLICY: Final = "putian-2026"
_OPERATORS_PLATFORM: Final = "xielian"
_NEEDED_MB: Final = 150
"""Of temporary files: 70 for the database, 35 for its programs where they are copied, 5 for the
broker, and some for heartbeats to come."""
_BROKERS_PORT: Final = 1883
"""Where equipment looks for a broker; another where it is taken."""
_STORED_TIMEOUT_S: Final = 60
_POLL_S: Final = 0.1
_LOOK_S: Final = 0.5
"""Between two looks whether broker and ingester are alive."""
_EXIT_DIFFERENT: Final = 1

_SELECT_PLATFORM: Final = "SELECT id FROM platforms WHERE code = %s"
# Who was silent longest: the year of the scenario may reach into the future.
_SELECT_SILENT_DEVICES: Final = """
    SELECT d.serial FROM devices d
    JOIN platforms p ON p.id = d.platform_id AND p.code = %s
    LEFT JOIN device_states s ON s.device_id = d.id
    WHERE d.ended_on IS NULL
    ORDER BY coalesce(s.last_seen_at, '-infinity'), d.serial LIMIT %s
"""
_LIVING: Final = 5
"""Machines that go on while the page is looked at."""


def demonstrate(*, once: bool, as_json: bool, port: int | None) -> None:
    """Play a year of a small city, count it, compare, show it.

    Args:
        once: end after the count, instead of showing the page.
        as_json: print the count for programs.
        port: of the page; None: the one of the settings.

    Raises:
        UserError: this machine has no place for it; the message says what to do.
    """
    settings = load_settings()
    require_room(_NEEDED_MB)
    with ending_on_signals() as ending, ExitStack() as stack:
        try:
            with blaming_a_full_disk():
                _demonstrate(
                    settings.model_copy(update={"policy": _POLICY}),
                    stack,
                    ending,
                    page_port=None if once else settings.api_port if port is None else port,
                    as_json=as_json,
                )
        finally:
            ending.stop_listening()  # nobody's impatience may keep anything from being cleaned up


def _demonstrate(
    configured: Settings,
    stack: ExitStack,
    ending: Ending,
    *,
    page_port: int | None,
    as_json: bool,
) -> None:
    """Start what is needed, each with its end on the stack; without a port, no page and no more."""
    policy = load_policy(_POLICY)
    today = civil_date(datetime.now(UTC))
    fleet = build_fleet(load_scenario(_SCENARIO, today=today))
    expectation = expect(fleet, clock="event")
    said = Console(stderr=True, highlight=False)
    started = time.monotonic()
    said.print(_("Starting PostgreSQL and an MQTT broker ..."))
    database = stack.enter_context(EmbeddedPostgres())
    migrate(database.url, simulation=True)
    broker = stack.enter_context(
        EmbeddedBroker(
            database.url_of("jieru_broker"),
            preferred_port=None if page_port is None else _BROKERS_PORT,
        )
    )
    settings = configured.model_copy(
        update={
            "database_url": database.url_of("jieru_api"),
            "equipment_mqtt_url": broker.url,
            "signing_key_file": str(stack.enter_context(_signing_key())),
        }
    )
    ingesters = settings.model_copy(update={"database_url": database.url_of("jieru_ingest")})
    verifiers = settings.model_copy(update={"database_url": database.url_of("jieru_verifier")})
    page = None
    if page_port is not None:
        page = stack.enter_context(_page(settings, page_port, expectation))
    connection = stack.enter_context(connect(settings.database_url, autocommit=True))
    _import_registry(connection, fleet, policy, said)
    _play_heartbeats(connection, ingesters, broker, fleet, expectation, ending, said)
    _record_decisions(connection, fleet, policy, said)
    has_evidence_differences = _verify_evidence(connection, verifiers, said)
    count = count_year(connection, expectation.year, as_of=expectation.as_of, policy=policy)
    _look_for_signals(verifiers, expectation, policy, said)
    found = [*differences(count, expectation), *stored_differences(connection, expectation)]
    if as_json:
        print_json(count.to_json_object())
    else:
        click.echo(count_report(count, width=width_of_output()))
    if found:
        said.print(_("The count differs from what the scenario expects:"), style="bold red")
        for difference in found:
            said.print(f"  {difference}")
    if found or has_evidence_differences:
        sys.exit(_EXIT_DIFFERENT)
    said.print(
        _(
            "All {count} outcomes, awards and stored messages are as the scenario expects. "
            "({seconds:.0f} s)"
        ).format(count=len(expectation.determinations), seconds=time.monotonic() - started),
        style="bold green",
    )
    if page is not None:
        check_ingester = stack.enter_context(_ingester(ingesters, broker, clock="receipt"))
        _add_people(connection, said)
        first, *living = _silent_devices(connection, 1 + _LIVING)
        stack.enter_context(LivingFleet(BrokerAddress.of_url(broker.simulator_url), living))
        _show_first_heartbeat(connection, broker, first.serial, said)
        said.print(_("The MQTT broker is at {address}.").format(address=broker.url))
        said.print(_("The page is at {address} (Ctrl-C stops everything).").format(address=page))
        _wait_for_interrupt(ending.check, broker.check, check_ingester)


@contextmanager
def _signing_key() -> Iterator[Path]:
    """A key of this demonstration alone, so that its people can freeze a count."""
    with tempfile.TemporaryDirectory(prefix="jieru-key-") as folder, keeper({Path(folder)}):
        file = Path(folder) / "key.pem"
        new_signing_key(file)
        yield file


def _import_registry(
    connection: psycopg.Connection, fleet: Fleet, policy: Policy, said: Console
) -> None:
    districts = {*policy.districts.value, OTHER_DISTRICT}
    with tempfile.TemporaryDirectory(prefix="jieru-registry-") as folder:
        paths = write_registry(fleet, Path(folder))
        for kind in KINDS:
            result = import_file(
                connection, kind, paths[kind], districts=districts, actor=command_actor()
            )
            said.print(
                _("Imported {file}: {created} rows.").format(
                    file=paths[kind].name, created=result.created
                )
            )


def _add_people(connection: psycopg.Connection, said: Console) -> None:
    """One person for each role, whose passwords are shown now and kept nowhere."""
    table = Table(title=_("Accounts of this demonstration"), title_justify="left")
    for title in (_("Account"), _("Password"), _("Role"), _("Platform")):
        table.add_column(title)
    for role in Role:
        password = random_password()
        platform = _OPERATORS_PLATFORM if role is Role.OPERATOR else None
        with changing(connection, command_actor()):
            create_user(
                connection,
                role.value,
                role,
                platform=platform,
                display_name=_(ROLE_WORDS[role]),
                password=password,
            )
        table.add_row(role.value, password, _(ROLE_WORDS[role]), platform or "")
    said.print(table)


def _silent_devices(connection: psycopg.Connection, number: int) -> list[DeviceAddress]:
    values = (_OPERATORS_PLATFORM, number)
    found = [
        DeviceAddress(_OPERATORS_PLATFORM, serial)
        for (serial,) in connection.execute(_SELECT_SILENT_DEVICES, values)
    ]
    if len(found) < number:
        raise LookupError(f"platform {_OPERATORS_PLATFORM} has {len(found)} devices of {number}")
    return found


def _show_first_heartbeat(
    connection: psycopg.Connection, broker: EmbeddedBroker, serial: str, said: Console
) -> None:
    """The credential of the operator's cloud, and what to do with it."""
    credential = _issue_clouds_credential(connection)
    said.print(
        _(
            "Credential of the cloud of {platform}: user name {username}, password {password}"
        ).format(
            platform=_OPERATORS_PLATFORM,
            username=credential.username,
            password=credential.secret,
        ),
        soft_wrap=True,
    )
    said.print(
        _("This line, in another terminal, turns device {serial} online:").format(serial=serial)
    )
    url = broker.url_of(credential.username, credential.secret)
    line = shlex.join([*_own_command(), "simulate", "heartbeat", "--url", url, "--serial", serial])
    said.print(f"  {line}", soft_wrap=True, markup=False)  # to be copied whole


def _issue_clouds_credential(connection: psycopg.Connection) -> IssuedCredential:
    with changing(connection, command_actor()):
        row = connection.execute(_SELECT_PLATFORM, (_OPERATORS_PLATFORM,)).fetchone()
        if row is None:
            raise LookupError(f"the scenario has no platform {_OPERATORS_PLATFORM}")
        return issue(connection, platform_id=row[0])


def _own_command() -> list[str]:
    """How this program was called, for any folder."""
    program = Path(sys.argv[0]).absolute()
    is_module = program.name == "__main__.py"
    return [sys.executable, "-m", "jieru"] if is_module else [str(program)]


def _play_heartbeats(
    connection: psycopg.Connection,
    settings: Settings,
    broker: EmbeddedBroker,
    fleet: Fleet,
    expectation: Expectation,
    ending: Ending,
    said: Console,
) -> None:
    """Send every message through the broker and wait until the ingester has dealt with them."""
    messages = expectation.messages
    wanted = (messages.heartbeats, messages.rejections.total())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        _ingester(settings, broker, clock="event") as check_ingester,
        Progress(*columns, console=said) as bar,
    ):
        task = bar.add_task(_("Heartbeats of a year"), total=messages.sent)

        def show(sent: int, total: int) -> None:
            bar.update(task, completed=sent, total=total)

        playing = play(fleet, broker.simulator_url, protocol="3.1.1", progress=show)
        with ending.deferred():
            asyncio.run(_unless_asked_to_end(playing, ending))
        deadline = time.monotonic() + _STORED_TIMEOUT_S
        while connection.execute(SELECT_STORED).fetchone() != wanted:
            if time.monotonic() > deadline:
                break  # the comparison at the end says what is missing
            ending.check()
            broker.check()
            check_ingester()
            time.sleep(_POLL_S)


async def _unless_asked_to_end(work: Coroutine[None, None, object], ending: Ending) -> None:
    """Do the work to its end, or until somebody asks for ours."""
    task = asyncio.create_task(work)
    while not task.done():
        if ending.is_asked:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # what went wrong while it was cancelled is nobody's news
            return
        await asyncio.wait({task}, timeout=_POLL_S)
    task.result()


@contextmanager
def _ingester(
    settings: Settings, broker: EmbeddedBroker, *, clock: Literal["event", "receipt"]
) -> Iterator[Callable[[], None]]:
    """A real `jieru ingest` in a process of its own; its subscription stands when this begins.

    Yields:
        A function that raises when it has ended.

    Raises:
        RuntimeError: it does not start, or ends with an error: a bug, so its log is shown.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JIERU_")},
        "JIERU_LANGUAGE": settings.language,
        "JIERU_DATABASE_URL": settings.database_url,
        "JIERU_POLICY": settings.policy,
        "JIERU_MQTT_URL": broker.ingest_url,
        "JIERU_MQTT_PROTOCOL": "3.1.1",
        "JIERU_INGEST_GROUP": "",
        "JIERU_INGEST_CLOCK": clock,
        "JIERU_INGEST_HTTP_PORT": "0",
        # A year is played within one hour, and compared with the scenario one by one.
        "JIERU_REJECTIONS_KEPT_PER_TOPIC": "0",
        "JIERU_REJECTIONS_KEPT_PER_PLATFORM": "0",
    }
    with (
        tempfile.TemporaryDirectory(prefix="jieru-ingest-") as folder,
        keeper({Path(folder)}) as keep,
    ):
        log = Path(folder) / "ingest.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "jieru", "ingest"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,  # Ctrl-C at a terminal is for us, who end it in its turn
            )
        keep(process.pid)

        def check() -> None:
            if process.poll() is not None:
                raise RuntimeError(f"the ingester ended:\n{log.read_text()}")

        try:
            deadline = time.monotonic() + _STORED_TIMEOUT_S
            while '"subscribed"' not in log.read_text():
                check()
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the ingester did not start:\n{log.read_text()}")
                time.sleep(_POLL_S)
            yield check
            process.terminate()
            if process.wait(_STORED_TIMEOUT_S) != 0:
                raise RuntimeError(f"the ingester failed:\n{log.read_text()}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _record_decisions(
    connection: psycopg.Connection, fleet: Fleet, policy: Policy, said: Console
) -> None:
    for recorded in fleet.decisions:
        decision = recorded.decision
        waiver = (
            (decision.criterion, decision.value)
            if decision.criterion is not None and decision.value is not None
            else None
        )
        with changing(connection, command_actor()):
            record_decision(
                connection,
                decision.kind,
                decision.platform,
                recorded.uscc,
                reason=decision.reason,
                decided_by=decision.decided_by,
                waiver=waiver,
                policy=policy,
            )
    said.print(_("Recorded {count} decisions.").format(count=len(fleet.decisions)))


def _verify_evidence(connection: psycopg.Connection, settings: Settings, said: Console) -> bool:
    """Recompute presence from the heartbeats, as is done before a count is frozen."""
    months = months_of_evidence(connection)
    verified = [verify_and_record(settings, month) for month in months]
    has_difference = any(each.compared.differences for each in verified)
    sentence = (
        _("Presence of {months} months and its {heartbeats} heartbeats differ.")
        if has_difference
        else _("Presence of {months} months rests on its {heartbeats} heartbeats, hour by hour.")
    )
    heartbeats = sum(each.heartbeats for each in verified)
    said.print(
        sentence.format(months=len(months), heartbeats=f"{heartbeats:,}"),
        style="bold red" if has_difference else None,
    )
    return has_difference


def _look_for_signals(
    settings: Settings, expectation: Expectation, policy: Policy, said: Console
) -> None:
    """What `jieru signals --record` does every night: what looks odd, and cases for people."""
    with connect(settings.database_url) as connection:
        run = run_signals(connection, policy, expectation.as_of)
        _run_id, cases = record_run(connection, run)
    said.print(
        _("Signals: {signals} of {enterprises} enterprises; cases opened: {cases}.").format(
            signals=len(run.signals),
            enterprises=len({(each.platform, each.uscc) for each in run.signals}),
            cases=len(cases),
        )
    )


@contextmanager
def _page(settings: Settings, port: int, expectation: Expectation) -> Iterator[str]:
    """Serve the page; first of all, for a port that is taken is better known before the work."""
    with open_pool(settings.database_url, size=CONNECTIONS, work=SHORT_WORK) as pool:
        app = create_app(
            settings,
            pool,
            as_of=lambda: expectation.as_of,
            year=expectation.year,
            demonstration=Demonstration(expectation.as_of + timedelta(days=1)),
        )
        with serving(app, settings.api_host, port) as address:
            yield address


def _wait_for_interrupt(*checks: Callable[[], None]) -> None:
    """Wait for Ctrl-C, or for one of the checks to raise."""
    try:
        while True:
            for check in checks:
                check()
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        click.echo(err=True)
