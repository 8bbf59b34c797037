"""deploy/demo-city.sh, which compose.demo.yaml runs, on a real database, broker and ingester."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from dashboards.grafana_json import grafana_dashboards
from dashboards.grafana_sql import TimeRange, expand
from tests.support.command import clean_environment
from tests.support.fleet import ingester, wait_until
from tests.support.mosquitto import MosquittoBroker

_SCRIPT = Path(__file__).parents[3] / "deploy" / "demo-city.sh"
_PLATFORMS = ("xielian", "haichuang", "zhilian")
_SECRET = "gateways-secret"  # noqa: S105 - of a broker that lives as long as the test
_YEAR = TimeRange(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))


@pytest.fixture
def settings(
    simulation_database_url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """What the script is told in compose.demo.yaml; an ingester runs beside it."""
    for platform in _PLATFORMS:
        mosquitto.add_user(platform, _SECRET)
    log = tmp_path / "ingest.log"
    with ingester(simulation_database_url, mosquitto.url(), log, ingest_clock="event"):
        wait_until(lambda: '"subscribed"' in log.read_text(encoding="utf-8"), "it subscribes")
        yield clean_environment(
            database_url=simulation_database_url,
            mqtt_url=f"mqtt://{{platform}}:{_SECRET}@127.0.0.1:{mosquitto.port}",
        )


def run(settings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The script to its end, with the command of this virtual environment."""
    path = f"{Path(sys.executable).parent}:{settings['PATH']}"
    return subprocess.run(
        ["sh", str(_SCRIPT)],
        env={**settings, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_the_city_is_on_the_panels_and_a_second_run_changes_nothing(
    settings: dict[str, str],
) -> None:
    """Everything that a count fills is filled: the draft has its enterprises, the panels rows."""
    done = run(settings)
    assert done.returncode == 0, done.stdout + done.stderr
    overview = grafana_dashboards()[0]
    chosen = {"year": "2026", "stage": "draft", "platform": list(_PLATFORMS)}
    with psycopg.connect(settings["JIERU_DATABASE_URL"]) as connection:
        for panel in overview["panels"]:
            if panel["type"] != "row":
                sql = expand(panel["targets"][0]["rawSql"], chosen, _YEAR).sql
                rows = connection.execute(sql.encode()).fetchall()
                # A draft is not signed yet, so nothing of it can differ from what was.
                assert bool(rows) is (panel["title"] != "与签名不符之处"), panel["title"]
    again = run(settings)
    assert (again.returncode, again.stdout) == (0, "There is a count already.\n")
