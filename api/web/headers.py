"""Headers that every answer carries."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SECURITY_HEADERS", "SecurityHeaders", "loggable_path"]

SECURITY_HEADERS: Final = {
    # Nothing inline, nothing from another address: a page of evidence loads only what we serve.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SECRET_ADDRESSES: Final = ("/confirm", "/challenge", "/notices/leave")
"""Beginnings of addresses in which a code may stand that is as good as a password: no page tells
such an address to another one, and no log has it."""
STRICT_TRANSPORT: Final = "max-age=31536000"
"""For a year this host is asked by TLS only. Said where TLS was spoken, with a proxy that we trust:
anywhere else browsers ignore it."""


def loggable_path(path: str) -> str:
    """An address as a log may have it: what stands behind a secret one is left out."""
    for beginning in SECRET_ADDRESSES:
        if path.startswith(f"{beginning}/"):
            return f"{beginning}/…"
    return path


class SecurityHeaders:
    """ASGI middleware: sets the headers above, and no-store where the answer says nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith(SECRET_ADDRESSES):
                    headers["Referrer-Policy"] = "no-referrer"
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = STRICT_TRANSPORT
                # A figure is only as good as the evidence of the moment it was asked for.
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
