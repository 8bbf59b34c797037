"""Webhooks reach nothing inside."""

import ipaddress
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jieru.errors import UserError, WorldError
from jieru.outbox.mail import RefusedError
from jieru.outbox.sealing import NoticeKey, WebhookSecrets
from jieru.outbox.shapes import Shape
from jieru.outbox.webhooks import Webhooks, check_webhook

_NOW = datetime(2027, 3, 3, tzinfo=UTC)
_LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


def _send(webhooks: Webhooks, url: str) -> None:
    webhooks.send(Shape.STANDARD, url, "s", "id", "主题", "正文", now=_NOW)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "0.0.0.0"),  # noqa: S104
        *("100.64.0.1", "224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"),
        *("64:ff9b::a00:1", "2002:a00:1::", "255.255.255.255"),
    ],
)
def test_an_address_inside_is_refused_for_good(address: str) -> None:
    """Also as the second of two addresses of one name."""
    for found in ([address], ["8.8.8.8", address]):
        with pytest.raises(RefusedError):
            _send(Webhooks(resolve=lambda _host, _port, found=found: found), "https://r.example/")  # type: ignore[misc]


def test_a_name_outside_goes_over_tls() -> None:
    """What it says would be read on the way."""
    with pytest.raises(RefusedError):
        _send(Webhooks(resolve=lambda _host, _port: ["8.8.8.8"]), "http://r.example/")


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "https://u:p@a.example", "https://", "x", "https://a b"]
)
def test_what_is_no_address_of_a_webhook_is_not_taken(url: str) -> None:
    """Nor kept."""
    with pytest.raises(UserError):
        check_webhook(url)


class _Receiver(BaseHTTPRequestHandler):
    paths: list[str] = []  # noqa: RUF012 - of the test
    bodies: list[bytes] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.paths.append(self.path)
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/else")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args


@pytest.fixture
def port() -> Iterator[int]:
    """A receiver on this machine."""
    _Receiver.paths.clear()
    _Receiver.bodies.clear()
    with HTTPServer(("127.0.0.1", 0), _Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_name_is_resolved_once_and_the_connection_goes_there(port: int) -> None:
    """A name that means something else a moment later reaches nothing."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    _send(Webhooks(_LOOPBACK, resolve), f"http://r.example:{port}/hook?key=1")
    assert asked == ["r.example"]
    assert _Receiver.paths == ["/hook?key=1"]
    assert json.loads(_Receiver.bodies[0])["subject"] == "主题"


def test_no_redirect_is_followed(port: int) -> None:
    """It is an answer that failed."""
    with pytest.raises(WorldError):
        _send(Webhooks(_LOOPBACK), f"http://127.0.0.1:{port}/moved")
    assert _Receiver.paths == ["/moved"]


def test_a_sealed_webhook_opens_for_its_person_alone() -> None:
    """Moved to another one's row, it opens nothing."""
    key = NoticeKey(b"k" * 32)
    secrets = WebhookSecrets("https://r.example/?key=1", "s")
    sealed = key.sealed(1, secrets)
    assert key.opened(1, sealed) == secrets
    with pytest.raises(UserError):
        key.opened(2, sealed)
