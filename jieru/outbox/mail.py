"""Mail by SMTP (RFC 5321), over TLS wherever it leaves the machine."""

import hashlib
import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from jieru.errors import UserError, WorldError
from jieru.outbox.html import html_of
from jieru.settings import Settings

__all__ = ["MailServer", "RefusedError", "Session", "mail_server_of", "message_id_of"]

_TIMEOUT_S: Final = 20.0
_PORTS: Final = {"smtp": 587, "smtps": 465}
_PERMANENT: Final = range(500, 600)


class RefusedError(Exception):
    """The server will never take this message for this recipient."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and under which sender."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_tls_from_the_start: bool
    sender: str
    """As in a From line."""
    ca_file: str = ""

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """A session for some messages.

        Raises:
            WorldError: the server is away, speaks no TLS, or does not know us.
        """
        try:
            client = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise WorldError(
                "The mail server {host}:{port} cannot be used: {reason}",
                host=self.host,
                port=self.port,
                reason=_said(error),
            ) from None
        try:
            yield Session(client, self.sender)
        finally:
            # It may be gone, or in the midst of a message: what counts was answered before.
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.is_tls_from_the_start:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=_TIMEOUT_S, context=context
            )
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            client.ehlo()
            if not self.is_tls_from_the_start and not _is_this_machine(self.host):
                client.starttls(context=context)
                client.ehlo()
            if self.user:
                client.login(self.user, self.password)
        except BaseException:
            client.close()
            raise
        return client


class Session:
    """A connection that takes messages, one after the other."""

    def __init__(self, client: smtplib.SMTP, sender: str) -> None:
        """Send through this client."""
        self._client = client
        self._sender = sender
        self.is_broken = False
        """Whether nothing more can be handed in through it."""

    def send(
        self, event_key: str, recipient: str, subject: str, body: str, *, leave_address: str = ""
    ) -> None:
        """Hand in one message.

        Args:
            event_key: gives the message its id, so that a second delivery is known for one.
            recipient: one address.
            subject: one line.
            body: plain text.
            leave_address: where one click ends messages of this kind (RFC 8058); a message with
                one is also written as HTML.

        Raises:
            RefusedError: it is refused for good.
            WorldError: it is not taken now.
        """
        try:
            message = _composed(self._sender, event_key, recipient, subject, body)
            if leave_address:
                message["List-Unsubscribe"] = f"<{leave_address}>"
                message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
                message.add_alternative(html_of(body), subtype="html", cte="base64")
            self._client.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _text in error.recipients.values()]
            raise _refusal(codes[0], error) from None
        except smtplib.SMTPResponseException as error:
            with suppress(OSError, smtplib.SMTPException):
                self._client.rset()
            raise _refusal(error.smtp_code, error) from None
        except (OSError, smtplib.SMTPException) as error:
            self.is_broken = True
            raise WorldError("The mail server broke off: {reason}", reason=_said(error)) from None
        except ValueError as error:  # an address that no header can hold
            raise RefusedError(str(error)) from None


def mail_server_of(settings: Settings) -> MailServer:
    """The mail server of these settings.

    Raises:
        UserError: none is named, or in a way that is no address.
    """
    if not settings.smtp_url or not settings.mail_from:
        raise UserError(
            "No mail can be sent: set JIERU_SMTP_URL, for instance to "
            "smtp://user:password@mail.example.cn:587, and JIERU_MAIL_FROM."
        )
    parts = urlsplit(settings.smtp_url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UserError("JIERU_SMTP_URL must begin with smtp:// or smtps:// and name a host.")
    if "@" not in parseaddr(settings.mail_from)[1]:
        raise UserError("JIERU_MAIL_FROM is no mail address.")
    return MailServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or "") or _password_in(settings.smtp_password_file),
        is_tls_from_the_start=parts.scheme == "smtps",
        sender=settings.mail_from,
        ca_file=settings.smtp_ca_file,
    )


def _password_in(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(
            "The file {path} named by JIERU_SMTP_PASSWORD_FILE cannot be read: {reason}",
            path=path,
            reason=error.strerror or str(error),
        ) from None


def message_id_of(event_key: str) -> str:
    """The same for the same event and recipient, however often it is sent."""
    return hashlib.sha256(event_key.encode()).hexdigest()[:40]


def _composed(sender: str, event_key: str, recipient: str, subject: str, body: str) -> EmailMessage:
    name, address = parseaddr(sender)
    message = EmailMessage()
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = subject
    message["Date"] = formatdate()
    domain = address.rpartition("@")[2]
    message["Message-ID"] = f"<{message_id_of(event_key)}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body, cte="base64")
    return message


def _is_this_machine(host: str) -> bool:
    """Whether nothing that is said to this host leaves the machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(code: int, error: Exception) -> Exception:
    if code in _PERMANENT:
        return RefusedError(_said(error))
    return WorldError("The mail server does not take it now: {reason}", reason=_said(error))


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
