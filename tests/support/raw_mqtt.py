"""MQTT 3.1.1 by hand, for what no client library lets one do."""

import socket
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["connect_packet", "let_in", "opened", "publish", "push", "subscribe"]

_TIMEOUT_S: Final = 30.0
_PIECE: Final = 65_536
_ACCEPTED: Final = b"\x20\x02\x00\x00"
_PACKET_ID: Final = b"\x00\x01"


def opened(url: str, *, timeout_s: float = _TIMEOUT_S) -> socket.socket:
    """A connection on which nothing was said yet.

    Raises:
        OSError: the broker is away.
    """
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 1883), timeout=timeout_s)


def connect_packet(url: str, client_id: str) -> bytes:
    """What asks to be let in, with the name and password of an address."""
    parts = urlsplit(url)
    texts = (client_id, unquote(parts.username or ""), unquote(parts.password or ""))
    body = _text("MQTT") + b"\x04\xc2\x00\x3c" + b"".join(map(_text, texts))
    return b"\x10" + _length(len(body)) + body


def let_in(url: str, client_id: str, *, timeout_s: float = _TIMEOUT_S) -> socket.socket:
    """A connection that the broker has accepted.

    Raises:
        OSError: the broker is away, or refuses.
    """
    plug = opened(url, timeout_s=timeout_s)
    try:
        plug.sendall(connect_packet(url, client_id))
        if (answer := plug.recv(4)) != _ACCEPTED:
            raise ConnectionRefusedError(f"the broker answers {answer.hex()}")
    except OSError:
        plug.close()
        raise
    return plug


def publish(plug: socket.socket, topic: str, payload: bytes) -> bool:
    """Publish at QoS 1 on any topic whatsoever; whether the broker acknowledges it.

    An acknowledgement is no permission. After False the connection is at its end.
    """
    body = _text(topic) + _PACKET_ID + payload
    return _answer(plug, b"\x32" + _length(len(body)) + body) == b"\x40\x02" + _PACKET_ID


def subscribe(plug: socket.socket, topic_filter: str) -> bool:
    """Subscribe at QoS 1; whether the broker agrees. After False the connection is at its end."""
    body = _PACKET_ID + _text(topic_filter) + b"\x01"
    return _answer(plug, b"\x82" + _length(len(body)) + body)[:4] == b"\x90\x03" + _PACKET_ID


def push(plug: socket.socket, topic: str, size: int) -> int:
    """Begin a publish of so many bytes, at QoS 0; how many got through."""
    sent = 0
    try:
        plug.sendall(b"\x30" + _length(size) + _text(topic))
        while sent < size:
            sent += plug.send(b"x" * min(_PIECE, size - sent))
    except OSError:
        pass
    return sent


def _answer(plug: socket.socket, packet: bytes) -> bytes:
    """What the broker says next; nothing when it hangs up."""
    try:
        plug.sendall(packet)
        return plug.recv(_PIECE)
    except ConnectionError:
        return b""


def _text(value: str) -> bytes:
    content = value.encode()
    return len(content).to_bytes(2, "big") + content


def _length(value: int) -> bytes:
    """A Remaining Length (MQTT 3.1.1, 2.2.3)."""
    digits = bytearray()
    while True:
        value, low = divmod(value, 128)
        digits.append(low | (0x80 if value else 0))
        if not value:
            return bytes(digits)
