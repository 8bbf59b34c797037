"""`jieru requests`: the bureau answers at the command line what operators ask."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.audit import Actor, changing
from jieru.database import connect
from registry.connection_requests import Requested
from registry.connection_requests import connect as connect_enterprise
from tests.support.command import jieru
from tests.support.people import personal_key_file
from tests.support.registry_builder import RegistryBuilder

_STATUS: Final = "SELECT status, reason, connection_id IS NOT NULL FROM connection_requests"
_DECIDED_BY: Final = "SELECT decided_by FROM connection_requests"


@pytest.fixture
def requested(database_url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """Alpha asks for an enterprise of beta; the request's number."""
    with connect(database_url) as connection:
        city = RegistryBuilder(connection)
        city.platform("alpha")
        uscc = city.enterprise(1)
        city.connection(city.platform("beta"), uscc)
        said = {"platform": "alpha", "uscc": uscc, "from_date": "2026-03-01"}
        with changing(connection, Actor("user:chen", "command line")):
            made = connect_enterprise(connection, said, own_platform="alpha", by="user:chen")
        assert isinstance(made, Requested)
        connection.commit()
        yield connection, str(made.request_id)


def test_open_requests_are_listed(
    requested: tuple[psycopg.Connection, str], database_url: str
) -> None:
    """For people and for programs, with the enterprise's name."""
    _connection, number = requested
    shown = jieru("requests", "list", database_url=database_url)
    assert shown.returncode == 0, shown.stderr
    assert "第1鞋厂" in shown.stdout
    listed = jieru("requests", "list", "--json", database_url=database_url)
    (found,) = json.loads(listed.stdout)["requests"]
    assert (str(found["id"]), found["platform"], found["status"]) == (number, "alpha", "open")
    assert found["from_date"] == "2026-03-01"


@pytest.mark.parametrize(
    ("step", "status", "is_connected"),
    [("confirm", "confirmed", True), ("refuse", "refused", False)],
)
def test_a_request_is_decided_once(
    requested: tuple[psycopg.Connection, str],
    database_url: str,
    tmp_path: Path,
    step: str,
    status: str,
    is_connected: bool,
) -> None:
    """With a reason; it is no longer listed then."""
    connection, number = requested
    who = ("--key-file", str(personal_key_file(connection, tmp_path, "zheng")))
    without = jieru("requests", step, number, "--reason", " ", *who, database_url=database_url)
    assert (without.returncode, "Is empty" in without.stderr) == (1, True)
    done = jieru("requests", step, number, "--reason", "已核对", *who, database_url=database_url)
    assert done.returncode == 0, done.stderr
    assert connection.execute(_STATUS).fetchall() == [(status, "已核对", is_connected)]
    assert connection.execute(_DECIDED_BY).fetchall() == [("user:zheng",)]
    again = jieru("requests", step, number, "--reason", "已核对", *who, database_url=database_url)
    assert (again.returncode, "decided or withdrawn already" in again.stderr) == (1, True)
    rest = jieru("requests", "list", database_url=database_url)
    assert "No connection request waits." in rest.stdout
    everything = jieru("requests", "list", "--all", database_url=database_url)
    assert "第1鞋厂" in everything.stdout


def test_what_is_not_asked_is_not_confirmed(database_url: str, tmp_path: Path) -> None:
    """In one sentence."""
    with connect(database_url) as connection:
        who = ("--key-file", str(personal_key_file(connection, tmp_path, "zheng")))
    done = jieru("requests", "confirm", "99", "--reason", "已核对", *who, database_url=database_url)
    assert (done.returncode, done.stderr) == (1, "Error: There is no such record.\n")


def test_nobody_decides_without_saying_who(
    requested: tuple[psycopg.Connection, str], database_url: str
) -> None:
    """A name alone is believed on simulations only."""
    connection, number = requested
    for who in ((), ("--by", "zheng")):
        done = jieru(
            "requests", "confirm", number, "--reason", "已核对", *who, database_url=database_url
        )
        assert (done.returncode, "--key-file FILE" in done.stderr) == (1, True), done.stderr
    assert connection.execute(_STATUS).fetchall() == [("open", None, False)]
