"""ThingsBoard's gateway, and its library by itself, report to a Mosquitto that bridges to us."""

import copy
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.interop.gateways.city import City, configuration
from tests.interop.gateways.kept import THINGSBOARD_GATEWAY, python_with
from tests.interop.gateways.own_broker import OwnBroker
from tests.support.debian_root import DebianRoot
from tests.support.fleet import Publisher, Sent, wait_until
from tests.support.processes import ENVIRONMENT, kill_tree, spawn
from tests.support.sources import declare_ready_made

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = pytest.mark.interop

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
# As the library's own examples have it; the topic is the library's, v1/gateway/telemetry.
_PROGRAM: Final = """\
import sys, time
from tb_gateway_mqtt import TBGatewayMqttClient

port, newest, first, last = map(int, sys.argv[1:])
gateway = TBGatewayMqttClient("127.0.0.1", port, "ACCESS_TOKEN", client_id="gateway")
gateway.connect()
while not gateway.is_connected():
    time.sleep(0.05)
for number in range(first, last):
    device = ("CNC-1", "CNC-2", "CNC-3")[number % 3]
    telemetry = {"ts": newest - number * 10_000, "values": {"rpm": 1480.5, "load": 71}}
    sent = gateway.gw_send_telemetry(device, telemetry)
    assert sent.get() == sent.TB_ERR_SUCCESS
    print("reported", number, flush=True)
time.sleep(600)
"""


@contextmanager
def _gateway(
    the_city: City, own_broker: OwnBroker, newest: int, numbers: range
) -> Iterator["Popen[bytes]"]:
    """A gateway that has reported the heartbeats of these numbers; killed at the end."""
    log = the_city.folder / f"gateway-{numbers.start}.log"
    python = python_with(f"thingsboard-gateway=={THINGSBOARD_GATEWAY}")
    arguments = map(str, (own_broker.port, newest, numbers.start, numbers.stop))
    process = spawn([str(python), "-c", _PROGRAM, *arguments], log=log)
    try:
        wait_until(
            lambda: f"reported {numbers.stop - 1}\n" in log.read_text(),
            f"all is reported (see {log})",
            timeout_s=120,
        )
        yield process
    finally:
        kill_tree(process)


@pytest.fixture
def bridged(the_city: City, own_broker: OwnBroker) -> str:
    """The configuration of the bridge, as we show it."""
    authority = own_broker.keep("city-ca.pem", the_city.authority.read_bytes())
    return configuration("mosquitto-bridge", the_city.publishing(ca_file=authority))


def test_the_librarys_topic_cannot_be_changed() -> None:
    """Where this ends, the guide has a simpler way to tell of."""
    python = python_with(f"thingsboard-gateway=={THINGSBOARD_GATEWAY}")
    look = (
        "import inspect, tb_gateway_mqtt as m; print(m.GATEWAY_TELEMETRY_TOPIC);"
        "print('topic' in inspect.signature(m.TBGatewayMqttClient.gw_send_telemetry).parameters)"
    )
    done = subprocess.run(
        [python, "-c", look], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["v1/gateway/telemetry", "False"]


def test_what_the_library_reports_is_stored_though_it_is_killed_and_the_city_away(
    the_city: City, own_broker: OwnBroker, bridged: str
) -> None:
    """The bridge gives what it reports the name of the source that reads it."""
    newest = time.time_ns() // 1_000_000
    sent = [Sent(_SERIALS[number % 3], newest - number * 10_000) for number in range(600)]
    declare_ready_made(the_city.connection, "thingsboard-gateway")
    own_broker.start(bridged)
    with the_city.ingesting():
        with _gateway(the_city, own_broker, newest, range(200)):
            the_city.wait_for(sent[:200])
        the_city.broker.stop()
        with _gateway(the_city, own_broker, newest, range(200, 400)):
            own_broker.save()
            own_broker.kill()
            own_broker.start(bridged)
        the_city.broker.start()
        with _gateway(the_city, own_broker, newest, range(400, 600)):
            the_city.wait_for(sent)
    assert the_city.refused() == []


# The gateway's own settings, but for its ThingsBoard, whose place the Mosquitto beside it takes.
_SETTINGS: Final[dict[str, Any]] = {
    "thingsboard": {
        "host": "127.0.0.1",
        "remoteShell": False,
        "remoteConfiguration": False,
        "qos": 1,
        "security": {"type": "accessToken", "accessToken": "ACCESS_TOKEN"},
    },
    "storage": {"type": "sqlite"},
    "connectors": [{"type": "mqtt", "name": "plant", "configuration": "plant.json"}],
}
_CONNECTOR: Final[dict[str, Any]] = {
    "broker": {
        "host": "127.0.0.1",
        "clientId": "plant",
        "version": 5,
        "cleanSession": False,
        "cleanStart": False,
        "sessionExpiryInterval": 86_400,
        "security": {"type": "anonymous"},
    },
    "mapping": [
        {
            "topicFilter": "sensor/+/data",
            "subscriptionQos": 1,
            "converter": {
                "type": "json",
                "deviceInfo": {
                    "deviceNameExpressionSource": "topic",
                    "deviceNameExpression": "(?<=sensor/)(.*?)(?=/data)",
                    "deviceProfileExpressionSource": "constant",
                    "deviceProfileExpression": "CNC",
                },
                "timeout": 60_000,
                "attributes": [],
                "timeseries": [{"type": "double", "key": "rpm", "value": "${rpm}"}],
            },
        }
    ],
}
_LOGS: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
    "root": {"level": "INFO", "handlers": ["console"]},
}
_NOTHING_BEYOND_THIS_MACHINE: Final = ("HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1")
"""At each start it asks its maker for updates, by a library that heeds these."""
_DAEMON: Final = "from thingsboard_gateway.tb_gateway import daemon; daemon()"


