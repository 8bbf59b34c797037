"""A page shows one moment: what somebody else commits while it is read is on none of its parts."""

from collections.abc import Iterator
from datetime import date
from types import ModuleType, SimpleNamespace
from typing import Final, LiteralString

import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.audit import pages as audit_pages
from api.registry.devices import pages as devices_pages
from api.registry.enterprises import pages as enterprises_pages
from api.registry.platforms import pages as platforms_pages
from api.rejections import pages as rejections_pages
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.people import session_of
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.visiting import add_person, visiting

_ENTERPRISE: Final = f"/enterprises/{uscc_of(1)}"
_DEVICE: Final = "/devices/alpha/CNC-01"
_END_CONNECTION: Final = "UPDATE connections SET to_date = '2026-02-01'"
_END_ASSIGNMENT: Final = "UPDATE assignments SET to_date = '2026-02-01'"
_REVOKE_RECOGNITION: Final = "UPDATE recognitions SET revoked_on = '2026-02-01'"
_NEW_PLATFORM: Final = "INSERT INTO platforms (code, name) VALUES ('beta', '平台 beta')"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A platform, an enterprise connected to it, its device, and the verifier lin."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("alpha")
        uscc = build.enterprise(1)
        build.connection("alpha", uscc)
        build.device("alpha", "CNC-01", uscc, date(2026, 1, 1))
        add_person(connection, "lin", Role.VERIFIER)
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only what it has built
    with open_pool(as_role(database_url, API), size=4) as pool:
        yield create_app(Settings(), pool)


@pytest.mark.parametrize(
    ("page", "module", "later_reading", "change"),
    [
        ("/platforms/alpha", platforms_pages, "RECOGNITIONS", _REVOKE_RECOGNITION),
        (_ENTERPRISE, enterprises_pages, "CONNECTIONS", _END_CONNECTION),
        (_ENTERPRISE, enterprises_pages, "ASSIGNMENTS", _END_ASSIGNMENT),
        (_DEVICE, devices_pages, "read_device", _END_ASSIGNMENT),
        (_DEVICE, devices_pages, "ASSIGNMENTS", _END_ASSIGNMENT),
        ("/devices", devices_pages, "platform_choices", _NEW_PLATFORM),
        ("/enterprises", enterprises_pages, "platform_choices", _NEW_PLATFORM),
        ("/rejections", rejections_pages, "platform_choices", _NEW_PLATFORM),
        ("/audit", audit_pages, "platform_choices", _NEW_PLATFORM),
    ],
)
async def test_a_change_between_two_readings_of_a_page_is_not_half_seen(
    app: FastAPI,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    page: str,
    module: ModuleType,
    later_reading: str,
    change: LiteralString,
) -> None:
    """The page begins to be read, then a change is committed, then its later parts are read."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        connection.commit()
        before = await browser.get(page)
        read = getattr(module, later_reading)
        read = getattr(read, "page", read)

        def read_after_change(*arguments: object, **options: object) -> object:
            connection.execute(change)
            connection.commit()
            return read(*arguments, **options)

        patch: object = read_after_change
        if later_reading.isupper():
            patch = SimpleNamespace(page=read_after_change)
        with monkeypatch.context() as patched:
            patched.setattr(module, later_reading, patch)
            during = await browser.get(page)
        after = await browser.get(page)
    assert before.status_code == 200
    assert during.text == before.text
    assert after.text != before.text
