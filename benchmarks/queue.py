"""For how long the database may be away before Mosquitto drops heartbeats, and what that takes.

Real Mosquitto with the settings that we deploy, and real payloads of several sizes: what a message
costs in memory and on disk while it waits; and, with a short queue, that drops begin where the
arithmetic says. The table then applies both to the deployed limits.
"""

import asyncio
import socket
import subprocess
import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import mqtt5
import psutil

from benchmarks.replay import Replay, read_packet, send_all
from benchmarks.results import print_table, save
from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.subscriber import Subscription
from jieru.broker import BrokerAddress
from jieru.wire import DeviceStatus, encode_payload
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.messages import NOON_MS, topic_of
from tests.support.mosquitto import MosquittoBroker, deployed_settings

__all__ = ["run"]

MESSAGES: Final = 200_000
SHORT_QUEUE: Final = 10_000
ARRIVALS_PER_S: Final = 2_000
TARGET_S: Final = 3_600
_PUBLISH_WINDOW: Final = 1_000
_PLATFORM: Final = "xielian"
_MONITOR: Final = "_monitor"
_DROPPED: Final = "$SYS/broker/publish/messages/dropped"
_GIVEN_TO_MOSQUITTO: Final = {"sys_interval": "1", "autosave_interval": "86400"}
"""What it says of itself is at most a second old, and it saves when told to."""

_METRICS: Final[dict[str, dict[str, object] | None]] = {
    "time alone": None,
    "two metrics": {"spindle_rpm": 1450, "temperature_c": 41.5},
    "ten metrics": {f"channel_{number:02}": 1000.5 + number for number in range(10)},
    "fifty metrics": {f"channel_{number:02}": 1000.5 + number for number in range(50)},
}


@dataclass(frozen=True, slots=True)
class _Cost:
    """What messages with one payload cost the broker."""

    name: str
    payload_bytes: int
    memory_bytes: float
    """A message."""
    disk_bytes: float
    save_s_per_million: float
    kept: int
    """Of a queue that has room for `SHORT_QUEUE`, by payload."""

    @property
    def capacity(self) -> int:
        """Messages that the deployed limits leave room for."""
        deployed = deployed_settings()
        by_payload = int(deployed["max_queued_bytes"]) // self.payload_bytes
        return min(int(deployed["max_queued_messages"]), by_payload)

    @property
    def seconds(self) -> float:
        """For how long that is enough."""
        return self.capacity / ARRIVALS_PER_S


