"""Webhooks: to addresses that people entered, and so to nothing inside.

A name is resolved once and each of its addresses must be a public one; the connection goes to the
address that was looked at, so a name that means something else a moment later reaches nothing.
Redirects are answers that failed; an answer's size and the whole exchange's time are limited.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from jieru.errors import UserError, WorldError
from jieru.outbox.mail import RefusedError
from jieru.outbox.shapes import Post, Shape, is_taken, post_of

__all__ = ["Networks", "Webhooks", "check_webhook", "networks_of"]

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
_TIMEOUT_S: Final = 10.0
_LARGEST_ANSWER: Final = 16_384
_LONGEST_URL: Final = 2_000
_GONE: Final = frozenset({404, 410})
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_6TO4: Final = ipaddress.ip_network("2002::/16")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def networks_of(text: str) -> Networks:
    """Networks with commas between them.

    Raises:
        UserError: one of them is none.
    """
    try:
        return [ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip()]
    except ValueError as error:
        raise UserError(
            "JIERU_WEBHOOK_NETWORKS must list networks such as 10.20.0.0/16: {reason}",
            reason=str(error),
        ) from None


def check_webhook(url: str) -> str:
    """The host of an address that somebody enters.

    Raises:
        UserError: it is none that a webhook can have.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UserError("This is no address of a webhook.") from None
    is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= _LONGEST_URL
    if not is_plain or parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise UserError("The address of a webhook begins with https:// and names a host.")
    if parts.username is not None or parts.fragment:
        raise UserError("The address of a webhook has no user name and no fragment.")
    return parts.hostname


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_others, address in found]


@dataclass(slots=True)
class Webhooks:
    """Sends to webhooks."""

    networks: Networks = ()
    """Inside networks that may be reached none the less, also without TLS."""
    resolve: Callable[[str, int], Sequence[str]] = _resolved

    def send(
        self,
        shape: Shape,
        url: str,
        secret: str,
        message_id: str,
        subject: str,
        text: str,
        *,
        now: datetime,
    ) -> None:
        """Bring one message.

        Raises:
            RefusedError: this address will never take it.
            WorldError: it is not taken now.
        """
        try:
            check_webhook(url)
        except UserError as error:
            raise RefusedError(str(error)) from None
        post = post_of(shape, url, secret, message_id, subject, text, now)
        status, answer = self._exchanged(post)
        if status in _GONE:
            raise RefusedError(f"The webhook answered {status}")
        if not http.client.OK <= status < http.client.MULTIPLE_CHOICES:
            raise WorldError("The webhook answered {status}", status=status)
        if not is_taken(shape, answer):
            raise WorldError("The webhook did not take it: {answer}", answer=_shown(answer))

    def _exchanged(self, post: Post) -> tuple[int, bytes]:
        parts = urlsplit(post.url)
        host = parts.hostname or ""
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        address = self._reachable(host, port, is_tls=is_tls)
        client = _Pinned(host, port, address, is_tls=is_tls)
        # A receiver that sends a byte now and then would hold the follower for ever.
        clock = threading.Timer(_TIMEOUT_S, _end, (client,))
        clock.daemon = True
        clock.start()
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {**post.headers, "User-Agent": "jieru", "Connection": "close"}
            client.request("POST", target, body=post.body, headers=headers)
            answer = client.getresponse()
            return answer.status, answer.read(_LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise WorldError("The webhook cannot be reached: {reason}", reason=str(error)) from None
        finally:
            clock.cancel()
            client.close()

    def _reachable(self, host: str, port: int, *, is_tls: bool) -> str:
        """The address to connect to.

        Raises:
            RefusedError: the name means something inside, or goes without TLS.
            WorldError: the name cannot be resolved now.
        """
        try:
            found = [ipaddress.ip_address(each) for each in self.resolve(host, port)]
        except OSError as error:
            raise WorldError(
                "The webhook's name cannot be resolved: {reason}", reason=str(error)
            ) from None
        if not found:
            raise WorldError("The webhook's name cannot be resolved: {reason}", reason=host)
        for address in found:
            is_inside = any(address in network for network in self.networks)
            if not is_inside and not _is_public(address):
                raise RefusedError("The webhook's address is not a public one")
            if not is_inside and not is_tls:
                raise RefusedError("A webhook outside goes over https")
        return str(found[0])


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at, under the name that was asked for."""

    def __init__(self, host: str, port: int, address: str, *, is_tls: bool) -> None:
        super().__init__(host, port, timeout=_TIMEOUT_S)
        self._address = address
        self._context = ssl.create_default_context() if is_tls else None

    def connect(self) -> None:
        """Connect, without a look at any name."""
        sock = socket.create_connection((self._address, self.port), timeout=_TIMEOUT_S)
        if self._context is not None:
            try:
                sock = self._context.wrap_socket(sock, server_hostname=self.host)
            except BaseException:
                sock.close()
                raise
        self.sock = sock


def _end(client: http.client.HTTPConnection) -> None:
    """Let whoever waits for this connection wait no longer."""
    if client.sock is not None:
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)


def _is_public(address: _Address) -> bool:
    """Whether an address is one of the world's, also where another is written within it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is not None:
            return _is_public(inner)
        if address in _NAT64 or address in _6TO4 or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _shown(answer: bytes) -> str:
    return answer[:200].decode(errors="replace")
