"""Entries of audit and access log at a syslog server: each, in order, whoever was away."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from jieru.access_entries import AccessKind, write_access_entry
from jieru.audit import Actor, changing
from jieru.database import connect
from jieru.syslog.following import following_entries, send_new_entries
from jieru.syslog.sender import syslog_sender
from tests.support.fleet import wait_until
from tests.support.registry_builder import RegistryBuilder
from tests.support.syslog_server import Received, tcp_server, udp_server, unix_server

CHEN = Actor("user:chen", "203.0.113.7")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The database, one statement a transaction."""
    with connect(database_url, autocommit=True) as connection:
        yield connection


def change(connection: psycopg.Connection, *codes: str) -> None:
    """Enter a change in the audit for each code."""
    for code in codes:
        with changing(connection, CHEN):
            RegistryBuilder(connection).platform(code, level=None)


def note(connection: psycopg.Connection, *records: str) -> None:
    """Enter a read for each record."""
    for record in records:
        write_access_entry(
            connection, AccessKind.READ, actor=CHEN.name, origin=CHEN.origin, record=record
        )


def numbers(messages: list[Received], of: str) -> list[int]:
    """Which entries were sent."""
    return [int(each.data["number"]) for each in messages if each.id == of]


@pytest.fixture(params=["udp", "tcp", "unix"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[], AbstractContextManager[Any]]:
    """Makes a server of each sort."""
    makers: dict[str, Callable[[], AbstractContextManager[Any]]] = {
        "udp": udp_server,
        "tcp": tcp_server,
        "unix": lambda: unix_server(tmp_path / "log"),
    }
    return makers[request.param]


def test_what_is_entered_is_sent_as_the_standard_writes_it(
    connection: psycopg.Connection, server: Callable[[], AbstractContextManager[Any]]
) -> None:
    """With who, what, from where, and the hash by which a rewritten audit is found."""
    with server() as there:
        sender = syslog_sender(there.address)
        change(connection, "before")
        assert send_new_entries(connection, sender) == 0
        change(connection, "alpha")
        write_access_entry(
            connection, AccessKind.SIGN_IN_FAILED, actor=None, origin='a"]\\\n\x07莆', record=""
        )
        assert send_new_entries(connection, sender) == 2
        assert send_new_entries(connection, sender) == 0
        audit, access = there.wait_for(2)
    row = connection.execute(
        "SELECT number, changed_at, encode(hash, 'hex') FROM audit_entries"
        " ORDER BY number DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    assert (audit.priority, audit.id) == (13 * 8 + 5, "audit")
    assert datetime.fromisoformat(audit.at) == row[1]
    assert audit.host == socket.gethostname()
    assert audit.data == {
        "number": str(row[0]),
        "actor": "user:chen",
        "origin": "203.0.113.7",
        "action": "create",
        "recordKind": "platforms",
        "recordId": "2",
        "hash": row[2],
    }
    assert audit.text == "user:chen create platforms 2"
    assert (access.priority, access.id) == (10 * 8 + 4, "access")
    assert access.data["origin"] == 'a"]\\  莆'
    assert (access.data["kind"], access.data["actor"]) == ("sign_in_failed", "-")


def test_many_entries_are_sent_in_their_order(connection: psycopg.Connection) -> None:
    """Some hundreds at a time."""
    with tcp_server() as there:
        sender = syslog_sender(there.address)
        send_new_entries(connection, sender)
        connection.execute(
            "INSERT INTO access_entries (kind, origin, record)"
            " SELECT 'read', 'x', n::text FROM generate_series(1, 1234) AS n"
        )
        assert send_new_entries(connection, sender) == 1234
        received = there.wait_for(1234)
    assert [each.data["record"] for each in received] == [str(n) for n in range(1, 1235)]


def test_nothing_is_missed_while_the_server_is_away(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Its absence holds up no change, is said once, and what came meanwhile is sent afterwards."""
    with tcp_server() as there:
        address = there.address
    port = int(address.rpartition(":")[2])
    with capture_logs() as logs, following_entries(database_url, address, 365):

        def said(event: str) -> bool:
            return any(entry["event"] == event for entry in logs)

        def has_begun() -> bool:
            row = connection.execute("SELECT count(*) FROM syslog_cursors").fetchone()
            return row == (2,)

        wait_until(has_begun, "it follows")
        change(connection, "alpha", "beta")
        note(connection, "one")
        wait_until(lambda: said("syslog_away"), "its absence is said")
        change(connection, "gamma")
        with tcp_server(port) as back:
            received = back.wait_for(4)
            wait_until(lambda: said("syslog_back"), "its return is said")
            change(connection, "delta")
            received = back.wait_for(5)
        change(connection, "epsilon")
        with tcp_server(port) as again:
            received += again.wait_for(1)
    assert sorted(set(numbers(received, "audit"))) == [1, 2, 3, 4, 5]
    assert numbers(received, "access") == [1]
    assert sum(entry["event"] == "syslog_away" for entry in logs) <= 3


def test_a_server_that_breaks_off_is_sent_the_same_again(connection: psycopg.Connection) -> None:
    """What it may not have read is not counted as sent."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        sender = syslog_sender(f"tcp://127.0.0.1:{port}")
        send_new_entries(connection, sender)
        change(connection, "alpha")

        def break_off() -> None:
            taken, _address = listener.accept()
            # Closed with what was not read: the sender is told so by a reset.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            taken.recv(1)
            taken.close()

        thread = threading.Thread(target=break_off)
        thread.start()
        with pytest.raises(OSError, match=r"."):
            send_new_entries(connection, sender)
        thread.join()
    with tcp_server(port) as there:
        assert send_new_entries(connection, sender) == 1
        assert numbers(there.wait_for(1), "audit") == [1]


def test_a_server_that_goes_on_talking_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte it could otherwise keep the sender for ever."""
    monkeypatch.setattr("jieru.syslog.sender._PATIENCE_S", 0.5)
    was_left, pause = threading.Event(), threading.Event()

    def talk(listener: socket.socket) -> None:
        taken, _address = listener.accept()
        with taken:
            for _byte in range(200):
                try:
                    taken.sendall(b".")
                except OSError:
                    was_left.set()
                    return
                pause.wait(0.1)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=talk, args=(listener,))
        thread.start()
        syslog_sender(f"tcp://127.0.0.1:{listener.getsockname()[1]}").send([b"one"])
        thread.join(60)
    assert was_left.is_set()


def test_two_consoles_send_each_entry_once(
    database_url: str, connection: psycopg.Connection
) -> None:
    """While one sends, the other leaves it alone, and waits for nothing."""
    with udp_server() as there, connect(database_url, autocommit=True) as other:
        sender = syslog_sender(there.address)
        send_new_entries(connection, sender)
        change(connection, "alpha")
        with other.transaction():
            other.execute("SELECT FROM syslog_cursors FOR UPDATE")
            assert send_new_entries(connection, sender) == 0
        assert send_new_entries(connection, sender) == 1
        assert send_new_entries(other, sender) == 0
        assert numbers(there.wait_for(1), "audit") == [1]


def test_an_access_that_is_entered_late_is_not_passed_over(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Its number was given before that of one that is there already."""
    with tcp_server() as there, connect(database_url) as slow:
        sender = syslog_sender(there.address)
        send_new_entries(connection, sender)
        note(slow, "first")
        note(connection, "second", "third")
        assert send_new_entries(connection, sender) == 0
        slow.commit()
        assert send_new_entries(connection, sender) == 3
        assert [each.data["record"] for each in there.wait_for(3)] == ["first", "second", "third"]


def test_a_gap_that_stays_is_passed_after_some_seconds(connection: psycopg.Connection) -> None:
    """Of an entry that was taken back."""
    with tcp_server() as there:
        sender = syslog_sender(there.address)
        send_new_entries(connection, sender)
        with connection.transaction(force_rollback=True):
            note(connection, "taken back")
        connection.execute(
            "INSERT INTO access_entries (at, kind, origin, record)"
            " VALUES (now() - interval '11 seconds', 'read', 'x', 'after')"
        )
        assert send_new_entries(connection, sender) == 1
        assert there.wait_for(1)[0].data["record"] == "after"


def test_old_entries_go_by_the_same_thread(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Also where nothing is sent."""
    connection.execute(
        "INSERT INTO access_entries (at, kind, origin, record)"
        " VALUES (now() - interval '400 days', 'read', 'x', 'old'), (now(), 'read', 'x', 'new')"
    )

    def left() -> list[tuple[Any, ...]]:
        return connection.execute("SELECT record FROM access_entries").fetchall()

    with following_entries(database_url, "", 365):
        wait_until(lambda: left() == [("new",)], "the old entry is deleted")
    assert connection.execute("SELECT count(*) FROM syslog_cursors").fetchone() == (0,)
