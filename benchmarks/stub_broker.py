"""A broker that only replays, so that what is measured is the receiver and the database.

Run as a program: `python -m benchmarks.stub_broker DEVICES ROUNDS SPACING_MS WINDOW` prints its
port and, when everything is acknowledged, the seconds that took.
"""

import socket
import sys

import mqtt5

from benchmarks.replay import make_replay, read_packet, send_all

__all__: list[str] = []

_LISTEN_TIMEOUT_S = 60


def _serve(devices: int, rounds: int, spacing_ms: int, window: int) -> float:
    replay = make_replay(devices, rounds, spacing_ms, window)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_LISTEN_TIMEOUT_S)
        print(listener.getsockname()[1], flush=True)
        connection, _address = listener.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = bytearray()
        connect = read_packet(connection, rest)
        if not isinstance(connect, mqtt5.ConnectPacket) or connect.receive_max < window:
            raise ConnectionError(f"expected CONNECT with Receive Maximum of at least {window}")
        connection.sendall(mqtt5.ConnAckPacket(session_present=False).write())
        subscribe = read_packet(connection, rest)
        if not isinstance(subscribe, mqtt5.SubscribePacket):
            raise ConnectionError("expected SUBSCRIBE")
        granted = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
        connection.sendall(mqtt5.SubAckPacket(subscribe.packet_id, [granted]).write())
        return send_all(connection, replay, rest)


if __name__ == "__main__":
    print(_serve(*map(int, sys.argv[1:5])), flush=True)
