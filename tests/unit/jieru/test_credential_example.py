"""The line that tries a new credential."""

import shlex

import pytest

from jieru.broker import BrokerAddress
from jieru.credentials.example import publish_line


def words(url: str, ca_file: str = "", username: str = "xielian/cnc-1") -> list[str]:
    """The line as a shell splits it."""
    return shlex.split(publish_line(BrokerAddress.of_url(url, ca_file), username, "secret"))


def test_a_device_publishes_on_its_own_topic() -> None:
    """With its username and its secret, at QoS 1."""
    assert " ".join(words("mqtt://broker.example")).startswith(
        "mosquitto_pub -h broker.example -p 1883 -u xielian/cnc-1 -P secret -q 1 "
        "-t jieru/v1/xielian/cnc-1/heartbeat -m "
    )


@pytest.mark.parametrize(
    ("username", "topic"),
    [
        ("xielian", "jieru/v1/xielian/SERIAL/heartbeat"),
        ("xielian/via/hall-2", "jieru/v1/xielian/via/hall-2/SERIAL/heartbeat"),
        ("xielian/own/cnc-1", "jieru/v1/xielian/own/cnc-1/heartbeat"),
    ],
)
def test_everybody_publishes_where_the_broker_lets_him(username: str, topic: str) -> None:
    """The platform's cloud, a gateway, and a device that publishes itself."""
    assert topic in words("mqtt://b.example", username=username)


@pytest.mark.parametrize(
    ("ca_file", "options"), [("", "--tls-use-os-certs"), ("ca.pem", "--cafile ca.pem")]
)
def test_tls_names_whom_to_trust(ca_file: str, options: str) -> None:
    """The machine's own authorities, or the one that the settings name."""
    assert options in " ".join(words("mqtts://broker.example", ca_file))


def test_a_name_and_password_of_ours_are_not_told() -> None:
    """The address in the settings holds the ingesters' password."""
    assert "ours" not in " ".join(words("mqtt://_ingest:ours@broker.example"))
