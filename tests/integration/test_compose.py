"""compose.yaml says what we mean, as far as that can be seen without a container engine."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import date
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
import yaml

from dashboards.provisioning import PASSWORD_VARIABLE, Database, provisioning_files
from dashboards.push import OLDEST_GRAFANA
from jieru.credentials.broker_files import ACL, BrokerFiles
from jieru.settings import Settings
from simulators.scenario import load_scenario
from tests.support.command import clean_environment, jieru_path
from tests.support.debian_packages import ensure_debian_packages
from tests.support.fleet import wait_until
from tests.support.mosquitto import INGEST_USER

_ROOT = Path(__file__).parents[2]
_OURS = (
    "migrate",
    "broker-sync",
    "ingest",
    "ingest-sources",
    "ingest-http",
    "api",
    "audit-verify",
    "checkpoint",
    "dashboards",
    "notify",
)
_SECOND = "ingest-2"
"""Started on demand: Compose 1 shows it all the same."""
_ONCE = {"migrate", "signing-key", "dashboards"}
"""What ends when it is done."""
_PASSWORDS = {
    "JIERU_DATABASE_PASSWORD": "database-secret",
    "JIERU_DATABASE_PASSWORD_API": "api-secret",
    "JIERU_DATABASE_PASSWORD_INGEST": "ingest-secret",
    "JIERU_DATABASE_PASSWORD_VERIFIER": "verifier-secret",
    "JIERU_DATABASE_PASSWORD_BROKER": "broker-secret",
    "JIERU_MQTT_PASSWORD": "mqtt-secret",
    "JIERU_AUDITOR_PASSWORD": "auditor-secret",
    "JIERU_GRAFANA_PASSWORD": "grafana-secret",
}


def compose_config(
    environment: dict[str, str], *more_files: str
) -> subprocess.CompletedProcess[str]:
    """What `docker-compose config` makes of compose.yaml (and files on top) in this environment."""
    ensure_debian_packages("docker-compose")
    # An empty env file of our own, for a developer's .env would be read otherwise.
    with NamedTemporaryFile() as nothing:
        return subprocess.run(
            [
                "docker-compose",
                *(f"--file={name}" for name in ("compose.yaml", *more_files)),
                f"--env-file={nothing.name}",
                "config",
            ],
            cwd=_ROOT,
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def services_of(*more_files: str) -> dict[str, Any]:
    """The services of compose.yaml and files on top, with all variables filled in."""
    done = compose_config(_PASSWORDS, *more_files)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of compose.yaml."""
    return services_of()


@pytest.fixture(scope="module")
def demonstration() -> dict[str, Any]:
    """The same with compose.demo.yaml on top."""
    return services_of("compose.demo.yaml")


def test_compose_starts_every_part(services: dict[str, Any]) -> None:
    """Database, broker and its sync, one ingester, the API, Grafana, what runs once or daily."""
    assert set(services) - {_SECOND} == {
        "database", "broker", "broker-sync", "migrate", "ingest", "ingest-sources",
        "ingest-http", "signing-key", "api",
        "audit-verify", "checkpoint", "dashboards", "grafana", "notify",
    }  # fmt: skip


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
        Settings.model_validate(values)


_ROLES = {
    "migrate": "jieru:database-secret@",
    "api": "jieru_api:api-secret@",
    "notify": "jieru_api:api-secret@",
    "ingest": "jieru_ingest:ingest-secret@",
    "ingest-sources": "jieru_ingest:ingest-secret@",
    "ingest-http": "jieru_ingest:ingest-secret@",
    "broker-sync": "jieru_broker:broker-secret@",
    "audit-verify": "jieru_verifier:verifier-secret@",
    "checkpoint": "jieru_api:api-secret@",
    "dashboards": "",
}


def test_compose_gives_each_process_its_own_role(services: dict[str, Any]) -> None:
    """Only the migration is the owner of the tables; where files are written, nobody logs in."""
    assert {name: services[name]["environment"]["JIERU_DATABASE_URL"] for name in _OURS} == {
        name: f"postgresql://{user}database:5432/jieru" for name, user in _ROLES.items()
    }


