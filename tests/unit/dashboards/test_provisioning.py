"""The files that Grafana provisions itself from."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from dashboards.alerts import runbooks
from dashboards.grafana_json import grafana_dashboards
from dashboards.provisioning import Database, provisioning_files

_DATABASE = Database("db.example:5433", "jieru", "require")
_FOLDER = PurePosixPath("/srv/grafana")


def files(database: Database = _DATABASE) -> dict[str, bytes]:
    """What is written."""
    return provisioning_files(database, _FOLDER, disk_gb=100)


def loaded(path: str) -> Any:  # noqa: ANN401 - YAML
    """One of the files, read as Grafana reads it."""
    return yaml.safe_load(files()[path])


def test_every_part_has_its_file() -> None:
    """Each dashboard and runbook, and one file for each kind of provisioning."""
    assert set(files()) == {
        *(f"dashboards/{each['uid']}.json" for each in grafana_dashboards()),
        "provisioning/alerting/jieru.yaml",
        "provisioning/dashboards/jieru.yaml",
        "provisioning/datasources/jieru.yaml",
        *(f"runbooks/{name}" for name in runbooks()),
    }


def test_the_same_arguments_give_the_same_bytes() -> None:
    """So that a repeated export changes no file."""
    assert files() == files()


def test_a_dashboards_file_is_the_dashboard() -> None:
    """As JSON."""
    for each in grafana_dashboards():
        assert json.loads(files()[f"dashboards/{each['uid']}.json"]) == each


def test_the_datasource_logs_in_as_the_auditor() -> None:
    """To the database, with the password from Grafana's environment; nobody edits it."""
    (found,) = loaded("provisioning/datasources/jieru.yaml")["datasources"]
    assert (found["uid"], found["type"]) == ("jieru-auditor", "grafana-postgresql-datasource")
    assert (found["url"], found["user"]) == ("db.example:5433", "jieru_auditor")
    assert found["jsonData"]["database"] == "jieru"
    assert found["jsonData"]["sslmode"] == "require"
    assert found["jsonData"]["timescaledb"] is False
    assert found["secureJsonData"] == {"password": "$JIERU_AUDITOR_PASSWORD"}
    assert found["editable"] is False


def test_dashboards_are_read_from_their_folder_and_nobody_edits_them() -> None:
    """Nor are they deleted when a file is missing for a moment."""
    (found,) = loaded("provisioning/dashboards/jieru.yaml")["providers"]
    assert found["type"] == "file"
    assert found["options"]["path"] == "/srv/grafana/dashboards"
    assert found["allowUiUpdates"] is False
    assert found["disableDeletion"] is True


def test_dashboards_and_alerts_share_a_folder() -> None:
    """Whose rights are those of both."""
    (provider,) = loaded("provisioning/dashboards/jieru.yaml")["providers"]
    (group,) = loaded("provisioning/alerting/jieru.yaml")["groups"]
    assert group["folder"] == provider["folder"]
    assert group["interval"] == "60s"
    assert [rule["uid"] for rule in group["rules"]] == [
        "jieru-ingest-silent",
        "jieru-ingest-behind",
        "jieru-session-trouble",
        "jieru-rejections-rising",
        "jieru-broker-refusals",
        "jieru-audit-chain-broken",
        "jieru-audit-unverified",
        "jieru-evidence-differs",
        "jieru-evidence-unverified",
        "jieru-checkpoint-overdue",
        "jieru-broker-file-vanished",
        "jieru-archive-damaged",
        "jieru-signals-overdue",
        "jieru-disk-filling",
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://jieru:secret@database:5432/jieru",
            Database("database:5432", "jieru", "disable"),
        ),
        ("postgresql://jieru:secret@database/city", Database("database:5432", "city", "disable")),
        (
            "postgresql://jieru@db/jieru?sslmode=verify-full",
            Database("db:5432", "jieru", "verify-full"),
        ),
        ("postgresql://jieru@db/jieru?sslmode=prefer", Database("db:5432", "jieru", "disable")),
        ("host=db port=6543 dbname=jieru user=jieru", Database("db:6543", "jieru", "disable")),
    ],
)
def test_the_database_is_that_of_the_settings(url: str, expected: Database) -> None:
    """But for user and password."""
    assert Database.of_url(url) == expected


def test_a_dollar_in_a_name_is_no_variable() -> None:
    """Grafana would put its environment in."""
    written = provisioning_files(
        Database("db:5432", "city$home", "disable"), PurePosixPath("/srv/$x"), disk_gb=100
    )
    (provider,) = yaml.safe_load(written["provisioning/dashboards/jieru.yaml"])["providers"]
    assert provider["options"]["path"] == "/srv/$$x/dashboards"
    (source,) = yaml.safe_load(written["provisioning/datasources/jieru.yaml"])["datasources"]
    assert source["jsonData"]["database"] == "city$$home"


def test_no_secret_is_written() -> None:
    """Not the owner's password, which is in the same address."""
    written = files(Database.of_url("postgresql://jieru:top-secret@database/jieru"))
    assert not [path for path, text in written.items() if b"top-secret" in text]