@contextmanager
def _service(the_city: City, *, beside: OwnBroker, plant: OwnBroker) -> Iterator["Popen[bytes]"]:
    """The complete gateway, which hears its machines; killed at the end."""
    folder, log = the_city.folder / "service", the_city.folder / "service.log"
    folder.mkdir(exist_ok=True)
    settings, connector = copy.deepcopy(_SETTINGS), copy.deepcopy(_CONNECTOR)
    settings["thingsboard"]["port"] = beside.port
    settings["storage"]["data_file_path"] = f"{folder}/"
    connector["broker"]["port"] = plant.port
    files = {"tb_gateway.json": settings, "plant.json": connector, "logs.json": _LOGS}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    said = log.read_text().count("subscription success") if log.exists() else 0
    python = python_with(f"thingsboard-gateway=={THINGSBOARD_GATEWAY}")
    # It writes logs where it stands.
    run = f"import os; os.chdir({str(folder)!r}); {_DAEMON}"
    environment = (f"TB_GW_CONFIG_DIR={folder}", *_NOTHING_BEYOND_THIS_MACHINE)
    process = spawn(["/usr/bin/env", *environment, str(python), "-c", run], log=log)
    try:
        wait_until(
            lambda: log.read_text().count("subscription success") > said,
            f"the gateway hears its machines (see {log})",
            timeout_s=90,
        )
        yield process
    finally:
        kill_tree(process)


@contextmanager
def _thingsboard(broker: OwnBroker) -> Iterator[list[str]]:
    """What stands for ThingsBoard: it says that there are no limits, and keeps what it is told."""
    told: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def heard(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        told.append(message.topic)
        if "/rpc/request/" in message.topic:
            answer = {"maxPayloadSize": 65_536, "maxInflightMessages": 100, "rateLimits": {}}
            topic = message.topic.replace("request", "response")
            client.publish(topic, json.dumps(answer), qos=1)

    client.on_message = heard
    client.connect("127.0.0.1", broker.port)
    client.subscribe("v1/#", qos=1)
    client.loop_start()
    try:
        yield told
    finally:
        client.disconnect()
        client.loop_stop()


def test_the_complete_gateway_reports_to_its_thingsboard_and_to_us(
    the_city: City, own_broker: OwnBroker, debian_root: DebianRoot
) -> None:
    """It is killed, and the city is away; ThingsBoard goes on hearing of it."""
    newest = time.time_ns() // 1_000_000
    sent = [Sent(_SERIALS[number % 3], newest - number * 10_000) for number in range(600)]
    declare_ready_made(the_city.connection, "thingsboard-gateway")
    with OwnBroker(debian_root) as plant, OwnBroker(debian_root) as thingsboard:
        plant.start("max_queued_messages 100000")
        thingsboard.start("")
        authority = own_broker.keep("city-ca.pem", the_city.authority.read_bytes())
        text = configuration("thingsboard-gateway", the_city.publishing(ca_file=authority))
        text = text.replace("thingsboard.example.cn:1883", f"127.0.0.1:{thingsboard.port}")
        with (
            the_city.ingesting(),
            _thingsboard(thingsboard) as told,
            closing(Publisher(plant.url)) as machines,
        ):
            own_broker.start(text)
            with _service(the_city, beside=own_broker, plant=plant):
                _measure(machines, sent[:200])
                the_city.wait_for(sent[:200])
            _measure(machines, sent[200:400])
            with _service(the_city, beside=own_broker, plant=plant):
                the_city.wait_for(sent[:400])
                the_city.broker.stop()
                _measure(machines, sent[400:])
                the_city.broker.start()
                the_city.wait_for(sent)
    assert the_city.refused() == []
    assert "v1/gateway/telemetry" in told


def _measure(machines: Publisher, heartbeats: list[Sent]) -> None:
    for each in heartbeats:
        payload = json.dumps({"ts": each.ts_ms, "rpm": 1480.5}).encode()
        machines.publish_raw(f"sensor/{each.serial}/data", payload)
        machines.sent.append(each)
    machines.wait_until_acknowledged()