def test_compose_shows_no_process_the_password_of_another(services: dict[str, Any]) -> None:
    """The migration sets them, so it has them all."""
    for name in set(services) - {"migrate", "database"}:
        shown = {word for word in _PASSWORDS.values() if word in json.dumps(services[name])} & {
            word for key, word in _PASSWORDS.items() if "DATABASE" in key
        }
        assert shown <= {_ROLES.get(name, "").rstrip("@").partition(":")[2]} or name == _SECOND
    given = Settings.model_validate(
        {
            key.removeprefix("JIERU_").lower(): word
            for key, word in services["migrate"]["environment"].items()
        }
    ).role_passwords
    assert {role: f"{role.removeprefix('jieru_')}-secret" for role in given} == given
    assert set(given) == {
        "jieru_auditor", "jieru_api", "jieru_ingest", "jieru_verifier", "jieru_broker"
    }  # fmt: skip


def test_compose_gives_the_ingester_the_user_that_the_acl_names(services: dict[str, Any]) -> None:
    """Address, ACL and the broker's own start agree on the ingesters' user."""
    url = services["ingest"]["environment"]["JIERU_MQTT_URL"]
    assert url == f"mqtt://{INGEST_USER}:mqtt-secret@broker:1884"
    assert f"user {INGEST_USER}\n" in ACL.read_text(encoding="utf-8")
    assert f"/mosquitto/data/passwords {INGEST_USER} " in json.dumps(services["broker"]["command"])


def test_a_proxy_before_compose_says_who_the_client_is() -> None:
    """One on the same machine, which comes through the gateway; another one by its setting."""
    done = compose_config(_PASSWORDS)
    content = yaml.safe_load(done.stdout)
    trusted = content["services"]["api"]["environment"]["JIERU_API_TRUSTED_PROXIES"]
    (network,) = content["networks"]["default"]["ipam"]["config"]
    assert ip_address(trusted) == next(ip_network(network["subnet"]).hosts())
    done = compose_config({**_PASSWORDS, "JIERU_API_TRUSTED_PROXIES": "192.0.2.0/24"})
    api = yaml.safe_load(done.stdout)["services"]["api"]
    assert api["environment"]["JIERU_API_TRUSTED_PROXIES"] == "192.0.2.0/24"


def test_compose_has_a_second_ingester_on_demand() -> None:
    """In the same group, with a name of its own that stays, and in all else like the first."""
    done = compose_config(
        {**_PASSWORDS, "JIERU_INGEST_GROUP": "jieru", "COMPOSE_PROFILES": "two-ingesters"}
    )
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)["services"]
    first, second = found["ingest"], found[_SECOND]
    assert second.pop("profiles") == ["two-ingesters"]
    names = [each["environment"].pop("JIERU_INGEST_CLIENT_ID") for each in (first, second)]
    assert names == ["jieru-ingest-1", "jieru-ingest-2"]
    assert first == second
    assert first["environment"]["JIERU_INGEST_GROUP"] == "jieru"


def test_compose_starts_one_ingester_without_a_group_by_default(services: dict[str, Any]) -> None:
    """The second is there for whoever asks for it, or not shown at all."""
    assert services["ingest"]["environment"]["JIERU_INGEST_GROUP"] == ""
    assert services.get(_SECOND, {"profiles": ["two-ingesters"]})["profiles"] == ["two-ingesters"]


def test_compose_lets_only_this_machine_in_by_default(services: dict[str, Any]) -> None:
    """Published ports are bound to loopback until somebody decides otherwise."""
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    for port in published:  # a text in the output of Compose 1, a mapping in that of Compose 2
        host = port.split(":")[0] if isinstance(port, str) else port["host_ip"]
        assert host == "127.0.0.1"


def test_compose_watches_every_service_that_stays(services: dict[str, Any]) -> None:
    """All but what ends by itself have a health check and come back after a failure."""
    for name, service in services.items():
        assert ("healthcheck" in service) == (name not in _ONCE), name
        assert ("restart" in service) == (name not in _ONCE), name


def test_compose_builds_our_services_from_our_dockerfile(services: dict[str, Any]) -> None:
    """The Dockerfile that compose names is there, and has the stage without the demonstration."""
    for name in _OURS:
        assert services[name]["image"] == "jieru"
        assert packages_of_image(services[name]["build"]) == "jieru"


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


