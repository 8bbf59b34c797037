"""Names at the broker: to have one's client id or group must not be to have one's heartbeats."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.subscriber import Subscription
from jieru.broker import BrokerAddress
from jieru.wire import HEARTBEAT_TOPIC_FILTERS
from tests.attacks.book import Book
from tests.attacks.stage import VERSIONS, Stage, hostile_client, opened_stage
from tests.support.debian_root import DebianRoot
from tests.support.fleet import wait_until
from tests.support.ingester_status import said
from tests.support.mosquitto import MosquittoBroker
from tests.support.plain_names import PLAIN_NAMES

_CLIENT = "jieru-ingest-1"
_GROUP = "jieru"
_IT_RAN = """
    INSERT INTO ingest_hours (hour, platform_id, ingester, heartbeats, late)
    SELECT date_trunc('hour', now()), id, %s, 1, 0 FROM platforms LIMIT 1
"""


def _come_while_it_is_away(stage: Stage, protocol: str) -> None:
    with stage.ingester(mqtt_protocol=protocol) as process:
        stage.wait_until_subscribed()
        process.terminate()
        assert process.wait(60) == 0
    stage.publish(300)
    for version in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
        with hostile_client(stage.credential(), _CLIENT, version=version):
            pass
    with stage.ingester(mqtt_protocol=protocol):
        stage.settle(
            f"client id, ingester away ({protocol})",
            "to begin the ingester's session anew",
            seen="nobody need: it has no effect",
        )


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_client_id_that_is_known_takes_no_session(stage: Stage, protocol: str) -> None:
    """An ingester is away for an upgrade, and somebody comes under its name (finding S1)."""
    _come_while_it_is_away(stage, protocol)


def test_a_client_id_that_is_known_does_not_disturb(stage: Stage) -> None:
    """Twenty connections under the ingester's and the gateway's names (finding S1)."""
    gateway_name = stage.gateway._client._client_id.decode()
    with stage.ingester():
        stage.wait_until_subscribed()
        for _ in range(10):
            stage.publish(30)
            for name in (_CLIENT, gateway_name):
                with hostile_client(stage.credential(), name):
                    pass
        stage.settle(
            "client id, ingester there",
            "to end the connections of ingester and gateway",
            seen="nobody need: it has no effect",
        )
        assert len(said(stage.log, "subscribed")) == 1
        assert stage.health()["session"] == "ok"


def _join_the_group(stage: Stage, folder: Path, *, is_clean: bool) -> None:
    filters = [
        f"{group}{each}"
        for group in ("", f"$share/{_GROUP}/", "$share/other/")
        for each in (*HEARTBEAT_TOPIC_FILTERS, "#")
    ]
    logs = [folder / f"ingest-{number}.log" for number in (1, 2)]
    with ExitStack() as stack:
        for number, log in enumerate(logs, 1):
            stack.enter_context(
                stage.ingester(log, ingest_client_id=f"jieru-ingest-{number}", ingest_group=_GROUP)
            )
            stage.wait_until_subscribed(log)
        for number in range(9):
            client = stack.enter_context(
                hostile_client(stage.credential(f"x-{number}"), f"spy-{number}", is_clean=is_clean)
            )
            for each in (*filters, "$SYS/#"):
                client.subscribe(each, qos=1)
        stage.publish(300)
        stage.settle(
            f"group ({'clean' if is_clean else 'persistent'} sessions)",
            "to be given the ingesters' share",
            seen="nobody need: it has no effect",
        )


@pytest.mark.parametrize(
    "is_clean",
    [
        pytest.param(True, id="clean"),
        pytest.param(False, id="persistent", marks=pytest.mark.nightly),
    ],
)
def test_a_group_that_is_known_takes_no_share(
    stage: Stage, tmp_path: Path, *, is_clean: bool
) -> None:
    """Nine clients in the group of the settings, and on every filter there is (finding S2)."""
    _join_the_group(stage, tmp_path, is_clean=is_clean)


@pytest.fixture
def unprotected(debian_root: DebianRoot, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Ingesters under the names of the settings, and a broker that binds no client id."""
    with (
        MosquittoBroker(debian_root, without="use_username_as_clientid") as broker,
        opened_stage(
            database_url, broker, tmp_path, book=Book(), prelude=PLAIN_NAMES, patience_s=5.0
        ) as stage,
    ):
        yield stage


def test_a_client_id_that_is_known_takes_everything_where_nothing_protects_it(
    unprotected: Stage,
) -> None:
    """The same attack, so that it is known to be one: the books miss all that waited."""
    with pytest.raises(AssertionError, match="300 of 300 are lost"):
        _come_while_it_is_away(unprotected, "5")


