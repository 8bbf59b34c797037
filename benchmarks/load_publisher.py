"""A platform's gateway that publishes a fleet's heartbeats as fast as the broker takes them.

Run as a program: `python -m benchmarks.load_publisher MQTT_URL DEVICES ROUNDS SPACING_MS WINDOW`
connects, prints `ready`, waits for a line on standard input, publishes, and prints the seconds
until the broker had acknowledged the last message.
"""

import socket
import sys

import mqtt5

from benchmarks.replay import make_replay, read_packet, send_all
from jieru.broker import BrokerAddress

__all__: list[str] = []


def _publish(url: str, devices: int, rounds: int, spacing_ms: int, window: int) -> float:
    replay = make_replay(devices, rounds, spacing_ms, window)
    address = BrokerAddress.of_url(url)
    with socket.create_connection((address.host, address.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(
            mqtt5.ConnectPacket(
                "load-publisher",
                clean_start=True,
                username=address.username,
                password=None if address.password is None else address.password.encode(),
            ).write()
        )
        rest = bytearray()
        connack = read_packet(connection, rest)
        if not isinstance(connack, mqtt5.ConnAckPacket) or int(connack.reason_code) != 0:
            raise ConnectionError("the broker refused the connection")
        if connack.receive_max < window:
            raise ConnectionError(f"the broker takes {connack.receive_max} at a time at most")
        print("ready", flush=True)
        sys.stdin.readline()
        return send_all(connection, replay, rest)


if __name__ == "__main__":
    print(_publish(sys.argv[1], *map(int, sys.argv[2:6])), flush=True)
