"""The ingester one would write in an afternoon: paho-mqtt, a list, executemany.

It acknowledges after commit, so it is as safe as ours for heartbeats; it keeps no presence, no
registry, no device states and no rejections. Run as a program with the settings of `jieru ingest`.
"""

import json
import os
from typing import Any

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from jieru.broker import BrokerAddress

__all__: list[str] = []

_BATCH = 1_000
_WINDOW = 20_000
_INSERT = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status, metrics)
    VALUES (%s, to_timestamp(%s / 1000.0), now(), %s, %s, %s) ON CONFLICT DO NOTHING
"""


def _main() -> None:
    connection = psycopg.connect(os.environ["JIERU_DATABASE_URL"])
    ids = {
        f"jieru/v1/{code}/{serial}/heartbeat": device_id
        for device_id, code, serial in connection.execute(
            "SELECT d.id, p.code, d.serial FROM devices d JOIN platforms p ON p.id = d.platform_id"
        )
    }
    connection.rollback()
    rows: list[tuple[object, ...]] = []
    packet_ids: list[int] = []

    def on_message(client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        beat = json.loads(message.payload)
        rows.append(
            (
                ids[message.topic],
                beat["ts"],
                beat.get("seq"),
                beat.get("status"),
                json.dumps(beat.get("metrics")),
            )
        )
        packet_ids.append(message.mid)
        if len(rows) == _BATCH:
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT, rows)
            connection.commit()
            for packet_id in packet_ids:
                client.ack(packet_id, 1)
            rows.clear()
            packet_ids.clear()

    def on_connect(client: paho.Client, *_rest: Any) -> None:  # noqa: ANN401 - paho's signature
        client.subscribe("jieru/v1/+/+/heartbeat", 1)

    address = BrokerAddress.of_url(os.environ["JIERU_MQTT_URL"])
    client = paho.Client(
        CallbackAPIVersion.VERSION2, "baseline", protocol=paho.MQTTv5, manual_ack=True
    )
    client.on_connect = on_connect
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = _WINDOW
    client.connect(address.host, address.port, properties=properties)
    client.loop_forever()


if __name__ == "__main__":
    _main()
