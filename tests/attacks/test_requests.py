"""Whose enterprise it is: an operator who only asks to connect one reads nothing of it, anywhere.

The attacker is another platform's operator with a key, and knows the enterprise's public code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.access.table import ROUTES
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import registry_csv, uscc_of

_CODE: Final = uscc_of(1)
_ENTERPRISE: Final = {
    "uscc": _CODE,
    "name": "永泰机密鞋业",
    "district": "xiuyu",
    "industry_code": "C1959",
}
_SECRETS: Final = (_ENTERPRISE["name"], _ENTERPRISE["industry_code"])
_CONNECTION: Final = {"platform": "mallory", "uscc": _CODE, "from_date": "2026-03-01"}
_CONNECTION_ROW: Final = ["mallory", _CODE, "", "", "2026-03-01", ""]
_DEVICE_ROW: Final = ["mallory", "m-1", _CODE, "", "", "2026-03-01", ""]
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_CANDIDATES: Final[dict[str, tuple[str, ...]]] = {
    "uscc": (_CODE,),
    "platform": ("mallory", "honest"),
    "code": ("mallory", "honest"),
    "serial": ("m-1", "h-1"),
    "year": ("2026",),
    "kind": ("enterprises", "connections", "devices"),
    "import_id": tuple(map(str, range(1, 12))),
}
_NUMBERS: Final = ("1", "2", "3")
_FILTERS: Final = (f"enterprise={_CODE}", "district=xiuyu", "platform=honest", "state=all")
_LISTS: Final = ("enterprises", "connections", "devices", "assignments", "connection-requests")


@dataclass(frozen=True, slots=True)
class Attacker:
    """Another platform's operator, and the bureau that answers."""

    app: FastAPI
    mallory: dict[str, str]
    bureau: dict[str, str]

    async def ask(
        self,
        method: str,
        path: str,
        caller: dict[str, str] | None = None,
        **sent: Any,  # noqa: ANN401 - httpx's
    ) -> httpx.Response:
        """One request."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        headers = {"accept-language": "en", **(caller or self.mallory), **sent.pop("headers", {})}
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            return await client.request(method, path, headers=headers, **sent)

    async def import_rows(self, kind: Any, *rows: list[str], dry_run: bool) -> httpx.Response:  # noqa: ANN401
        """A file of the attacker's."""
        return await self.ask(
            "POST",
            f"/api/v1/imports/{kind}?dry_run={str(dry_run).lower()}",
            content=registry_csv(kind, *rows).encode(),
            headers={"content-type": "text/csv"},
        )

    async def what_is_told(self) -> dict[str, list[str]]:
        """Which secrets stand in which answer, of every address that can be read."""
        addresses = [path for method, path in ROUTES if method == "GET"]
        filled = [address for path in addresses for address in _filled(path)]
        filled += [f"/api/v1/{name}?{each}" for name, each in product(_LISTS, _FILTERS)]
        filled += [f"/api/v1/{name}.csv?{each}" for name, each in product(_LISTS[:-1], _FILTERS)]
        told = {}
        for address in filled:
            answer = await self.ask("GET", address)
            assert answer.status_code < 500, (address, answer.text)
            found = [secret for secret in _SECRETS if secret in answer.text]
            if found:
                told[address] = found
        return told


def _filled(path: str) -> list[str]:
    names = _PLACEHOLDER.findall(path)
    values = product(*(_CANDIDATES.get(name, _NUMBERS) for name in names))
    return [path.format(**dict(zip(names, chosen, strict=True))) for chosen in values]


@pytest.fixture
def attacker(database_url: str) -> Iterator[Attacker]:
    """Two platforms, each with a device; what the honest one has is not registered yet."""
    with connect(database_url) as connection, open_pool(database_url, size=4) as pool:
        build = RegistryBuilder(connection)
        for platform in ("mallory", "honest"):
            build.platform(platform)
            build.device(platform, f"{platform[0]}-1")
        connection.commit()
        mallory = bearer(connection, Role.OPERATOR, "mallory")
        yield Attacker(create_app(Settings(), pool), mallory, bearer(connection, Role.VERIFIER))


@pytest.fixture
async def served(attacker: Attacker, database_url: str) -> Attacker:
    """The honest operator registers the enterprise, connects it and assigns a device to it."""
    with connect(database_url) as connection:
        honest = bearer(connection, Role.OPERATOR, "honest")
    of_honest = {"platform": "honest", "uscc": _CODE, "from_date": "2026-01-01"}
    for path, body in (
        ("enterprises", _ENTERPRISE),
        ("connections", of_honest),
        ("assignments", {**of_honest, "serial": "h-1"}),
    ):
        answer = await attacker.ask("POST", f"/api/v1/{path}", honest, json=body)
        assert answer.status_code == 201, answer.text
    return attacker


