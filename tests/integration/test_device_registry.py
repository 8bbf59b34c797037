"""The devices an ingester holds in memory, kept fresh by the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from ingest.decode import Origin
from ingest.registry import DeviceRegistry
from jieru.audit import Actor, changing
from jieru.publishers import CLOUD_ID, ITSELF_ID
from jieru.wire import (
    CLOUD,
    ITSELF,
    DeviceAddress,
    Publisher,
    PublisherKind,
    heartbeat_topic,
)
from tests.support.credentials import register_gateway
from tests.support.fleet import register_devices
from tests.support.messages import topic_of


@pytest.fixture
def connection(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with one device."""
    with psycopg.connect(embedded_database_url) as connection:
        register_devices(connection, ["first"])
        yield connection


@asynccontextmanager
async def _following(url: str) -> AsyncIterator[DeviceRegistry]:
    registry = DeviceRegistry(url)
    task = asyncio.create_task(registry.follow())
    try:
        await _becomes_true(lambda: topic_of("first") in registry.origins)
        yield registry
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await registry.close()


async def _becomes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what the database does has no event here
            await asyncio.sleep(0.01)


async def test_a_new_device_is_announced(
    embedded_database_url: str, connection: psycopg.Connection
) -> None:
    """Its registration says in the database that there is something new."""
    async with _following(embedded_database_url) as registry:
        ids = register_devices(connection, ["second"])
        await _becomes_true(lambda: topic_of("second") in registry.origins)
        assert registry.origins[topic_of("second")].device_id == ids["second"]


async def test_a_device_registered_while_nobody_asked_is_found(
    embedded_database_url: str, connection: psycopg.Connection
) -> None:
    """After a cut connection the registry reads what it missed."""
    async with _following(embedded_database_url) as registry:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        register_devices(connection, ["second"])
        await _becomes_true(lambda: topic_of("second") in registry.origins)


async def test_many_unknown_topics_cost_one_look_up(
    embedded_database_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many devices a batch does not know, the database is asked once."""
    register_devices(connection, [f"new-{number}" for number in range(300)])
    registry = DeviceRegistry(embedded_database_url)
    await registry.look_up({topic_of("first")}, is_leaving=lambda: False)  # connects
    topics = {topic_of(f"new-{number}") for number in range(300)}
    unknown = {topic_of("nobody"), "no/topic/of/ours"}
    statements = _count_statements(monkeypatch)
    await registry.look_up(topics | unknown, is_leaving=lambda: False)
    await registry.close()
    assert set(registry.origins) == topics | {topic_of("first")}
    assert len(statements) == 1


async def test_a_topic_says_which_device_and_by_whom(
    embedded_database_url: str, connection: psycopg.Connection
) -> None:
    """The cloud, the device itself, a gateway; what nobody registered stays unknown."""
    address, strangers = DeviceAddress("xielian", "first"), DeviceAddress("xielian", "nobody")
    gateway = Publisher(PublisherKind.GATEWAY, "hall-2")
    unknown = Publisher(PublisherKind.GATEWAY, "hall-3")
    row = connection.execute("SELECT id FROM platforms").fetchone()
    assert row is not None
    with changing(connection, Actor("tests", "command line")):
        gateway_id = register_gateway(connection, row[0], "hall-2")
    connection.commit()
    registry = DeviceRegistry(embedded_database_url)
    topics = [
        heartbeat_topic(device, publisher)
        for device in (address, strangers)
        for publisher in (CLOUD, ITSELF, gateway, unknown)
    ]
    await registry.look_up(topics, is_leaving=lambda: False)
    await registry.close()
    (device_id,) = {each.device_id for each in registry.origins.values()}
    assert registry.origins == {
        heartbeat_topic(address, CLOUD): Origin(device_id, CLOUD_ID),
        heartbeat_topic(address, ITSELF): Origin(device_id, ITSELF_ID),
        heartbeat_topic(address, gateway): Origin(device_id, gateway_id),
    }


@pytest.mark.usefixtures("connection")
async def test_who_publishes_himself_costs_no_look_up_where_the_device_is_known(
    embedded_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cloud's topics are known from the start, and say the device."""
    registry = DeviceRegistry(embedded_database_url)
    await registry.look_up({topic_of("first")}, is_leaving=lambda: False)
    statements = _count_statements(monkeypatch)
    topic = heartbeat_topic(DeviceAddress("xielian", "first"), ITSELF)
    await registry.look_up({topic}, is_leaving=lambda: False)
    await registry.close()
    assert topic in registry.origins
    assert statements == []


def _count_statements(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every statement that asynchronous connections execute from now on."""
    statements: list[object] = []
    execute: Callable[..., Awaitable[object]] = psycopg.AsyncConnection.execute

    async def counting(*arguments: object, **options: object) -> object:
        statements.append(arguments)
        return await execute(*arguments, **options)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", counting)
    return statements
