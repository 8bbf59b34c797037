"""An ingester's status page, for whoever scrapes it, restarts it or balances a load."""

import urllib.error
import urllib.request
from email.message import Message

import pytest

from ingest.metrics import Metrics
from ingest.status_page import serve_status


def _ask(address: str, method: str) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(address, method=method)  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.mark.parametrize("state", ["ok", "degraded"])
@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nowhere"])
def test_head_is_answered_as_get_without_the_body(path: str, state: str) -> None:
    """Load balancers ask so (finding B7)."""
    with serve_status("127.0.0.1", 0, Metrics(), lambda: {"status": state}) as port:
        wanted, headers, body = _ask(f"http://127.0.0.1:{port}{path}", "GET")
        status, others, nothing = _ask(f"http://127.0.0.1:{port}{path}", "HEAD")
    assert (status, others["Content-Type"]) == (wanted, headers["Content-Type"])
    assert body
    assert nothing == b""
