"""`jieru serve` as a process, and the server inside another one."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import httpx
import pytest
from fastapi import FastAPI

from api.access.delays import name_subject
from api.access.roles import Role
from api.server import serving
from jieru.database import connect
from jieru.errors import UserError
from jieru.schema import migrate
from tests.support.callers import bearer
from tests.support.command import clean_environment, jieru
from tests.support.processes import free_port
from tests.support.served import jieru_serve
from tests.support.timescaledb import TimescaleServer
from tests.support.visiting import PASSWORD, add_person, form_token_of

_START_S: Final = 60
_STOP_S: Final = 20


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_server_leaves_quietly_when_it_is_told_to(
    embedded_database_url: str, stop: signal.Signals
) -> None:
    """Exit code 0, one line for people, nothing in the log, and nobody at the port."""
    port = free_port()
    with jieru_serve(embedded_database_url, port) as process:
        process.send_signal(stop)
        output, errors = process.communicate(timeout=_STOP_S)
    assert process.returncode == 0
    assert output == f"The console is at http://127.0.0.1:{port} (Ctrl-C stops it).\n"
    assert errors == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/healthz")


def test_an_idle_browser_does_not_keep_the_server(embedded_database_url: str) -> None:
    """A connection that is kept open and says nothing is closed by the server."""
    port = free_port()
    with jieru_serve(embedded_database_url, port) as process, httpx.Client() as browser:
        browser.get(f"http://127.0.0.1:{port}/docs")
        process.terminate()
        process.communicate(timeout=_STOP_S)
        assert not browser.is_closed
    assert process.returncode == 0


def test_a_port_in_use_is_one_sentence(embedded_database_url: str) -> None:
    """It says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = jieru("serve", "--port", str(port), database_url=embedded_database_url)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: Port {port} is in use: stop what listens there, "
        "or choose another with --port or JIERU_API_PORT.\n"
    )


def test_an_address_of_another_machine_is_one_sentence(embedded_database_url: str) -> None:
    """203.0.113.0/24 is for documentation: nobody has it."""
    done = jieru(
        "serve", "--host", "203.0.113.7", "--port", "0", database_url=embedded_database_url
    )
    assert done.returncode == 1
    assert done.stderr == "Error: This machine has no address 203.0.113.7 to listen on.\n"


