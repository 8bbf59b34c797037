"""Settings: from the environment, checked, each mistake one sentence."""

from pathlib import Path

import pytest

from jieru.errors import UserError
from jieru.settings import load_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JIERU_DATABASE_URL", "JIERU_ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
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
