"""Serving the API and its pages: uvicorn in a thread, so that the caller keeps its own signals."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from api.doors import Doors
from api.patience import USUAL_PATIENCE, Patience, patient_protocol
from api.web.stopping import Stopping
from jieru.errors import UserError

__all__ = ["serving"]

_BACKLOG: Final = 2048
_FINISH_REQUESTS_S: Final = 5
_INTERRUPTED_S: Final = 2
"""For how long requests that took longer are interrupted, and may say so."""
_INTERRUPT_EVERY_S: Final = 0.1
_STOP_TIMEOUT_S: Final = 5
"""After that. All together ends within a dozen seconds; units and containers give more."""


@contextmanager
def serving(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    trusted_proxies: str = "",
    patience: Patience = USUAL_PATIENCE,
    interrupt: Callable[[], None] = lambda: None,
    doors: Doors | None = None,
) -> Iterator[str]:
    """Serve until the block ends; requests that are being answered get some seconds to finish.

    Answers that go on for ever are told of the end by `api.web.stopping`.

    Args:
        app: the application.
        host: address or name to listen on.
        port: 0 takes any free one.
        trusted_proxies: addresses and networks, with commas between, whose word is taken for who
            the client is and whether it speaks TLS.
        patience: how long clients are waited for, and how many.
        interrupt: ends what requests are at that took longer than they may; called repeatedly.
        doors: counts connections, refused and ended ones by reason.

    Yields:
        The address of the first page, for instance `http://127.0.0.1:8000`.

    Raises:
        UserError: the address is taken or cannot be listened on.
    """
    listener = _listen(host, port)
    stopping = Stopping(app)
    with listener:
        server = uvicorn.Server(
            uvicorn.Config(
                stopping,
                lifespan="off",
                log_config=None,
                # What fails is logged once, by api.web.problems, in our own form.
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=True,
                forwarded_allow_ips=trusted_proxies,
                http=patient_protocol(patience, doors),
                ws="none",
                timeout_keep_alive=patience.idle_s,
                timeout_graceful_shutdown=_FINISH_REQUESTS_S + _INTERRUPTED_S,
            )
        )
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="api-server", daemon=True
        )
        thread.start()
        try:
            # The listener is open already: a browser that is quicker than uvicorn just waits.
            yield _address(host, listener.getsockname()[1])
        finally:
            server.should_exit = True
            stopping.begin()
            thread.join(_FINISH_REQUESTS_S)
            # A statement that begins after one was cancelled is cancelled too.
            interrupted_until = time.monotonic() + _INTERRUPTED_S
            while thread.is_alive() and time.monotonic() < interrupted_until:
                interrupt()
                thread.join(_INTERRUPT_EVERY_S)
            thread.join(_STOP_TIMEOUT_S)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise UserError("This machine has no address {host} to listen on.", host=host) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refusal(error, host, port) from None
    return listener


def _refusal(error: OSError, host: str, port: int) -> UserError:
    if error.errno == errno.EADDRINUSE:
        return UserError(
            "Port {port} is in use: stop what listens there, or choose another with --port or "
            "JIERU_API_PORT.",
            port=port,
        )
    if error.errno == errno.EACCES:
        return UserError(
            "Port {port} needs more rights than this user has: choose one above 1023.", port=port
        )
    return UserError("This machine has no address {host} to listen on.", host=host)


def _address(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