def test_a_database_without_our_schema_is_one_sentence(embedded_url: str) -> None:
    """Before anything is served."""
    done = jieru("serve", database_url=embedded_url)
    assert done.returncode == 1
    assert "jieru migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_at_the_start_is_one_sentence() -> None:
    """With the address, without the password."""
    done = jieru("serve", database_url="postgresql://jieru:secret@127.0.0.1:1/jieru")
    assert done.returncode == 3
    assert "127.0.0.1:1/jieru cannot be reached" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_goes_and_comes_back_is_a_503_for_the_time_being(
    own_timescale_server: TimescaleServer,
) -> None:
    """Never a 500; afterwards the first request is answered, with no restart of ours."""
    url = own_timescale_server.create_database()
    migrate(url)
    with connect(url) as connection:
        key = bearer(connection, Role.AUDITOR)
    port = free_port()
    with (
        jieru_serve(url, port) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=key, timeout=30) as client,
    ):
        assert client.get("/api/v1/counts/2026").status_code == 200
        own_timescale_server.kill()
        for path in ("/api/v1/counts/2025", "/counts/2025", "/healthz"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "Traceback" not in answer.text
        own_timescale_server.start()
        assert client.get("/api/v1/counts/2023").status_code == 200
        process.terminate()
        _output, errors = process.communicate(timeout=_STOP_S)
    assert process.returncode == 0
    assert {json.loads(line)["event"] for line in errors.splitlines()} <= {
        "database_away",
        "entries_not_followed",
    }


@pytest.mark.parametrize(
    ("trusted", "cookie", "subject"),
    [
        ("127.0.0.1", "__Host-jieru_session", "address:203.0.113.9"),
        ("127.0.0.0/8,10.0.0.1", "__Host-jieru_session", "address:203.0.113.9"),
        ("10.0.0.1", "jieru_session", "address:127.0.0.1"),
        ("", "jieru_session", "address:127.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_says_who_the_client_is_and_that_it_speaks_tls(
    embedded_database_url: str, trusted: str, cookie: str, subject: str
) -> None:
    """By what the cookie and the failures from an address are called."""
    with connect(embedded_database_url) as connection:
        add_person(connection, "lin")
    port = free_port()
    said = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    with jieru_serve(embedded_database_url, port, api_trusted_proxies=trusted):
        base = f"http://127.0.0.1:{port}"
        answers = []
        for password in ("wrong password", PASSWORD):
            page = httpx.get(f"{base}/sign-in", headers=said)
            # By hand: httpx itself sends no secure cookie to an address without TLS.
            form = dict(page.cookies.items())
            fields = {"name": "lin", "password": password, "form_token": form_token_of(page)}
            answers.append(httpx.post(f"{base}/sign-in", data=fields, cookies=form, headers=said))
    assert [answer.status_code for answer in answers] == [422, 303]
    assert cookie in answers[1].cookies
    is_secure = cookie.startswith("__Host-")
    assert ("strict-transport-security" in answers[1].headers) == is_secure
    assert any(
        ("Secure" in each) == is_secure
        for each in answers[1].headers.get_list("set-cookie")
        if "jieru_browser=" in each
    )
    with connect(embedded_database_url) as connection:
        subjects = connection.execute("SELECT subject FROM sign_in_failures").fetchall()
        assert set(subjects) == {(subject,), (name_subject("lin"),)}
        origin = subject.removeprefix("address:")
        assert connection.execute("SELECT origin FROM sessions").fetchall() == [(origin,)]


def slow_app(is_asked: threading.Event) -> FastAPI:
    """An application that takes half a second."""
    app = FastAPI()

    @app.get("/slow")
    def slow() -> str:
        is_asked.set()
        time.sleep(0.5)
        return "done"

    return app


def test_a_request_that_is_being_answered_gets_its_answer() -> None:
    """Though the server is told to stop meanwhile."""
    is_asked = threading.Event()
    answers: list[httpx.Response] = []
    with serving(slow_app(is_asked), "127.0.0.1", 0) as address:
        reader = threading.Thread(target=lambda: answers.append(httpx.get(f"{address}/slow")))
        reader.start()
        is_asked.wait(10)
    reader.join(10)
    assert [answer.json() for answer in answers] == ["done"]


def test_the_server_leaves_nothing_behind() -> None:
    """Neither a thread nor a listener, also after an exception."""
    addresses = []

    def interrupted() -> None:
        with serving(slow_app(threading.Event()), "127.0.0.1", 0) as address:
            addresses.append(address)
            assert httpx.get(f"{address}/openapi.json").status_code == 200
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(each.name == "api-server" for each in threading.enumerate())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{addresses[0]}/openapi.json")


def test_two_servers_cannot_have_one_port() -> None:
    """The second hears it at once."""
    app = slow_app(threading.Event())
    with serving(app, "127.0.0.1", 0) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(UserError, match=str(port)), serving(app, "127.0.0.1", port):
            pass


def test_an_address_of_version_6_is_written_as_one() -> None:
    """In brackets."""
    with serving(slow_app(threading.Event()), "::1", 0) as address:
        assert address.startswith("http://[::1]:")
        assert httpx.get(f"{address}/openapi.json").status_code == 200


def test_make_setup_is_named_where_the_assets_are_missing(
    embedded_database_url: str, tmp_path: Path
) -> None:
    """A checkout in which set-up did not run."""
    program = (
        "import api.console.assets as assets, pathlib, sys;"
        f"assets.Assets.__init__.__defaults__ = (pathlib.Path({str(tmp_path)!r}),);"
        "sys.argv = ['jieru', 'serve', '--port', '0'];"
        "from command import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment(database_url=embedded_database_url, language="en"),
        capture_output=True,
        text=True,
        timeout=_START_S,
        check=False,
    )
    assert done.returncode == 1
    assert "run `make setup` first" in done.stderr