def test_compose_gives_grafana_what_the_export_writes(services: dict[str, Any]) -> None:
    """The same folder in both containers, so that what the files say of themselves is true."""
    grafana, (*_command, folder) = services["grafana"], services["dashboards"]["command"]
    assert services["dashboards"]["command"][:2] == ["dashboards", "export"]
    assert ("dashboards", folder) in places(grafana) & places(services["dashboards"])
    settings = grafana["environment"]
    assert settings["GF_PATHS_PROVISIONING"] == f"{folder}/provisioning"
    home = PurePosixPath(settings["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    written = provisioning_files(
        Database.of_url(services["dashboards"]["environment"]["JIERU_DATABASE_URL"]),
        PurePosixPath(folder),
        disk_gb=1,
    )
    assert str(home.relative_to(folder)) in written
    (source,) = yaml.safe_load(written["provisioning/datasources/jieru.yaml"])["datasources"]
    assert source["url"] == "database:5432"
    assert f"install --directory --owner=jieru {folder}" in (
        (_ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    )


def test_compose_lets_grafana_log_in_with_the_password_that_the_migration_sets(
    services: dict[str, Any],
) -> None:
    """Under the name that the datasource's file takes it from."""
    assert services["grafana"]["environment"][PASSWORD_VARIABLE] == "auditor-secret"
    assert services["migrate"]["environment"][PASSWORD_VARIABLE] == "auditor-secret"


def test_compose_lets_nobody_look_at_grafana_without_a_name(services: dict[str, Any]) -> None:
    """Neither anonymously nor with an account of one's own making, and nothing is sent home."""
    settings = services["grafana"]["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert settings["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert settings["GF_SECURITY_ADMIN_PASSWORD"] == _PASSWORDS["JIERU_GRAFANA_PASSWORD"]
    assert settings["GF_ANALYTICS_REPORTING_ENABLED"] == "false"


def test_compose_takes_a_grafana_that_the_dashboards_can_be_pushed_to(
    services: dict[str, Any],
) -> None:
    """A release that is pinned, and new enough."""
    match = re.fullmatch(r"grafana/grafana:(\d+)\.(\d+)\.\d+", services["grafana"]["image"])
    assert match
    assert (int(match[1]), int(match[2])) >= OLDEST_GRAFANA


class TestDemonstration:
    """compose.demo.yaml on top: a simulation that fills every panel."""

    def test_is_a_simulation_for_good(self, demonstration: dict[str, Any]) -> None:
        """In the database, and at the ingester, which takes the year as it is played."""
        assert demonstration["migrate"]["command"] == ["migrate", "--simulation"]
        assert demonstration["ingest"]["environment"]["JIERU_INGEST_CLOCK"] == "event"

    def test_has_a_gateway_for_each_platform_of_the_city(
        self, demonstration: dict[str, Any]
    ) -> None:
        """With the password that the simulation logs in with; the sync would take them away."""
        scenario = load_scenario("small-city", today=date(2026, 1, 1))
        script = demonstration["gateways"]["command"][-1]
        named = re.search(r"for platform in (.+); do", script)
        assert named
        assert named[1].split() == [platform.code for platform in scenario.platforms]
        assert (
            demonstration["gateways"]["environment"]["JIERU_MQTT_PASSWORD"]
            == (_PASSWORDS["JIERU_MQTT_PASSWORD"])
        )
        assert demonstration["city"]["environment"]["JIERU_MQTT_URL"] == (
            "mqtt://{platform}:mqtt-secret@broker:1883"
        )
        sync = demonstration.get("broker-sync")  # Compose 2 leaves out what is not started
        assert sync is None or sync["profiles"] == ["evidence"]

    def test_plays_with_an_image_that_has_the_simulators(
        self, demonstration: dict[str, Any]
    ) -> None:
        """And under another name than the image that handles evidence, which lacks them."""
        city = demonstration["city"]
        assert packages_of_image(city["build"]) == "jieru[demo]"
        assert city["image"] not in {demonstration[name].get("image") for name in _OURS[2:]}

    def test_plays_the_script_that_is_tested(self, demonstration: dict[str, Any]) -> None:
        """After the gateways are let in and the ingester listens."""
        (mounted,) = places(demonstration["city"])
        assert mounted == (
            str(_ROOT / "deploy/demo-city.sh"),
            demonstration["city"]["entrypoint"][-1],
        )
        assert set(demonstration["city"]["depends_on"]) == {"gateways", "ingest"}


def packages_of_image(build: dict[str, str]) -> str:
    """What is installed in the stage of the Dockerfile that a service is built from."""
    text = (Path(build["context"]) / build["dockerfile"]).read_text(encoding="utf-8")
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    (stage,) = (each for each in stages if f" AS {build['target']}\n" in each)
    installed = re.search(r"pip install .* '?([^' ]+)'?$", stage, re.MULTILINE)
    assert installed
    return installed[1]


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


def test_compose_signs_counts_and_checkpoints_with_a_key_that_it_makes_once(
    services: dict[str, Any], tmp_path: Path
) -> None:
    """Only who makes it writes beside it; statements of both lie in one folder."""
    key = services["api"]["environment"]["JIERU_SIGNING_KEY_FILE"]
    folder = services["api"]["environment"]["JIERU_CHECKPOINT_DIR"]
    for name in ("api", "checkpoint"):
        assert services[name]["environment"]["JIERU_SIGNING_KEY_FILE"] == key
        assert services[name]["environment"]["JIERU_CHECKPOINT_DIR"] == folder
        assert {("signing", "/srv/signing"), ("checkpoints", folder)} <= places(services[name])
        assert "signing-key" in services[name]["depends_on"]
    for place in ("/srv/signing", folder):
        assert re.search(rf"--mode=700 .*{place}\b", (_ROOT / "deploy/Dockerfile").read_text())
    (script,) = services["signing-key"]["command"]
    assert key in script
    shown = [_run(script.replace("/srv/signing", str(tmp_path)), tmp_path) for _time in range(2)]
    made, again = (done.stdout.splitlines() for done in shown)
    assert (len(set(made)), again) == (1, made[-1:])
    assert made[0].startswith("Public key: ")


def test_compose_keeps_what_people_hand_in_on_a_volume_of_its_own(
    services: dict[str, Any],
) -> None:
    """Which the console alone writes, in a folder that the image makes for it."""
    folder = services["api"]["environment"]["JIERU_DOCUMENT_FOLDER"]
    assert ("documents", folder) in places(services["api"])
    others = [each for name, each in services.items() if name != "api" and "volumes" in each]
    assert all("documents" not in dict(places(each)) for each in others)
    made = rf"install .*--owner=jieru --mode=700 .*{folder}\b"
    assert re.search(made, (_ROOT / "deploy/Dockerfile").read_text())


@pytest.mark.parametrize("service", ["audit-verify", "checkpoint"])
@pytest.mark.parametrize(("code", "is_left"), [(0, False), (1, False), (2, True), (3, True)])
def test_what_compose_does_each_day_is_done_when_it_found_something(
    services: dict[str, Any], tmp_path: Path, service: str, code: int, *, is_left: bool
) -> None:
    """And begun again by the engine where it could not be done."""
    found = f"[ $1 = signals ] || exit {code}"  # signals are cases, and no finding of a check
    for name, text in {"jieru": found, "sleep": "kill -TERM $PPID"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    (script,) = services[service]["command"]
    script = script.replace("$$", "$").replace("touch /tmp", f"touch {tmp_path}")
    done = _run(script, tmp_path)
    assert (done.returncode > 0) is is_left
    assert (tmp_path / ("verified" if service == "audit-verify" else "written")).exists() is (
        not is_left
    )


def _run(script: str, first: Path) -> "subprocess.CompletedProcess[str]":
    """A container's script; programs are looked for there first."""
    path = f"{first}:{Path(jieru_path()).parent}:/usr/bin:/bin"
    return subprocess.run(
        ["/bin/sh", "-ec", script],
        env=clean_environment(language="en") | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


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
            # As in a container: whoever runs the tests may ignore SIGHUP, and that is inherited.
            ["/usr/bin/env", "--default-signal=HUP", shell, options, script],
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
