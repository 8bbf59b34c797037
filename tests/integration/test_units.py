"""The systemd units that we ship, as far as that can be seen without a machine that boots them."""

import re
import shlex
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import click
import pytest
from psycopg.conninfo import conninfo_to_dict

from command import _jieru
from jieru.roles.grants import PROCESSES
from jieru.settings import Settings
from tests.support.debian_packages import ensure_debian_packages

_SHIPPED = Path(__file__).parents[2] / "deploy" / "systemd"
_PROGRAM = "/opt/jieru/bin/jieru"
_SERVICES = sorted(path.name for path in _SHIPPED.glob("*.service"))
_MOST_EXPOSED = 20
"""Tenths of what `systemd-analyze security` gives to a service at most: 2.0 is "OK"."""


def _instance(name: str) -> str:
    return name.replace("@.", "@3.")


def _analyze(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `systemd-analyze` on units in a folder, and on this machine's own beside them."""
    ensure_debian_packages("systemd", "tzdata")
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the units, whose program is one that is here."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(_SHIPPED, folder, dirs_exist_ok=True)
    for path in folder.glob("*.service"):
        path.write_text(path.read_text(encoding="utf-8").replace(_PROGRAM, sys.executable))
    return folder


def _read(name: str) -> dict[str, dict[str, list[str]]]:
    """Sections, settings and their values, which may stand several times."""
    sections: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in (_SHIPPED / name).read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif line and not line.startswith("#"):
            key, _equals, value = line.partition("=")
            sections.setdefault(section, {}).setdefault(key, []).append(value)
    return sections


def test_systemd_understands_every_unit(units: Path) -> None:
    """No unknown setting, no wrong value, no missing program."""
    names = [_instance(path.name) for path in units.iterdir() if path.is_file()]
    done = _analyze(units, "verify", "--man=no", *(n for n in names if not n.endswith(".env")))
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_says_what_it_does_not_understand(units: Path, tmp_path: Path) -> None:
    """So that the silence above means something."""
    text = (units / "jieru-api.service").read_text(encoding="utf-8")
    (tmp_path / "jieru-api.service").write_text(text.replace("RestartSec", "RestartSecond"))
    assert "RestartSecond" in _analyze(tmp_path, "verify", "--man=no", "jieru-api.service").stderr


@pytest.mark.parametrize("name", _SERVICES)
def test_each_service_is_shut_in(units: Path, name: str) -> None:
    """What they have in common reaches each of them, templates too."""
    options = ("--offline=yes", f"--threshold={_MOST_EXPOSED}", "--no-pager")
    done = _analyze(units, "security", *options, _instance(name))
    assert done.returncode == 0, done.stdout


def test_only_the_sync_of_the_broker_sees_other_processes() -> None:
    """It signals Mosquitto, which began as root: that is hidden even from the user it has become.

    A drop-in for all would win over a unit, so each says it for itself.
    """
    hidden = {name for name in _SERVICES if _read(name)["Service"].get("ProtectProc")}
    assert hidden == {*_SERVICES} - {"jieru-broker-sync.service"}
    assert "ProtectProc" not in _read("jieru-.service.d/common.conf")["Service"]


@pytest.mark.parametrize("name", _SERVICES)
def test_each_service_runs_a_command_that_there_is(name: str) -> None:
    """Subcommands and options are those of `jieru`."""
    (line,) = _read(name)["Service"]["ExecStart"]
    program, *words = shlex.split(line)
    assert program == _PROGRAM
    command: click.Command = _jieru
    context = click.Context(command)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(words) <= known


@pytest.mark.parametrize("name", _SERVICES)
def test_each_setting_is_one(name: str) -> None:
    """What units set is read, with a value that is accepted."""
    values = {}
    for word in _read(name)["Service"].get("Environment", []):
        key, _equals, value = word.partition("=")
        values[key.removeprefix("JIERU_").lower()] = value.replace("%i", "3")
    assert set(values) <= set(Settings.model_fields)
    Settings.model_validate(values)


_ROLES = {
    "jieru-api.service": ("jieru-api", "jieru_api"),
    "jieru-archive.service": ("jieru-archive", "jieru_archive"),
    "jieru-audit-verify.service": ("jieru-verifier", "jieru_verifier"),
    "jieru-broker-follow.service": ("mosquitto", "jieru_broker"),
    "jieru-broker-sync.service": ("mosquitto", "jieru_broker"),
    "jieru-challenge.service": ("jieru-api", "jieru_api"),
    "jieru-checkpoint.service": ("jieru-api", "jieru_api"),
    "jieru-drain@.service": ("jieru-ingest", "jieru_ingest"),
    "jieru-ingest-http.service": ("jieru-ingest", "jieru_ingest"),
    "jieru-ingest@.service": ("jieru-ingest", "jieru_ingest"),
    "jieru-signals.service": ("jieru-verifier", "jieru_verifier"),
    "jieru-notify.service": ("jieru-api", "jieru_api"),
    "jieru-sources.service": ("jieru-ingest", "jieru_ingest"),
    "jieru-verify-evidence.service": ("jieru-archive", "jieru_archive"),
}
"""Whose process each is, on this machine and in the database."""


def test_each_service_is_a_user_and_a_role_of_its_own() -> None:
    """None owns the tables or is a superuser, and none has a password of the database."""
    found = {}
    for name in _SERVICES:
        (user,) = _read(name)["Service"]["User"]
        (address,) = [
            word.partition("=")[2]
            for word in _read(name)["Service"]["Environment"]
            if word.startswith("JIERU_DATABASE_URL=")
        ]
        parts = conninfo_to_dict(address)
        assert "password" not in parts
        found[name] = (user, parts["user"])
    assert found == _ROLES
    assert {role for _user, role in found.values()} <= set(PROCESSES)


def test_postgresql_knows_each_service_by_its_user() -> None:
    """The map that we ship has all of them, and root for all commands; nobody else is the owner."""
    folder = _SHIPPED.parent / "postgresql"
    lines = (folder / "pg_ident.conf").read_text(encoding="utf-8").splitlines()
    known = [tuple(line.split()[1:]) for line in lines if not line.startswith("#")]
    everything = {("root", role) for role in ("jieru", *PROCESSES)}
    assert set(known) == everything | set(_ROLES.values())
    hba = (folder / "pg_hba.conf").read_text(encoding="utf-8").splitlines()[-1].split()
    assert hba == ["local", "jieru", ",".join(["jieru", *PROCESSES]), "peer", "map=jieru"]


def test_only_ingesters_are_shown_the_password_of_the_broker() -> None:
    """It is in a file of their own."""
    readers = {
        name
        for name in _SERVICES
        if "/etc/jieru/ingest.env" in _read(name)["Service"].get("EnvironmentFile", [])
    }
    assert readers == {
        "jieru-drain@.service",
        "jieru-ingest@.service",
        "jieru-sources.service",
    }
    common = (_SHIPPED / "jieru.env").read_text(encoding="utf-8")
    assert not re.search("^[^#].*PASSWORD", common, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["jieru.env", "ingest.env"])
def test_the_examples_of_settings_are_accepted(name: str) -> None:
    """With and without what is commented out."""
    text = (_SHIPPED / name).read_text(encoding="utf-8")
    for lines in (text, re.sub(r"^#(?=JIERU_)", "", text, flags=re.MULTILINE)):
        reader = RawConfigParser()
        reader.read_string(f"[all]\n{lines}")
        values = {key.removeprefix("jieru_"): value for key, value in reader["all"].items()}
        assert set(values) <= set(Settings.model_fields)
        Settings.model_validate(values)


def test_an_ingester_and_its_drain_are_the_same_client() -> None:
    """And exclude each other: one is stopped before the other starts."""
    ingest, drain = _read("jieru-ingest@.service"), _read("jieru-drain@.service")
    for key in ("Environment", "EnvironmentFile", "User", "TimeoutStopSec"):
        assert ingest["Service"][key] == drain["Service"][key]
    assert "JIERU_INGEST_CLIENT_ID=jieru-ingest-%i" in ingest["Service"]["Environment"]
    assert drain["Unit"]["Conflicts"] == drain["Unit"]["After"] == ["jieru-ingest@%i.service"]


@pytest.mark.parametrize("name", sorted(path.name for path in _SHIPPED.glob("*.timer")))
def test_each_timer_has_its_service(name: str) -> None:
    """Of the same name, which is what it starts."""
    assert "Unit" not in _read(name)["Timer"]
    assert _read(name.replace(".timer", ".service"))["Service"]["Type"] == ["oneshot"]
