"""A real mail server on this machine, which keeps what it was given."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

__all__ = ["MailServerForTests", "mail_server"]


@dataclass(slots=True)
class MailServerForTests:
    """Takes mail for everybody but those whom it was told to refuse."""

    received: list[EmailMessage] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """By recipient, the answer instead of taking a message."""
    port: int = 0
    was_encrypted: list[bool] = field(default_factory=list)
    """Of each message, whether it came over TLS."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whether this recipient is taken."""
        del server, session, options
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a message."""
        del server
        content: Any = envelope.content
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"

    @property
    def url(self) -> str:
        """Its address, for the settings."""
        return f"smtp://127.0.0.1:{self.port}"

    def texts(self) -> list[str]:
        """What was written."""
        return [each.get_content() for each in self.received]


class _OnAnyPort(Controller):
    """The controller finds its server by the port that it asked for, and port 0 is any."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[MailServerForTests]:
    """A server that runs until the block ends.

    Args:
        tls: with it, whoever does not begin TLS (STARTTLS) is refused.
        port: 0: any.
    """
    server = MailServerForTests()
    controller = _OnAnyPort(
        server, "127.0.0.1", port, tls_context=tls, require_starttls=tls is not None
    )
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
