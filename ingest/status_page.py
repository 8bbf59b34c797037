"""`/metrics` for Prometheus and `/healthz` for whoever restarts ingesters."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec
from prometheus_client import make_wsgi_app

from ingest.metrics import Metrics
from jieru.errors import UserError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["serve_status"]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: a scrape every few seconds is no news."""


@contextmanager
def serve_status(
    host: str, port: int, metrics: Metrics, health: Callable[[], dict[str, object]]
) -> Iterator[int]:
    """Answer on a thread of its own for as long as the block runs.

    Args:
        host: address to listen on.
        port: 0 for any free one.
        metrics: what `/metrics` shows.
        health: what `/healthz` shows; answered with 503 unless its `status` is `ok`.

    Yields:
        The port.

    Raises:
        UserError: the port is taken.
    """
    show_metrics = make_wsgi_app(metrics.registry)

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        page = answer_get({**environ, "REQUEST_METHOD": "GET"}, start_response)
        return () if environ["REQUEST_METHOD"] == "HEAD" else page

    def answer_get(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            page: Iterable[bytes] = show_metrics(environ, start_response)
            return page
        if path != "/healthz":
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"see /healthz and /metrics\n"]
        state = health()
        status = "200 OK" if state["status"] == "ok" else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [msgspec.json.encode(state)]

    try:
        server = make_server(host, port, answer, _Server, _QuietHandler)
    except OSError as error:
        raise UserError(
            "The ingester's status page cannot listen on {host}:{port} ({reason}); set another "
            "JIERU_INGEST_HTTP_PORT.",
            host=host,
            port=port,
            reason=error.strerror,
        ) from None
    with server:
        thread = threading.Thread(target=server.serve_forever, name="status page", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
