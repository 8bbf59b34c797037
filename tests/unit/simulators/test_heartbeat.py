"""For which device a credential publishes."""

import pytest

from jieru.errors import UserError
from jieru.wire import DeviceAddress
from simulators.heartbeat import device_of


@pytest.mark.parametrize(
    ("username", "serial", "device"),
    [
        ("xielian", "CNC-01.a", DeviceAddress("xielian", "CNC-01.a")),
        ("xielian/CNC-01", None, DeviceAddress("xielian", "CNC-01")),
        ("xielian/CNC-01", "CNC-01", DeviceAddress("xielian", "CNC-01")),
    ],
)
def test_the_credential_names_the_platform(
    username: str, serial: str | None, device: DeviceAddress
) -> None:
    """A device's own names the device as well."""
    assert device_of(username, serial) == device


@pytest.mark.parametrize(
    ("username", "serial", "sentence"),
    [
        (None, "CNC-01", "names no credential"),
        ("_ingest", "CNC-01", "names no credential"),
        ("xielian/", None, "names no credential"),
        ("xielian/a/b", None, "names no credential"),
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
        device_of(username, serial)
    assert sentence in str(error.value)
