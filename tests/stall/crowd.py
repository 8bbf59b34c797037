"""`python -m tests.stall.crowd FILE`: fifty people at the console, in a process of their own.

Each reads pages of the own role, and changes something every now and then. Everything that they
asked is written into the books, with what was answered. Ends when its standard input ends, once
every answer has come.
"""

import asyncio
import base64
import hashlib
import html
import json
import random
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from api.access.cookies import derived
from tests.stall.books import IMPORTED_DEVICES, Asked, Person, What, line_of
from tests.support.registry_files import registry_csv, uscc_of

__all__ = ["FIRST_USCC", "lag_file"]

FIRST_USCC: Final = 100_000
"""Number of the first enterprise that the crowd may register (`uscc_of`)."""
_USCCS_OF_A_PERSON: Final = 1_000

_PATIENCE_S: Final = 60.0
_SHARE_OF_CHANGES: Final = 0.2
_DOCUMENT_REPEATS: Final = 20_000
_LAG_EVERY_S: Final = 0.05
_FORM_TOKEN: Final = re.compile(r'name="form_token" value="([^"]+)"')
_CONNECTED: Final = {"xielian": uscc_of(1), "guolian": uscc_of(31)}
"""An enterprise of each platform, whose devices the crowd registers."""

_EVERYONE: Final = (
    "/",
    "/enterprises",
    "/enterprises/{connected}",
    "/devices",
    "/platforms",
    "/counts",
    "/counts/2026",
    "/imports",
    "/rejections",
    "/audit",
)
_PAGES: Final[Mapping[str, Sequence[str]]] = {
    "operator": (*_EVERYONE, "/questions"),
    "verifier": (*_EVERYONE, "/cases", "/opening-stocks", "/draws", "/counts/2026/review"),
    "auditor": (*_EVERYONE, "/access-log", "/cases"),
    "admin": (*_EVERYONE, "/api-keys", "/draws", "/cases"),
}


def lag_file(books: Path) -> Path:
    """Where the crowd writes, in seconds, how late its own clock woke it."""
    return books.with_suffix(".lag")