async def test_an_operator_reads_nothing_of_what_it_only_requested(served: Attacker) -> None:
    """By no write, whose answers are looked at too, and afterwards at no address there is."""
    path = f"/api/v1/enterprises/{_CODE}"
    revision = {"headers": {"if-match": "*"}}
    answers = [
        await served.ask("POST", "/api/v1/connections", json=_CONNECTION),
        await served.ask("POST", "/api/v1/connections", json=_CONNECTION),
        await served.ask("POST", "/connections/new", data=_CONNECTION),
        await served.ask("POST", f"/enterprises/{_CODE}/connections/new", data=_CONNECTION),
        await served.ask("POST", "/api/v1/enterprises", json={**_ENTERPRISE, "name": "假"}),
        await served.ask("PATCH", path, json={"name": "假"}, **revision),
        await served.ask("POST", f"{path}/end", json={"on": "2026-03-01"}, **revision),
        await served.ask("POST", f"{path}/reopen", **revision),
        await served.ask("POST", "/api/v1/assignments", json={**_CONNECTION, "serial": "m-1"}),
        await served.ask(
            "POST",
            "/devices/mallory/m-1/hand-over",
            data={"uscc": _CODE, "from_date": "2026-03-01"},
        ),
        await served.import_rows("connections", _CONNECTION_ROW, dry_run=True),
        await served.import_rows("connections", _CONNECTION_ROW, dry_run=False),
        await served.import_rows("devices", _DEVICE_ROW, dry_run=True),
        await served.import_rows("devices", _DEVICE_ROW, dry_run=False),
        await served.import_rows("enterprises", [_CODE, "假", "other", ""], dry_run=True),
        await served.import_rows("enterprises", [_CODE, "假", "other", ""], dry_run=False),
    ]
    assert [each.status_code for each in answers if each.status_code >= 500] == []
    told = [each.text for each in answers if any(secret in each.text for secret in _SECRETS)]
    assert told == []
    assert await served.what_is_told() == {}


async def test_an_operator_cannot_guess_what_it_only_requested(served: Attacker) -> None:
    """A file that says the truth of the enterprise is answered as one that does not."""
    truth = [*_ENTERPRISE.values()]
    guesses = (truth, [_CODE, "假", "other", ""], [_CODE, *truth[1:3], "C1951"])
    answers = []
    for guess in guesses:
        answer = await served.import_rows("enterprises", guess, dry_run=True)
        document = answer.json()
        answers.append((answer.status_code, document["detail"], document["row_errors"]))
    assert answers[0][0] == 422
    assert answers[1:] == answers[:1] * 2


async def test_what_is_told_of_a_code_does_not_depend_on_whose_it_is(served: Attacker) -> None:
    """A device cannot be assigned to it, just as to a code that nobody registered."""
    answers = []
    for uscc in (_CODE, uscc_of(2)):
        body = {**_CONNECTION, "uscc": uscc, "serial": "m-1"}
        single = await served.ask("POST", "/api/v1/assignments", json=body)
        row = [uscc if cell == _CODE else cell for cell in _DEVICE_ROW]
        file = (await served.import_rows("devices", row, dry_run=True)).json()
        read = await served.ask("GET", f"/api/v1/enterprises/{uscc}")
        told = (single.text, str(file["row_errors"]), read.text)
        answers.append([text.replace(uscc, "CODE") for text in told])
    assert answers[0] == answers[1]


async def test_a_refusal_tells_nothing_and_a_confirmation_lets_read(served: Attacker) -> None:
    """The second shows that whoever looks everywhere would have found it."""
    for step in ("refuse", "confirm"):
        asked = (await served.ask("POST", "/api/v1/connections", json=_CONNECTION)).json()
        decided = await served.ask(
            "POST",
            f"/api/v1/connection-requests/{asked['id']}/{step}",
            served.bureau,
            json={"reason": "已核对"},
        )
        assert decided.status_code == 200, decided.text
        assert bool(await served.what_is_told()) == (step == "confirm")


async def test_an_operator_confirms_nothing(served: Attacker) -> None:
    """Neither the own request nor another's, in the API or on a page."""
    asked = (await served.ask("POST", "/api/v1/connections", json=_CONNECTION)).json()
    for prefix, step in product(("/api/v1", ""), ("confirm", "refuse")):
        path = f"{prefix}/connection-requests/{asked['id']}/{step}"
        answer = await served.ask("POST", path, json={"reason": "请通过"})
        assert answer.status_code == 403, path
    assert await served.what_is_told() == {}