@pytest.mark.nightly
def test_a_group_that_is_known_takes_nearly_everything_where_nothing_protects_it(
    unprotected: Stage, tmp_path: Path
) -> None:
    """The same attack: nine of eleven shares, or about that, go nowhere."""
    with pytest.raises(AssertionError, match="are lost"):
        _join_the_group(unprotected, tmp_path, is_clean=True)
    (attack,) = unprotected.book.attacks
    assert attack.lost > attack.published / 2


@pytest.mark.parametrize(
    ("protocol", "group"),
    [
        pytest.param("5", "", id="MQTT 5"),
        pytest.param("3.1.1", "", id="MQTT 3.1.1", marks=pytest.mark.nightly),
        pytest.param("5", _GROUP, id="MQTT 5 in a group", marks=pytest.mark.nightly),
    ],
)
async def test_what_waits_under_the_plain_name_is_taken_first(
    stage: Stage, protocol: str, group: str
) -> None:
    """An upgrade from the release whose names could be guessed loses nothing."""
    stage.connection.execute(_IT_RAN, (_CLIENT,))
    stage.connection.commit()
    subscription = Subscription(_CLIENT, group, receive_maximum=100, session_expiry_s=3_600)
    address = BrokerAddress.of_url(stage.broker.url())
    before = (Mqtt5Subscriber if protocol == "5" else Mqtt311Subscriber)(address, subscription)
    await before.start()
    await asyncio.to_thread(wait_until, lambda: before.is_connected, "the old one is subscribed")
    await before.close()
    await asyncio.to_thread(stage.publish, 300)
    settings = {"mqtt_protocol": protocol, "ingest_group": group}
    with stage.ingester(None, **settings):
        await asyncio.to_thread(stage.wait_until_subscribed)
        await asyncio.to_thread(stage.publish, 50)
        await asyncio.to_thread(
            stage.settle,
            f"upgrade ({protocol}, {'group ' + group if group else 'alone'})",
            "nothing: it is our own",
            seen="log: plain_session_ended",
        )
        await asyncio.to_thread(
            wait_until, lambda: bool(said(stage.log, "plain_session_ended")), "the old one is ended"
        )
    first = said(stage.log, "subscribed")
    assert first
    with stage.ingester(stage.log.with_name("again.log"), **settings):
        await asyncio.to_thread(stage.wait_until_subscribed, stage.log.with_name("again.log"))
    assert not said(stage.log.with_name("again.log"), "draining")


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_session_that_the_broker_lost_is_said_loudly(stage: Stage, protocol: str) -> None:
    """What was acknowledged meanwhile may be gone, and nothing else would tell."""
    with stage.ingester(mqtt_protocol=protocol):
        stage.wait_until_subscribed()
        stage.publish(20)
        stage.settle(
            f"broker forgets ({protocol})",
            "a broker that is put up anew without its files",
            seen="log: session_lost; metric; /healthz; alert",
        )
        stage.broker.kill()
        stage.broker.forget_sessions()
        stage.broker.start()
        wait_until(lambda: bool(said(stage.log, "session_lost")), "it says so")
        (entry,) = said(stage.log, "session_lost")
        assert entry["level"] == "error"
        assert stage.health()["session"] == "lost"
        assert stage.health()["status"] == "degraded"
        wait_until(
            lambda: stage.metrics()['jieru_ingest_session_troubles{trouble="lost"}'] == 1,
            "a metric counts it",
        )


@pytest.mark.parametrize("protocol", VERSIONS)
def test_two_ingesters_under_one_name_are_told_which_setting_to_change(
    stage: Stage, tmp_path: Path, protocol: str
) -> None:
    """They take each other's place, less and less often, and lose nothing (finding B8)."""
    other = tmp_path / "other.log"
    with stage.ingester(mqtt_protocol=protocol):
        stage.wait_until_subscribed()
        with stage.ingester(other, mqtt_protocol=protocol):
            wait_until(
                lambda: bool(
                    said(stage.log, "session_taken_over") + said(other, "session_taken_over")
                ),
                "one of them says so",
                timeout_s=60,
            )
            stage.publish(100)
        (entry, *_more) = said(stage.log, "session_taken_over") + said(other, "session_taken_over")
        assert entry["level"] == "error"
        assert "JIERU_INGEST_CLIENT_ID" in entry["advice"]
        stage.settle(
            f"one name for two ({protocol})",
            "a second ingester with the settings of the first",
            seen="log: session_taken_over; metric; /healthz; alert",
        )