class _Member:
    """One person, who does one thing after the other."""

    def __init__(self, person: Person, number: int, ports: Sequence[int], books: Path) -> None:
        self._person = person
        self._number = number
        self._ports = ports
        self._books = books
        self._made = 0
        self._own: list[str] = []
        """Enterprises of which an answer said that they are registered."""

    async def live(self, chance: random.Random, thinking_s: float, done: asyncio.Event) -> None:
        """Go on until all are done."""
        headers = {"x-forwarded-for": self._person.address, "accept-language": "en"}
        signed_in = {"cookie": f"jieru_session={self._person.session}"}
        async with httpx.AsyncClient(headers=headers, timeout=_PATIENCE_S) as client:
            self._client = client
            while not done.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), chance.expovariate(1 / thinking_s))
                    return
                self._serve = chance.randrange(len(self._ports)) + 1
                self._base = f"http://127.0.0.1:{self._ports[self._serve - 1]}"
                if self._person.key and chance.random() < _SHARE_OF_CHANGES:
                    await self._change(chance, signed_in)
                else:
                    page = chance.choice(_PAGES[self._person.role])
                    path = page.format(connected=_CONNECTED[self._person.platform or "xielian"])
                    await self._ask("page", path, "", "GET", path, headers=signed_in)

    async def _change(self, chance: random.Random, signed_in: Mapping[str, str]) -> None:
        self._made += 1
        mark = f"c{self._number}-{self._made}"
        kinds = ["enterprise", "device", "import"] + ["rename", "rename"] * bool(self._own)
        # Whoever judges goes there too, and hands in a document.
        kinds += ["visit"] * (self._person.role == "verifier")
        match chance.choice(kinds):
            case "enterprise":
                await self._register_by_form(signed_in)
            case "rename":
                await self._rename(chance.choice(self._own))
            case "device":
                await self._register_device(mark)
            case "visit":
                await self._visit(mark, signed_in)
            case _:
                await self._import(mark)

    async def _register_by_form(self, signed_in: Mapping[str, str]) -> None:
        page = await self._ask(
            "page", "/enterprises/new", "", "GET", "/enterprises/new", headers=signed_in
        )
        token = _FORM_TOKEN.search(page.text) if page is not None else None
        if token is None:
            return
        uscc = uscc_of(FIRST_USCC + self._number * _USCCS_OF_A_PERSON + self._made)
        fields = {
            "form_token": html.unescape(token[1]),
            "uscc": uscc,
            "name": f"众人第{self._number}厂{self._made}",
            "district": "licheng",
            "industry_code": "C1810",
        }
        path = "/enterprises/new"
        answer = await self._ask(
            "enterprise", uscc, fields["name"], "POST", path, headers=signed_in, data=fields
        )
        if answer is not None and answer.is_redirect:
            self._own.append(uscc)

    async def _rename(self, uscc: str) -> None:
        path = f"/api/v1/enterprises/{uscc}"
        found = await self._ask("page", path, "", "GET", path, headers=self._key)
        if found is None or not found.is_success:
            return
        name = f"众人第{self._number}厂改名{self._made}"
        headers = {**self._key, "if-match": found.headers["etag"]}
        await self._ask("rename", uscc, name, "PATCH", path, headers=headers, json={"name": name})

    async def _register_device(self, serial: str) -> None:
        platform = self._person.platform or "xielian"
        body = {
            "platform": platform,
            "serial": serial,
            "uscc": _CONNECTED[platform],
            "assigned_from": datetime.now(UTC).date().isoformat(),
        }
        path = "/api/v1/devices"
        await self._ask("device", serial, "", "POST", path, headers=self._key, json=body)

    async def _import(self, mark: str) -> None:
        platform, today = self._person.platform or "xielian", datetime.now(UTC).date()
        rows = [
            (platform, f"{mark}-{place}", _CONNECTED[platform], "CNC", f"机床 {place}", today, None)
            for place in range(IMPORTED_DEVICES)
        ]
        await self._ask(
            "import",
            f"{mark}-",
            "",
            "POST",
            "/api/v1/imports/devices",
            headers={**self._key, "content-type": "text/csv"},
            content=registry_csv("devices", *rows).encode(),
        )

    async def _visit(self, mark: str, signed_in: Mapping[str, str]) -> None:
        document = b"%PDF-1.7\n" + mark.encode() * _DOCUMENT_REPEATS
        body = {
            "year": 2026,
            "platform": "xielian",
            "uscc": uscc_of(1),
            "visited_on": datetime.now(UTC).date().isoformat(),
            "first_visitor": "林晓",
            "second_visitor": "陈静",
            "found": "as_registered",
            "notes": mark,
            "files": [{"name": f"{mark}.pdf", "content": base64.b64encode(document).decode()}],
        }
        sha256 = hashlib.sha256(document).hexdigest()
        headers = {**signed_in, "x-form-token": derived(self._person.session, "form")}
        await self._ask("visit", mark, sha256, "POST", "/api/v1/visits", headers=headers, json=body)

    @property
    def _key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._person.key}"}

    async def _ask(
        self,
        what: What,
        subject: str,
        value: str,
        method: str,
        path: str,
        **sent: Any,  # noqa: ANN401 - httpx's own
    ) -> httpx.Response | None:
        began_s, answer, status = time.monotonic(), None, 0
        try:
            answer = await self._client.request(method, self._base + path, **sent)
            status, said = answer.status_code, _said(answer)
        except httpx.HTTPError as error:
            said = repr(error)
        asked = Asked(
            who=self._person.name,
            what=what,
            subject=subject,
            value=value,
            serve=self._serve,
            began_s=began_s,
            ended_s=time.monotonic(),
            status=status,
            said=said,
        )
        with self._books.open("a", encoding="utf-8") as books:
            books.write(line_of(asked))
        return answer


def _said(answer: httpx.Response) -> str:
    if answer.is_success or answer.is_redirect:
        return ""
    with suppress(ValueError):
        problem = answer.json()
        return f"{problem.get('type')} {problem.get('detail')}"
    # A page says it too.
    text = " ".join(
        re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL).split()
    )
    return text[:1_000]


async def _watch_own_clock(done: asyncio.Event) -> list[tuple[float, float]]:
    """When, and how late, this process came to its turn: so much of all times is its own."""
    lags = []
    while not done.is_set():
        began = time.monotonic()
        await asyncio.sleep(_LAG_EVERY_S)
        lags.append((began, time.monotonic() - began - _LAG_EVERY_S))
    return lags


async def _main(asked: Mapping[str, Any]) -> list[tuple[float, float]]:
    people = [Person(**each) for each in asked["people"]]
    books, done = Path(asked["books"]), asyncio.Event()
    chance = random.Random(asked["seed"])  # noqa: S311 - repeatable on purpose
    async with asyncio.TaskGroup() as tasks:
        watched = tasks.create_task(_watch_own_clock(done))
        for number, person in enumerate(people):
            member = _Member(person, number, asked["ports"], books)
            own = random.Random(chance.random())  # noqa: S311 - repeatable on purpose
            tasks.create_task(member.live(own, asked["thinking_s"], done))
        await asyncio.to_thread(sys.stdin.read)
        done.set()
    return watched.result()


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    late = asyncio.run(_main(told))
    lag_file(Path(told["books"])).write_text(json.dumps(late), encoding="ascii")
