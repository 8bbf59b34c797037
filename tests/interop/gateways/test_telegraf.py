"""Telegraf reads what a plant's machines publish, and sends it on by the configuration we show."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.interop.gateways.city import City, configuration
from tests.interop.gateways.kept import telegraf
from tests.interop.gateways.own_broker import OwnBroker
from tests.support.fleet import Publisher, Sent, stored_heartbeats, wait_until
from tests.support.processes import kill_tree, spawn
from tests.support.sources import declare_ready_made

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = pytest.mark.interop

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
_SENT: Final = 1_500
# What arrived and was not sent on stays unacknowledged in the plant's broker, so that a Telegraf
# which is killed loses nothing of it.
_INPUTS: Final = """\
[agent]
  interval = "1s"
  flush_interval = "1s"
  omit_hostname = true

[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["plant/+/spindle"]
  topic_tag = ""
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  max_undelivered_messages = 200
  data_format = "json"
  json_time_key = "at"
  json_time_format = "unix_ms"

  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "plant/+/spindle"
    tags = "_/serial/_"
"""


@pytest.fixture
def plant(own_broker: OwnBroker) -> Iterator[Publisher]:
    """The machines' side of a broker that keeps what Telegraf has not taken."""
    own_broker.start("max_queued_messages 100000")
    with closing(Publisher(own_broker.url)) as equipment:
        yield equipment


@contextmanager
def _telegraf(the_city: City, own_broker: OwnBroker, output: str) -> Iterator["Popen[bytes]"]:
    """Telegraf with one input of the test's own and the output that we show."""
    inputs, outputs = the_city.folder / "inputs.conf", the_city.folder / "jieru.conf"
    inputs.write_text(_INPUTS.format(port=own_broker.port), encoding="utf-8")
    outputs.write_text(output, encoding="utf-8")
    log = the_city.folder / "telegraf.log"
    connections = _connections(log)
    process = spawn([str(telegraf()), "--config", str(inputs), "--config", str(outputs)], log=log)
    try:
        wait_until(lambda: _connections(log) > connections, f"Telegraf is connected (see {log})")
        yield process
    finally:
        kill_tree(process)


def _connections(log: Path) -> int:
    """How often it has connected to the plant's broker."""
    return log.read_text().count("Connected [tcp://") if log.exists() else 0


def _heartbeats(count: int, spacing_ms: int) -> list[Sent]:
    now = time.time_ns() // 1_000_000_000 * 1_000
    return [Sent(_SERIALS[number % 3], now - number // 3 * spacing_ms) for number in range(count)]


def _measure(plant: Publisher, heartbeats: list[Sent]) -> None:
    """The machines publish a measurement each; acknowledged."""
    for each in heartbeats:
        payload = {"at": each.ts_ms, "rpm": 1480.5, "load": 71}
        plant.publish_raw(f"plant/{each.serial}/spindle", json.dumps(payload).encode())
        plant.sent.append(each)
    plant.wait_until_acknowledged()


def _wait_for_some(the_city: City, count: int) -> None:
    wait_until(
        lambda: len(stored_heartbeats(the_city.connection)) >= count,
        f"{count} are stored",
        timeout_s=60,
    )


def test_each_device_has_its_heartbeats_though_telegraf_is_killed_and_the_city_away(
    the_city: City, own_broker: OwnBroker, plant: Publisher
) -> None:
    """Each metric is a heartbeat on its device's own topic, with milliseconds."""
    output = configuration("telegraf-native", the_city.publishing())
    sent = _heartbeats(_SENT, spacing_ms=20_001)
    with the_city.ingesting():
        with _telegraf(the_city, own_broker, output) as process:
            _measure(plant, sent[:500])
            _wait_for_some(the_city, 100)
            kill_tree(process)
        _measure(plant, sent[500:1_000])
        with _telegraf(the_city, own_broker, output):
            _wait_for_some(the_city, 600)
            the_city.broker.stop()
            _measure(plant, sent[1_000:])
            the_city.broker.start()
            the_city.wait_for(sent)
    assert the_city.refused() == []


def test_batches_come_in_by_the_source_telegraf(
    the_city: City, own_broker: OwnBroker, plant: Publisher
) -> None:
    """Many devices in one message; Telegraf is killed, and the city is away."""
    declare_ready_made(the_city.connection, "telegraf")
    output = configuration("telegraf-source", the_city.publishing())
    sent = _heartbeats(_SENT, spacing_ms=20_000)
    with the_city.ingesting():
        with _telegraf(the_city, own_broker, output) as process:
            _measure(plant, sent[:500])
            _wait_for_some(the_city, 100)
            kill_tree(process)
        _measure(plant, sent[500:1_000])
        with _telegraf(the_city, own_broker, output):
            _wait_for_some(the_city, 600)
            the_city.broker.stop()
            _measure(plant, sent[1_000:])
            the_city.broker.start()
            the_city.wait_for(sent)
    assert the_city.refused() == []
    messages = the_city.messages()["telegraf"]
    assert isinstance(messages, int)
    assert messages < _SENT / 10