def run(_server: DatabaseServer, root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    costs = [_measure(root, name, _payload(metrics)) for name, metrics in _METRICS.items()]
    print_table(
        f"Mosquitto's queue for one ingester at {ARRIVALS_PER_S:,} heartbeats/s",
        ("payload", "bytes", "memory", "disk", "kept", "room", "min", "GB", "save"),
        [
            (
                cost.name,
                str(cost.payload_bytes),
                f"{cost.memory_bytes:.0f}",
                f"{cost.disk_bytes:.0f}",
                f"{cost.kept:,}",
                f"{cost.capacity / 1e6:.1f} M",
                f"{cost.seconds / 60:.0f}",
                f"{cost.capacity * cost.memory_bytes / 1e9:.1f}",
                f"{cost.capacity * cost.save_s_per_million / 1e6:.0f} s",
            )
            for cost in costs
        ],
    )
    is_right = all(cost.kept == SHORT_QUEUE for cost in costs)
    is_long = all(cost.seconds >= TARGET_S for cost in costs if cost.payload_bytes <= 250)
    result: dict[str, object] = {
        "arrivals_per_s": ARRIVALS_PER_S,
        "payloads": [
            {
                "name": cost.name,
                "payload_bytes": cost.payload_bytes,
                "memory_bytes_per_message": round(cost.memory_bytes),
                "disk_bytes_per_message": round(cost.disk_bytes),
                "save_s_per_million": round(cost.save_s_per_million, 2),
                "kept_of_short_queue": cost.kept,
                "capacity_messages": cost.capacity,
                "seconds_until_drops": round(cost.seconds),
                "memory_gb_when_full": round(cost.capacity * cost.memory_bytes / 1e9, 2),
            }
            for cost in costs
        ],
        "is_within_target": is_right and is_long,
    }
    save("queue", result)
    return result


def _payload(metrics: dict[str, object] | None) -> bytes:
    if metrics is None:
        return encode_payload(NOON_MS)
    return encode_payload(NOON_MS, 1_000, DeviceStatus.RUNNING, metrics)


def _measure(root: DebianRoot, name: str, payload: bytes) -> _Cost:
    with MosquittoBroker(root, settings=_GIVEN_TO_MOSQUITTO) as broker:
        _leave_a_session(broker)
        before = _memory(broker)
        _publish(broker, payload, MESSAGES)
        memory = (_memory(broker) - before) / MESSAGES
        started = time.perf_counter()
        broker.save()
        save_s = time.perf_counter() - started
        disk = (broker.log.parent / "mosquitto.db").stat().st_size / MESSAGES
    return _Cost(
        name,
        len(payload),
        memory,
        disk,
        save_s * 1_000_000 / MESSAGES,
        _kept(root, payload, {"max_queued_bytes": str(SHORT_QUEUE * len(payload))}),
    )


def _kept(root: DebianRoot, payload: bytes, limits: Mapping[str, str]) -> int:
    """How many of twice `SHORT_QUEUE` messages a broker with these limits does not drop."""
    with MosquittoBroker(root, settings={**_GIVEN_TO_MOSQUITTO, **limits}) as broker:
        _leave_a_session(broker)
        broker.add_user(_MONITOR)
        _publish(broker, payload, 2 * SHORT_QUEUE)
        time.sleep(2)  # until it has said what it dropped
        said = subprocess.run(
            broker.client("mosquitto_sub", "-t", _DROPPED, "-C", "1", "-W", "10", user=_MONITOR),
            capture_output=True,
            text=True,
            check=True,
        )
    return 2 * SHORT_QUEUE - int(said.stdout)


def _leave_a_session(broker: MosquittoBroker) -> None:
    """Subscribe as an ingester does, and go away."""

    async def subscribe() -> None:
        subscriber = Mqtt5Subscriber(
            BrokerAddress.of_url(broker.url()), Subscription("jieru-ingest-1", "", 20_000, 86_400)
        )
        await subscriber.start()
        while not subscriber.is_connected:  # noqa: ASYNC110 - what is asked of every subscriber
            await asyncio.sleep(0.01)
        await subscriber.close()

    asyncio.run(subscribe())
    broker.add_user(_PLATFORM)


def _publish(broker: MosquittoBroker, payload: bytes, count: int) -> None:
    """Publish the same heartbeat so often; returns when the last one is acknowledged."""
    topic = topic_of("CNC-000001", _PLATFORM)
    packets = [
        mqtt5.PublishPacket(
            topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id
        ).write()
        for packet_id in range(1, _PUBLISH_WINDOW + 1)
    ]
    rounds = count // _PUBLISH_WINDOW
    ends = array("q", accumulate(len(packet) for packet in packets * rounds))
    replay = Replay(bytearray(b"".join(packets) * rounds), ends, _PUBLISH_WINDOW)
    address = BrokerAddress.of_url(broker.url(_PLATFORM))
    password = (address.password or "").encode()
    with socket.create_connection((address.host, address.port)) as connection:
        connection.sendall(
            mqtt5.ConnectPacket(
                "gateway", clean_start=True, username=address.username, password=password
            ).write()
        )
        rest = bytearray()
        connack = read_packet(connection, rest)
        if not isinstance(connack, mqtt5.ConnAckPacket) or int(connack.reason_code):
            raise ConnectionError("the broker refused the connection")
        send_all([connection], [replay])


def _memory(broker: MosquittoBroker) -> int:
    pid = (broker.log.parent / "broker.pid").read_text()
    return int(psutil.Process(int(pid)).memory_info().rss)
