"""What the views for EMQX answer, for every form of username (docs/secure.md, "EMQX")."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from jieru.credentials.usernames import parse_username
from jieru.database import connect
from jieru.sparkplug.topics import SPARKPLUG_TOPIC_FILTERS, gateway_topics
from jieru.wrong_topics import WRONG_ENDINGS
from tests.support.credentials import issue_to, revoke
from tests.support.fleet import register_devices

_USERNAMES: Final = ("xielian", "xielian/via/hall-2", "xielian/own/cnc-1", "xielian/cnc-1")
"""A cloud's, a gateway's, a device's own, and a device's of earlier releases."""
_PERMISSIONS: Final = "SELECT permission, action, topic FROM broker_permissions WHERE username = %s"
_USERS: Final = "SELECT username, is_superuser FROM broker_users ORDER BY username"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A database with a platform that has a device."""
    with connect(database_url) as connection:
        register_devices(connection, ["cnc-1"])
        yield connection


@pytest.mark.parametrize("username", _USERNAMES)
def test_whoever_has_a_credential_may_publish_where_its_name_says_and_nothing_else(
    connection: psycopg.Connection, username: str
) -> None:
    """Its own topic, those of others' formats, and usual mistakes; none once revoked."""
    user = parse_username(username)
    assert user is not None
    others = [issue_to(connection, other) for other in _USERNAMES if other != username]
    issued = issue_to(connection, username)
    rows = connection.execute(_PERMISSIONS, (username,)).fetchall()
    topics = [user.topic("+")]
    if username != "xielian/cnc-1":  # which shares the cloud's topics
        topics += [f"jieru/v1/{username}/in/+", f"jieru/v1/{username}/in/+/+"]
    if username == "xielian":
        topics += [each.replace("+", "xielian", 1) for each in SPARKPLUG_TOPIC_FILTERS]
    if user.publisher.gateway:
        topics += gateway_topics("xielian", "hall-2")
    topics += [
        f"jieru/v1/{username}{part}{ending}" for part in ("/+/", "/") for ending in WRONG_ENDINGS
    ]
    assert sorted(rows) == sorted(("allow", "publish", topic) for topic in topics)
    revoke(connection, issued.id)
    assert connection.execute(_PERMISSIONS, (username,)).fetchall() == []
    left = sorted((other.username, False) for other in others)
    assert connection.execute(_USERS).fetchall() == left
