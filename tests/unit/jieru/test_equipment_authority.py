"""The authority that equipment trusts: what may be handed out, and what is said to equipment."""

from pathlib import Path

import pytest

from jieru.credentials.authority import read_authority
from jieru.credentials.ways_in import WaysIn
from jieru.errors import UserError
from jieru.settings import Settings
from tests.support.certificates import Authority


def test_a_file_with_a_key_is_refused(tmp_path: Path) -> None:
    """Whatever else is in it, and wherever the key stands."""
    server = Authority("Jieru").server()
    for content in (server.certificate + server.key, server.key):
        file = tmp_path / "ca.pem"
        file.write_bytes(content)
        with pytest.raises(UserError, match="私钥"):
            read_authority(file)


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    """An empty one, any text, half a certificate, far too much; one that is not there."""
    certificate = Authority("Jieru").certificate
    file = tmp_path / "ca.pem"
    for content in (b"", b"ca", certificate[:100], certificate + b"\n" * 300_000):
        file.write_bytes(content)
        with pytest.raises(UserError, match="不是 PEM 格式的证书"):
            read_authority(file)
    with pytest.raises(UserError, match="无法读取"):
        read_authority(tmp_path / "nothing.pem")
    with pytest.raises(UserError, match="无法读取"):
        read_authority(tmp_path)


def test_several_certificates_are_handed_out_and_nothing_besides(tmp_path: Path) -> None:
    """Such as a new authority beside the old one, with notes between."""
    old, new = Authority("Old").certificate, Authority("New").certificate
    file = tmp_path / "ca.pem"
    file.write_bytes(b"until May\n" + old + b"afterwards\n" + new)
    read = read_authority(file)
    assert read.pem == old + new
    assert [each.subject for each in read.certificates] == ["CN=Old", "CN=New"]


def test_programs_name_the_downloaded_certificate_where_there_is_one(tmp_path: Path) -> None:
    """And not a path of the server; without TLS none at all."""
    file = tmp_path / "authority.crt"
    file.write_bytes(Authority("Jieru").certificate)
    for url, with_authority, without in (
        ("mqtts://mqtt.example.cn", "ca.pem", ""),
        ("mqtt://mqtt.example.cn", "", ""),
    ):
        named = Settings(equipment_mqtt_url=url, equipment_ca_file=str(file))
        assert WaysIn.of_settings(named).publishing("alpha").ca_file == with_authority
        unnamed = Settings(equipment_mqtt_url=url)
        assert WaysIn.of_settings(unnamed).publishing("alpha").ca_file == without
    of_server = Settings(mqtt_url="mqtts://10.0.0.1", mqtt_ca_file="/etc/jieru/ca.crt")
    assert WaysIn.of_settings(of_server).broker.ca_file == "/etc/jieru/ca.crt"
    assert not WaysIn.of_settings(of_server).is_broker_named


@pytest.mark.parametrize("url", ["jieru.example.cn", "https://a.cn/", "https://a.cn/'x"])
def test_an_https_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    """Nor one that would end a literal of a program."""
    with pytest.raises(ValueError, match="equipment_https_url"):
        Settings(equipment_https_url=url)
