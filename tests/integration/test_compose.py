"""compose.yaml says what we mean, as far as that can be seen without a container engine."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
import yaml

from jieru.credentials.broker_files import ACL, BrokerFiles
from jieru.settings import Settings
from tests.support.debian_root import ensure_debian_packages
from tests.support.fleet import wait_until
from tests.support.mosquitto import INGEST_USER

_ROOT = Path(__file__).parents[2]
_OURS = ("migrate", "broker-sync", "ingest", "api")
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
    """Database, broker and its sync, the migration that runs once, one ingester, the API."""
    assert set(services) == {"database", "broker", "broker-sync", "migrate", "ingest", "api"}


@pytest.mark.parametrize("missing", sorted(_PASSWORDS))
def test_compose_asks_for_each_password(missing: str) -> None:
    """No password has a default: without one, nothing starts and the message says what to set."""
    done = compose_config({name: word for name, word in _PASSWORDS.items() if name != missing})
    assert done.returncode
    assert "set it to a password" in done.stderr


def test_compose_sets_only_what_the_programs_read(services: dict[str, Any]) -> None:
    """Each JIERU_ variable of our own services is a setting, with a value that is accepted."""
    for name in _OURS:
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
    assert f"user {INGEST_USER}\n" in ACL.read_text(encoding="utf-8")
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
    for name in _OURS:
        build = services[name]["build"]
        assert (Path(build["context"]) / build["dockerfile"]).is_file()


def test_compose_lets_the_sync_write_what_the_broker_reads(services: dict[str, Any]) -> None:
    """The same files in the same volume; the ACL starts as the shipped one."""
    variables: dict[str, str] = services["broker-sync"]["environment"]
    files = BrokerFiles.of_settings(
        Settings.model_validate(
            {key.removeprefix("JIERU_").lower(): word for key, word in variables.items()}
        )
    )
    assert files is not None
    configuration = (_ROOT / "deploy/mosquitto/mosquitto.conf").read_text(encoding="utf-8")
    assert f"\npassword_file {files.password_file}\n" in configuration
    assert f"\nacl_file {files.acl_file}\n" in configuration
    assert places(services["broker-sync"]) <= places(services["broker"])
    assert (str(ACL), "/mosquitto/shipped.acl") in places(services["broker"])


def places(service: dict[str, Any]) -> set[tuple[str, str]]:
    """What is mounted where: texts in the output of Compose 1, mappings in that of Compose 2."""
    found = set()
    for volume in service["volumes"]:
        if isinstance(volume, str):
            source, target, *_mode = volume.split(":")
        else:
            source, target = volume["source"], volume["target"]
        found.add((source, target))
    return found


class TestBrokerStart:
    """The broker's command is a script: it runs here with fakes of Mosquitto's programs."""

    @pytest.fixture
    def said(self, tmp_path: Path) -> Path:
        """Where the fakes note what happens to them."""
        return tmp_path / "said"

    @pytest.fixture
    def start(self, services: dict[str, Any], tmp_path: Path, said: Path) -> Iterator[None]:
        """The script, whose broker runs until the test is over."""
        shell, options, script = services["broker"]["command"]
        script = script.replace("$$", "$").replace("/mosquitto/data", f"{tmp_path}/data")
        script = script.replace("/mosquitto/shipped.acl", str(ACL))
        (tmp_path / "data").mkdir()
        (tmp_path / "data/passwords").write_text("xielian:hash\n", encoding="utf-8")
        note = f">>{shlex.quote(str(said))}"
        fakes = {
            "mosquitto_passwd": f'echo mosquitto_passwd "$@" {note}',
            "mosquitto": f"trap 'echo reloaded {note}' HUP\n"
            f'echo mosquitto "$@" {note}\nwhile :; do sleep 0.05; done',
        }
        for name, text in fakes.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            (tmp_path / name).chmod(0o755)
        with subprocess.Popen(
            [shell, options, script],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "JIERU_MQTT_PASSWORD": "mqtt-secret"},
        ) as broker:
            try:
                yield
            finally:
                broker.kill()

    @pytest.mark.usefixtures("start")
    def test_sets_the_ingesters_password_and_keeps_other_users(
        self, tmp_path: Path, said: Path
    ) -> None:
        """Then the broker starts, with the rights that are shipped."""
        wait_until(lambda: len(lines_of(said)) == 2, "the broker runs")
        passwords = tmp_path / "data/passwords"
        assert lines_of(said) == [
            f"mosquitto_passwd -b {passwords} {INGEST_USER} mqtt-secret",
            "mosquitto -c /mosquitto/config/mosquitto.conf",
        ]
        assert passwords.read_text(encoding="utf-8") == "xielian:hash\n"
        assert (tmp_path / "data/acl").read_bytes() == ACL.read_bytes()

    @pytest.mark.usefixtures("start")
    def test_tells_the_broker_of_each_change_once(self, tmp_path: Path, said: Path) -> None:
        """The sync itself cannot reach it with a signal."""
        wait_until(lambda: len(lines_of(said)) == 2, "the broker runs")
        for number, name in enumerate(("passwords", "acl"), start=1):
            (tmp_path / "data" / name).write_text(f"changed {number}\n", encoding="utf-8")
            wait_until(partial(is_told, said, number), "the broker is told")
        assert lines_of(said).count("reloaded") == 2


def lines_of(path: Path) -> list[str]:
    """What is in a file, which need not be there yet."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def is_told(said: Path, times: int) -> bool:
    """Whether the broker was told so often."""
    return lines_of(said).count("reloaded") >= times
