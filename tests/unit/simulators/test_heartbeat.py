"""For which device a credential publishes, and as whom."""

import pytest

from jieru.errors import UserError
from jieru.wire import CLOUD, ITSELF, DeviceAddress, Publisher, PublisherKind
from simulators.heartbeat import topic_of_user

_GATEWAY = Publisher(PublisherKind.GATEWAY, "gw-1")


@pytest.mark.parametrize(
    ("username", "serial", "publisher"),
    [
        ("xielian", "CNC-01", CLOUD),
        ("xielian/via/gw-1", "CNC-01", _GATEWAY),
        ("xielian/own/CNC-01", None, ITSELF),
        ("xielian/own/CNC-01", "CNC-01", ITSELF),
        ("xielian/CNC-01", None, CLOUD),
    ],
)
def test_the_credential_names_the_platform_and_who_publishes(
    username: str, serial: str | None, publisher: Publisher
) -> None:
    """A device's own names the device as well."""
    assert topic_of_user(username, serial) == (DeviceAddress("xielian", "CNC-01"), publisher)


@pytest.mark.parametrize(
    ("username", "serial", "sentence"),
    [
        (None, "CNC-01", "names no credential"),
        ("_ingest", "CNC-01", "names no credential"),
        ("xielian/", None, "names no credential"),
        ("xielian/a/b", None, "names no credential"),
        ("xielian/via", None, "names no credential"),
        ("xielian/own/CNC-01", "CNC-02", "of device CNC-01 alone"),
        ("xielian/via/gw-1", None, "with --serial"),
        ("xielian", "own", "own is no serial"),
        ("xielian/CNC-01", "CNC-02", "of device CNC-01 alone"),
        ("xielian", None, "with --serial"),
        ("xielian", "a b", "a b is no serial"),
        ("xielian", "a/b", "a/b is no serial"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    username: str | None, serial: str | None, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent, for a broker would drop it in silence."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    with pytest.raises(UserError) as error:
        topic_of_user(username, serial)
    assert sentence in str(error.value)
