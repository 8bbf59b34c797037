"""The scenario `cheating-city` through a real broker and ingester: what must be found, is."""

import asyncio
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import psycopg

from jieru.audit import command_actor
from registry.importing import OTHER_DISTRICT, import_file
from registry.kinds import KINDS
from simulators.expectation import expect
from simulators.fleet import Fleet, build_fleet
from simulators.play import play
from simulators.registry_files import write_registry
from simulators.scenario import load_scenario
from tests.support.fleet import ingester, wait_until
from tests.support.mosquitto import MosquittoBroker
from verifier.counting.run import count_year
from verifier.policy import load_policy
from verifier.trust.device_days import fill_device_days
from verifier.trust.running import run_signals
from verifier.trust.signal import Strength

_SECRET: Final = "gateways-secret"  # noqa: S105 - of a broker that lives as long as the test
_POLICY: Final = load_policy("putian-2026")


def _fill(fleet: Fleet, database_url: str, broker: MosquittoBroker, folder: Path) -> None:
    """Import the registry and play every message."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        districts = {*_POLICY.districts.value, OTHER_DISTRICT}
        paths = write_registry(fleet, folder)
        for kind in KINDS:
            import_file(connection, kind, paths[kind], districts=districts, actor=command_actor())
        for platform in fleet.scenario.platforms:
            broker.add_user(platform.code, _SECRET)
        wanted = expect(fleet, clock="event").messages.heartbeats
        log = folder / "ingest.log"
        with ingester(database_url, broker.url(), log, ingest_clock="event"):
            wait_until(lambda: '"subscribed"' in log.read_text(encoding="utf-8"), "it subscribes")
            url = f"mqtt://{{platform}}:{_SECRET}@127.0.0.1:{broker.port}"
            asyncio.run(play(fleet, url))
            wait_until(
                lambda: (
                    connection.execute("SELECT count(*) FROM heartbeats").fetchone() == (wanted,)
                ),
                "all is stored",
            )


def test_what_the_city_says_must_be_found_is_found(
    simulation_database_url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """Each enterprise that was made up by one of its signals, and the count as it is expected."""
    fleet = build_fleet(load_scenario("cheating-city", today=date(2026, 11, 30)))
    expected = expect(fleet, clock="event")
    _fill(fleet, simulation_database_url, mosquitto, tmp_path)
    with psycopg.connect(simulation_database_url, autocommit=True) as connection:
        fill_device_days(connection, fleet.scenario.as_of, now=datetime.now(UTC))
        run = run_signals(connection, _POLICY, fleet.scenario.as_of)
        count = count_year(
            connection, fleet.scenario.year, as_of=fleet.scenario.as_of, policy=_POLICY
        )

    outcomes = {
        (platform.platform.code, each.enterprise.uscc): each.outcome.value
        for platform in count.platforms
        for each in platform.determinations
    }
    assert outcomes == {of: each.outcome for of, each in expected.determinations.items()}

    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for signal in run.signals:
        found[signal.platform, signal.uscc].add(signal.kind.value)
    missed = {of for of, kinds in expected.signals.items() if not kinds & found[of]}
    assert missed == set()

    honest = {(each.platform, each.company.uscc) for each in fleet.connections if not each.cheat}
    accused = {(each.platform, each.uscc) for each in run.signals if each.strength is Strength.HARD}
    assert not accused & honest
