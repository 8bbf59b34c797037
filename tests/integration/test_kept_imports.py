"""Room for what is kept of imports: of each person and platform, shared by all consoles."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.imports import room
from api.imports.downloads import CSV_MEDIA_TYPE
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import registry_csv, uscc_of

Headers = dict[str, str]
_DEVICE: Final = ["alpha", "d1", uscc_of(1), "铣床", "一号", "2026-01-01", ""]
_KEPT: Final = """
    SELECT id FROM imports
    WHERE content IS NOT NULL OR errors IS NOT NULL OR failed_rows IS NOT NULL ORDER BY id
"""


class City:
    """Two consoles on one registry, and those who send files."""

    def __init__(self, apps: list[FastAPI], connection: psycopg.Connection) -> None:
        """Register two platforms."""
        self.apps = apps
        self.connection = connection
        builder = RegistryBuilder(connection)
        for platform, number in (("alpha", 1), ("beta", 2)):
            builder.connection(builder.platform(platform), builder.enterprise(number))
        connection.commit()
        self.admin = bearer(connection, Role.ADMIN)
        self.alpha = [bearer(connection, Role.OPERATOR, "alpha") for _number in range(2)]
        self.beta = bearer(connection, Role.OPERATOR, "beta")

    async def ask(
        self,
        method: str,
        path: str,
        caller: Headers,
        *,
        console: int = 0,
        **rest: Any,  # noqa: ANN401 - httpx's
    ) -> httpx.Response:
        """One request to one of the consoles."""
        transport = httpx.ASGITransport(app=self.apps[console])
        headers = {"accept-language": "en", "content-type": CSV_MEDIA_TYPE, **caller}
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            return await client.request(method, f"/api/v1/imports{path}", headers=headers, **rest)

    async def preview(
        self, caller: Headers, *, console: int = 0, serial: str = "d1", platform: str = "alpha"
    ) -> dict[str, Any]:
        """Send a file to be looked at."""
        row = [platform, serial, uscc_of(1 if platform == "alpha" else 2), *_DEVICE[3:]]
        content = registry_csv("devices", row).encode()
        answer = await self.ask(
            "POST", "/devices?dry_run=true", caller, console=console, content=content
        )
        said: dict[str, Any] = answer.json()
        return said

    def kept(self) -> list[int]:
        """The imports of which anything is kept."""
        self.connection.rollback()
        return [number for (number,) in self.connection.execute(_KEPT)]


@pytest.fixture
def city(database_url: str) -> Iterator[City]:
    """Two consoles, each with a pool of its own as two processes have."""
    with (
        open_pool(database_url, size=4) as one,
        open_pool(database_url, size=4) as two,
        connect(database_url) as connection,
    ):
        yield City([create_app(Settings(), pool) for pool in (one, two)], connection)


async def test_the_oldest_preview_of_a_person_goes_and_both_say_so(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer one names it, and applying the older one is refused with the reason."""
    monkeypatch.setattr(room, "_FILES_OF_PERSON", 2)
    first, _second, third = [await city.preview(city.alpha[0]) for _number in range(3)]
    assert third["displaced"] == [first["id"]]
    assert city.kept() == [first["id"] + 1, first["id"] + 2]
    told = (await city.ask("GET", f"/{first['id']}", city.alpha[0])).json()
    assert (told["displaced_by"], told["is_applicable"]) == (third["id"], False)
    applied = await city.ask("POST", f"/{first['id']}/apply", city.alpha[0])
    assert applied.status_code == 409
    assert applied.json()["detail"] == (
        f"The file of import {first['id']} went to make room for import {third['id']}: send it "
        "anew."
    )


async def test_the_people_of_a_platform_share_its_room_and_no_other_platform_loses_any(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many files one platform sends."""
    monkeypatch.setattr(room, "_FILES_OF_PLATFORM", 2)
    other = await city.preview(city.beta, platform="beta")
    bureau = await city.preview(city.admin)
    alpha = [await city.preview(city.alpha[number % 2]) for number in range(4)]
    assert city.kept() == [other["id"], bureau["id"], alpha[2]["id"], alpha[3]["id"]]


async def test_what_is_kept_is_counted_in_bytes_too(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest stays, whatever it takes; errors and failed rows count as files do."""
    monkeypatch.setattr(room, "_BYTES_OF_PERSON", 1)
    await city.preview(city.alpha[0])
    rejected = await city.preview(city.alpha[0], serial="no serial")
    assert rejected["status"] == 422
    assert city.kept() == [rejected["import_id"]]
    last = await city.preview(city.alpha[0])
    assert last["displaced"] == [rejected["import_id"]]
    assert city.kept() == [last["id"]]


async def test_two_consoles_on_one_database_share_the_room(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when both keep files at the same moment."""
    monkeypatch.setattr(room, "_FILES_OF_PLATFORM", 3)
    await asyncio.gather(
        *(
            city.preview(city.alpha[number % 2], console=number % 2, serial=f"d{number}")
            for number in range(8)
        )
    )
    assert len(city.kept()) == 3


async def test_a_file_has_the_size_that_the_role_of_its_sender_may_send(city: City) -> None:
    """An operator sends of one platform, the bureau of all."""
    content = b"x" * ((16 << 20) + 1)
    answer = await city.ask("POST", "/devices", city.alpha[0], content=content)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "Your files have at most 16 MiB each: split it."
    taken = await city.ask("POST", "/devices?dry_run=true", city.admin, content=content)
    assert taken.status_code == 422


@pytest.mark.parametrize("spelled", ["%ED%A0%80", "%E3%85%A4"])
async def test_a_name_of_a_file_that_is_no_text_is_refused(city: City, spelled: str) -> None:
    """In the address; what a browser sends as the name of a file loses what cannot be seen."""
    answer = await city.ask("POST", f"/devices?file_name={spelled}", city.admin, content=b"x")
    assert answer.status_code == 422
    sent = await city.ask(
        "POST",
        "/devices?dry_run=true",
        {**city.admin, "content-type": "multipart/form-data; boundary=b"},
        content=b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\xe3\x85\xa4'
        b'\xed\xa0\x80b.csv"\r\n\r\nx\r\n--b--\r\n',
    )
    assert sent.status_code == 422
    kept = await city.ask("GET", f"/{sent.json()['import_id']}", city.admin)
    assert kept.json()["file_name"].endswith("b.csv")


async def test_half_a_character_in_a_cell_is_a_row_error(city: City) -> None:
    """Never an error of this program."""
    content = registry_csv("devices", _DEVICE).encode().replace("一号".encode(), b"\xed\xa0\x80")
    answer = await city.ask("POST", "/devices", city.alpha[0], content=content)
    assert answer.status_code == 422
    unseen = registry_csv("devices", [*_DEVICE[:4], "一号\u3164", *_DEVICE[5:]]).encode()
    told = (await city.ask("POST", "/devices", city.alpha[0], content=unseen)).json()
    assert [(each["column"], each["reason"]) for each in told["row_errors"]] == [
        (
            "name",
            "Holds the invisible character U+3164 at place 3: delete it, or type the text again.",
        )
    ]
