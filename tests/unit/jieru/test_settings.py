"""Settings: from the environment, checked, each mistake one sentence."""

import json
import os
import re
from pathlib import Path
from typing import Final

import pytest

from jieru.errors import UserError
from jieru.settings import OTHER_NAMES, Settings, UnknownSetting, load_settings, unknown_settings
from tests.support.acting import acting_as
from tests.support.command import jieru

_ROOT: Final = Path(__file__).parents[3]
_PREFIXES: Final = {"JIERU_BROKER_", "JIERU_OIDC_"}
"""What messages and documents call several settings by."""
_EXAMPLES: Final = {"JIERU_DATABSE_URL"}
"""Misspelt on purpose in documents."""
_WHERE_NAMES_ARE: Final = (
    *("*.md", "*.sh", "*.yaml", "Makefile", "docs/**/*.md", "deploy/**/*"),
    *(f"{part}/**/*.py" for part in ("command", "api", "doctor", "dashboards", "ingest")),
    "simulators/**/*.py",
    *(f"{part}/**/*.py" for part in ("verifier", "registry", "archive", "jieru", "benchmarks")),
    "tests/support/**/*.py",
    "tests/conftest.py",
)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("JIERU_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is JIERU_ and its name."""
    monkeypatch.setenv("JIERU_DATABASE_URL", "postgresql://h/d")
    monkeypatch.setenv("JIERU_INGEST_BATCH_SIZE", "123")
    settings = load_settings()
    assert settings.require_database_url() == "postgresql://h/d"
    assert settings.ingest_batch_size == 123


def test_settings_come_from_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Named by JIERU_ENV_FILE; the environment wins over it."""
    path = tmp_path / "jieru.env"
    path.write_text("JIERU_MQTT_PROTOCOL=3.1.1\nJIERU_INGEST_GROUP=from-file\n")
    monkeypatch.setenv("JIERU_ENV_FILE", str(path))
    monkeypatch.setenv("JIERU_INGEST_GROUP", "from-environment")
    settings = load_settings()
    assert settings.mqtt_protocol == "3.1.1"
    assert settings.ingest_group == "from-environment"


def test_a_missing_database_is_said_with_an_example() -> None:
    """The sentence names the setting."""
    with pytest.raises(UserError, match="JIERU_DATABASE_URL"):
        load_settings().require_database_url()


def test_a_missing_env_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not silently ignored."""
    monkeypatch.setenv("JIERU_ENV_FILE", "/nowhere/jieru.env")
    with pytest.raises(UserError, match=r"/nowhere/jieru\.env"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("JIERU_INGEST_CLOCK", "sundial", "JIERU_INGEST_CLOCK"),
        ("JIERU_INGEST_BATCH_SIZE", "0", "JIERU_INGEST_BATCH_SIZE"),
        ("JIERU_INGEST_RECEIVE_MAXIMUM", "100", "twice JIERU_INGEST_BATCH_SIZE"),
        ("JIERU_INGEST_CLIENT_ID", "a b", "JIERU_INGEST_CLIENT_ID"),
        ("JIERU_API_TRUSTED_PROXIES", "10.0.0.1,proxy", "JIERU_API_TRUSTED_PROXIES"),
        ("JIERU_API_TRUSTED_PROXIES", "10.0.0.1/8", "JIERU_API_TRUSTED_PROXIES"),
        ("JIERU_OIDC_ISSUER", "http://idp.example", "JIERU_OIDC_ISSUER"),
        ("JIERU_OIDC_ISSUER", "https://idp.example", "JIERU_OIDC_CLIENT_ID"),
        ("JIERU_ACCESS_LOG_DAYS", "179", "JIERU_ACCESS_LOG_DAYS"),
        ("JIERU_TOTP_REQUIRED", "true", "JIERU_TOTP_KEY_FILE"),
        ("JIERU_SYSLOG", "/dev/log", "JIERU_SYSLOG"),
        ("JIERU_SYSLOG", "http://host:514", "JIERU_SYSLOG"),
        ("JIERU_SYSLOG", "udp://", "JIERU_SYSLOG"),
        ("JIERU_SYSLOG", "tcp://host:70000", "JIERU_SYSLOG"),
        ("JIERU_SYSLOG", "tcp://host:0", "JIERU_SYSLOG"),
    ],
)
def test_a_wrong_or_contradicting_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """One sentence, not a list of Pydantic errors."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as caught:
        load_settings()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_env_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As root's file, read by somebody else, and one that Windows wrote."""
    path = tmp_path / "jieru.env"
    path.write_bytes("# 莆田\nJIERU_INGEST_GROUP=a\n".encode("gbk"))
    monkeypatch.setenv("JIERU_ENV_FILE", str(path))
    with pytest.raises(UserError, match=r"jieru\.env .*cannot be read: it is not UTF-8 text"):
        load_settings()
    assert unknown_settings() == []
    path.write_text("JIERU_INGEST_GROUP=a\n", encoding="utf-8")
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest-", "popen-", "test_")):  # closed to others by pytest
            folder.chmod(0o755)
    with acting_as(65_534, 65_534) if os.geteuid() == 0 else acting_as(os.geteuid(), os.getegid()):
        with pytest.raises(UserError, match=r"jieru\.env .*cannot be read: Permission denied"):
            load_settings()
        assert unknown_settings() == []


