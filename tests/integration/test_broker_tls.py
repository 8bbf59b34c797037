"""The listeners with TLS that we deploy, on a real Mosquitto with certificates made here."""

import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jieru.database import connect
from tests.support.certificates import Authority, Certificate
from tests.support.debian_root import DebianRoot
from tests.support.equipment import Equipment
from tests.support.fleet import ingester, register_devices, wait_until
from tests.support.messages import topic_of
from tests.support.mosquitto import MosquittoBroker

_GATEWAY, _DEVICE, _SISTER = "xielian", "xielian/cnc-1", "xielian/cnc-2"
_OWN, _SISTERS, _STRANGERS = topic_of("cnc-1"), topic_of("cnc-2"), topic_of("cnc-1", "other")
_LAST = topic_of("last")

_HEARTBEAT = '{"ts": 1772424000000}'
_COUNT = "SELECT count(*) FROM heartbeats"


@dataclass(frozen=True, slots=True)
class _Authorities:
    """Who signs what, and a folder for what clients need as files."""

    folder: Path
    servers: Authority = field(default_factory=lambda: Authority("Server CA"))
    equipment: Authority = field(default_factory=lambda: Authority("Equipment CA"))
    strangers: Authority = field(default_factory=lambda: Authority("Another CA"))

    @property
    def servers_file(self) -> Path:
        """Whom clients trust."""
        path = self.folder / "server-ca.pem"
        path.write_bytes(self.servers.certificate)
        return path

    def files(self) -> dict[str, bytes]:
        """What the listeners need."""
        server = self.servers.server()
        return {
            "server.pem": server.certificate,
            "server.key": server.key,
            "equipment-ca.pem": self.equipment.certificate,
            "equipment-crl.pem": self.equipment.revocations(),
        }

    def context(self, own: Certificate | None = None) -> ssl.SSLContext:
        """How a client trusts the broker, and what it shows of itself."""
        context = ssl.create_default_context(cafile=self.servers_file)
        if own is not None:
            path = self.folder / "own.pem"
            path.write_bytes(own.certificate + own.key)
            context.load_cert_chain(path)
        return context


@pytest.fixture
def authorities(tmp_path: Path) -> _Authorities:
    """Fresh authorities."""
    return _Authorities(tmp_path)


class TestServerCertificate:
    """listener-tls.conf: equipment signs in with its username and password."""

    @pytest.fixture
    def broker(
        self, debian_root: DebianRoot, authorities: _Authorities
    ) -> Iterator[MosquittoBroker]:
        """A broker with this listener."""
        with MosquittoBroker(
            debian_root, listener="listener-tls.conf", certificates=authorities.files()
        ) as broker:
            yield broker

    @pytest.mark.parametrize("protocol", ["5", "3.1.1"])
    def test_heartbeats_reach_the_database(
        self,
        broker: MosquittoBroker,
        authorities: _Authorities,
        database_url: str,
        tmp_path: Path,
        protocol: str,
    ) -> None:
        """Both ends by `mqtts://`; the ingester trusts the authority in JIERU_MQTT_CA_FILE."""
        broker.add_user(_DEVICE)
        log = tmp_path / "ingest.log"
        with (
            connect(database_url, autocommit=True) as connection,
            ingester(
                database_url,
                broker.tls_url(),
                log,
                mqtt_ca_file=str(authorities.servers_file),
                mqtt_protocol=protocol,
            ),
        ):
            register_devices(connection, ["cnc-1"])
            wait_until(lambda: '"subscribed"' in log.read_text(encoding="utf-8"), "it subscribed")
            with Equipment(broker.tls_url(_DEVICE), authorities.context()) as device:
                device.publish(_OWN, _HEARTBEAT)
            wait_until(lambda: connection.execute(_COUNT).fetchone() == (1,), "it is stored")

    def test_a_wrong_password_is_refused(
        self, broker: MosquittoBroker, authorities: _Authorities
    ) -> None:
        """TLS alone opens nothing."""
        broker.add_user(_DEVICE, "right")
        broker.remember(_DEVICE, "wrong")
        with Equipment(broker.tls_url(_DEVICE), authorities.context()) as device:
            assert device.refusal == "Not authorized"

    def test_a_new_server_certificate_needs_a_reload_and_no_restart(
        self, broker: MosquittoBroker, authorities: _Authorities
    ) -> None:
        """So it can be renewed while equipment stays connected."""
        broker.add_user(_DEVICE)
        broker.add_user(_SISTER)
        with Equipment(broker.tls_url(_DEVICE), authorities.context()) as before:
            renewed = _Authorities(authorities.folder)
            server = renewed.servers.server()
            broker.change_certificate("server.pem", server.certificate)
            broker.change_certificate("server.key", server.key)
            broker.reload()
            with Equipment(broker.tls_url(_SISTER), renewed.context()) as after:
                assert after.connections == 1
            before.publish(_OWN, "{}")
            assert before.connections == 1

    def test_an_ingester_trusts_no_server_of_another_authority(
        self, broker: MosquittoBroker, authorities: _Authorities, database_url: str, tmp_path: Path
    ) -> None:
        """It says so, and tells nobody its password."""
        log, trusted = tmp_path / "ingest.log", tmp_path / "another-ca.pem"
        trusted.write_bytes(authorities.strangers.certificate)
        with ingester(database_url, broker.tls_url(), log, mqtt_ca_file=str(trusted)):
            wait_until(
                lambda: "certificate verify failed" in log.read_text(encoding="utf-8"),
                "the ingester says why",
            )
        assert "u'_ingest'" not in broker.log.read_text(encoding="utf-8")


