"""`python -m tests.stall.probing`: asks addresses for their health, in a process of its own.

So that nobody else's work holds it up. Beside each server it asks one of its own that does
nothing but answer (`control`): where that one was slow too, the machine was, and not `serve`.
Until its standard input ends it prints one JSON array per answer: name, start and end by the
machine's monotonic clock, and the status, 0 for none.
"""

import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

__all__ = ["CONTROL", "PROBE_PATIENCE_S"]

CONTROL: Final = "control"
PROBE_PATIENCE_S: Final = 12.0
_EVERY_S: Final = 0.25
_REQUEST: Final = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

_writing: Final = threading.Lock()


class _Control(BaseHTTPRequestHandler):
    """Answers at once."""

    def do_GET(self) -> None:
        """Nothing but 200."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _ask(port: int) -> int:
    with (
        suppress(OSError, ValueError, IndexError),
        socket.create_connection(("127.0.0.1", port), PROBE_PATIENCE_S) as connection,
    ):
        connection.sendall(_REQUEST)
        return int(connection.recv(4_096).split(b" ", 2)[1])
    return 0


def _probe(name: str, port: int, done: threading.Event) -> None:
    while not done.wait(_EVERY_S):
        began = time.monotonic()
        status = _ask(port)
        line = json.dumps([name, began, time.monotonic(), status]) + "\n"
        with _writing:
            sys.stdout.write(line)
            sys.stdout.flush()


def _main(ports: Sequence[str]) -> None:
    control = ThreadingHTTPServer(("127.0.0.1", 0), _Control)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    done = threading.Event()
    asked = [(f"serve {number}", int(port)) for number, port in enumerate(ports, 1)]
    threads = [
        threading.Thread(target=_probe, args=(name, port, done), daemon=True)
        for name, port in [*asked, (CONTROL, control.server_port)]
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    done.set()
    for thread in threads:
        thread.join(PROBE_PATIENCE_S)


if __name__ == "__main__":
    _main(sys.argv[1:])