def test_names_that_nobody_reads_are_found_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the environment and in the env file; what others read under our prefix is not one."""
    path = tmp_path / "jieru.env"
    path.write_text("JIERU_INGEST_GRUOP=a\nJIERU_API_PORT=1\nANOTHER=b\nJIERU_XYZZY=c\n")
    for name in ("JIERU_DATABSE_URL", "JIERU_TEST_DATABASE_URL", "JIERU_LANGUAGE"):
        monkeypatch.setenv(name, "zh")
    monkeypatch.setenv("JIERU_ENV_FILE", str(path))
    assert unknown_settings() == [
        UnknownSetting("JIERU_DATABSE_URL", None, "JIERU_DATABASE_URL"),
        UnknownSetting("JIERU_INGEST_GRUOP", str(path), "JIERU_INGEST_GROUP"),
        UnknownSetting("JIERU_XYZZY", str(path), None),
    ]


def test_every_name_under_our_prefix_is_known() -> None:
    """A setting, or in the list of those that somebody else reads; and the list holds no more."""
    read: set[str] = set()
    for pattern in _WHERE_NAMES_ARE:
        for path in _ROOT.glob(pattern):
            if path.is_file():
                text = path.read_text(encoding="utf-8", errors="ignore")
                read |= set(re.findall(r"JIERU_[A-Z0-9_]+", text))
    settings = {f"JIERU_{field.upper()}" for field in Settings.model_fields}
    assert read - settings - _PREFIXES - _EXAMPLES == set(OTHER_NAMES)


def test_every_command_warns_of_a_setting_that_nobody_reads() -> None:
    """In one sentence on standard error, and goes on."""
    done = jieru("count", "2026", databse_url="postgresql://h/d")
    warning, error = done.stderr.splitlines()
    assert warning == (
        "Warning: JIERU_DATABSE_URL (environment) is not a setting of Jieru and is ignored: "
        "did you mean JIERU_DATABASE_URL?"
    )
    assert error.startswith("Error: No database is named")


@pytest.mark.parametrize("command", ["ingest", "serve"])
def test_what_speaks_in_a_log_warns_there(command: str) -> None:
    """As an object like all others."""
    done = jieru(command, api_prot="1")
    logged = json.loads(done.stderr.splitlines()[0])
    assert (logged["event"], logged["level"]) == ("unknown_setting", "warning")
    assert (logged["name"], logged["meant"]) == ("JIERU_API_PROT", "JIERU_API_PORT")