class TestClientCertificates:
    """listener-client-certificates.conf: the certificate's CN is the username."""

    @pytest.fixture
    def broker(
        self, debian_root: DebianRoot, authorities: _Authorities
    ) -> Iterator[MosquittoBroker]:
        """A broker with this listener."""
        with MosquittoBroker(
            debian_root,
            listener="listener-client-certificates.conf",
            certificates=authorities.files(),
        ) as broker:
            yield broker

    def equipment(
        self, broker: MosquittoBroker, authorities: _Authorities, own: Certificate | None
    ) -> AbstractContextManager[Equipment]:
        """A client that shows this certificate and no password."""
        return Equipment(broker.tls_url(None), authorities.context(own))

    def test_the_name_in_the_certificate_says_what_is_allowed(
        self, broker: MosquittoBroker, authorities: _Authorities
    ) -> None:
        """A gateway publishes for its devices, a device for itself, nobody for others."""
        with (
            Equipment(broker.url()) as reader,
            self.equipment(broker, authorities, authorities.equipment.client(_GATEWAY)) as gateway,
            self.equipment(broker, authorities, authorities.equipment.client(_DEVICE)) as device,
        ):
            reader.subscribe("jieru/v1/#")
            for topic in (_SISTERS, _STRANGERS, _OWN):
                device.publish(topic, "{}")
            for topic in (_STRANGERS, _SISTERS, _LAST):
                gateway.publish(topic, "{}")
            wait_until(lambda: _LAST in reader.received, "the last message is there")
            assert reader.received == [_OWN, _SISTERS, _LAST]

    def test_no_other_certificate_opens(
        self, broker: MosquittoBroker, authorities: _Authorities
    ) -> None:
        """None at all, another authority's, an expired one."""
        for own in (
            None,
            authorities.strangers.client(_DEVICE),
            authorities.equipment.client(_DEVICE, is_expired=True),
        ):
            with self.equipment(broker, authorities, own) as client:
                assert client.refusal
                assert not client.connections

    def test_a_reload_brings_the_revocations_and_ends_no_connection(
        self, broker: MosquittoBroker, authorities: _Authorities
    ) -> None:
        """A revoked certificate opens nothing from then on; the file alone changes nothing."""
        revoked = authorities.equipment.client(_DEVICE)
        sister = authorities.equipment.client(_SISTER)
        broker.change_certificate("equipment-crl.pem", authorities.equipment.revocations(revoked))
        with (
            self.equipment(broker, authorities, revoked) as before,
            self.equipment(broker, authorities, sister) as other,
        ):
            assert before.connections == 1
            broker.reload()
            with self.equipment(broker, authorities, revoked) as client:
                assert client.refusal
                assert not client.connections
            for each, topic in ((before, _OWN), (other, _SISTERS)):
                each.publish(topic, "{}")
                assert each.connections == 1

    def test_an_expired_list_of_revocations_refuses_everybody(
        self, broker: MosquittoBroker, authorities: _Authorities
    ) -> None:
        """Who is revoked by now cannot be known from it."""
        expired = authorities.equipment.revocations(is_expired=True)
        broker.change_certificate("equipment-crl.pem", expired)
        broker.reload()
        own = authorities.equipment.client(_DEVICE)
        with self.equipment(broker, authorities, own) as client:
            assert client.refusal
            assert not client.connections
