"""compose.yaml says what we mean, as far as that can be seen without a container engine."""

import json
import shlex
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
import yaml

from jieru.settings import Settings
from tests.support.debian_root import ensure_debian_packages
from tests.support.mosquitto import INGEST_USER

_ROOT = Path(__file__).parents[2]
_PASSWORDS = {"JIERU_DATABASE_PASSWORD": "database-secret", "JIERU_MQTT_PASSWORD": "mqtt-secret"}


def compose_config(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What `docker-compose config` makes of compose.yaml in this environment."""
    ensure_debian_packages("docker-compose")
    # An empty env file of our own, for a developer's .env would be read otherwise.
    with NamedTemporaryFile() as nothing:
        return subprocess.run(
            ["docker-compose", "--file=compose.yaml", f"--env-file={nothing.name}", "config"],
            cwd=_ROOT,
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of compose.yaml with all variables filled in."""
    done = compose_config(_PASSWORDS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


def test_compose_starts_every_part(services: dict[str, Any]) -> None:
    """Database, broker, the migration that runs once, one ingester, the API."""
    assert set(services) == {"database", "broker", "migrate", "ingest", "api"}


@pytest.mark.parametrize("missing", sorted(_PASSWORDS))
def test_compose_asks_for_each_password(missing: str) -> None:
    """No password has a default: without one, nothing starts and the message says what to set."""
    done = compose_config({name: word for name, word in _PASSWORDS.items() if name != missing})
    assert done.returncode
    assert "set it to a password" in done.stderr


def test_compose_sets_only_what_the_programs_read(services: dict[str, Any]) -> None:
    """Each JIERU_ variable of our own services is a setting, with a value that is accepted."""
    for name in ("migrate", "ingest", "api"):
        variables: dict[str, str] = services[name]["environment"]
        values = {key.removeprefix("JIERU_").lower(): word for key, word in variables.items()}
        assert set(values) <= set(Settings.model_fields)
        settings = Settings.model_validate(values)
        assert settings.require_database_url() == (
            "postgresql://jieru:database-secret@database:5432/jieru"
        )


def test_compose_gives_the_ingester_the_user_that_the_acl_names(services: dict[str, Any]) -> None:
    """Address, ACL and the broker's own start agree on the ingesters' user."""
    url = services["ingest"]["environment"]["JIERU_MQTT_URL"]
    assert url == f"mqtt://{INGEST_USER}:mqtt-secret@broker:1883"
    acl = (_ROOT / "deploy/mosquitto/acl").read_text(encoding="utf-8")
    assert f"user {INGEST_USER}\n" in acl
    assert f"/mosquitto/data/passwords {INGEST_USER} " in json.dumps(services["broker"]["command"])


def test_compose_lets_only_this_machine_in_by_default(services: dict[str, Any]) -> None:
    """Published ports are bound to loopback until somebody decides otherwise."""
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    for port in published:  # a text in the output of Compose 1, a mapping in that of Compose 2
        host = port.split(":")[0] if isinstance(port, str) else port["host_ip"]
        assert host == "127.0.0.1"


def test_compose_watches_every_service_that_stays(services: dict[str, Any]) -> None:
    """All but the migration have a health check and come back after a failure."""
    for name, service in services.items():
        assert ("healthcheck" in service) == (name != "migrate"), name
        assert ("restart" in service) == (name != "migrate"), name


def test_compose_builds_our_services_from_our_dockerfile(services: dict[str, Any]) -> None:
    """The Dockerfile that compose names is there."""
    for name in ("migrate", "ingest", "api"):
        build = services[name]["build"]
        assert (Path(build["context"]) / build["dockerfile"]).is_file()


def test_broker_start_script_keeps_other_users(services: dict[str, Any], tmp_path: Path) -> None:
    """The broker's command runs as shell, sets the ingesters' password and starts the broker."""
    shell, options, script = services["broker"]["command"]
    log = tmp_path / "log"
    for program in ("mosquitto", "mosquitto_passwd"):
        fake = tmp_path / program
        fake.write_text(f'#!/bin/sh\necho {program} "$@" >>{shlex.quote(str(log))}\n')
        fake.chmod(0o755)
    passwords = tmp_path / "passwords"
    passwords.write_text("xielian:hash\n", encoding="utf-8")
    subprocess.run(
        [shell, options, script.replace("$$", "$").replace("/mosquitto/data/", f"{tmp_path}/")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "JIERU_MQTT_PASSWORD": "mqtt-secret"},
        check=True,
    )
    assert log.read_text(encoding="utf-8").splitlines() == [
        f"mosquitto_passwd -b {passwords} {INGEST_USER} mqtt-secret",
        "mosquitto -c /mosquitto/config/mosquitto.conf",
    ]
    assert passwords.read_text(encoding="utf-8") == "xielian:hash\n"
