"""Fifty people at the console at once, each with a session, against a real `jieru serve`.

The registry is that of the benchmark of lists: 100,000 devices. Everybody walks through the pages:
overview, lists, filters, one device and one enterprise, then a change of a device's name; with half
a second to a second and a half between an answer and the next request, which is quicker than people
read. A second run is without any pause: it says how many requests a second there are at most. The
server, its database and those who ask share the machine's cores.
"""

import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Final

import httpx
import psycopg

from api.access.roles import Role
from api.access.users import create_user
from benchmarks import lists
from benchmarks.results import print_table, save
from jieru.audit import changing, command_actor
from tests.support.people import session_of
from tests.support.processes import free_port

__all__ = ["form_token_of", "run", "server"]

USERS: Final = 50
ROUNDS: Final = 4
PAUSE_S: Final = (0.5, 1.5)
TARGET_P95_MS: Final = 300.0

_DEVICES_PER_ENTERPRISE: Final = lists.DEVICES // lists.ENTERPRISES
_START_TIMEOUT_S: Final = 30
_FORM_TOKEN: Final = re.compile(r'name="form_token" value="([^"]+)"')
_REVISION: Final = re.compile(r'name="revision" value="([^"]+)"')


@dataclass(slots=True)
class _Measured:
    """What all users together saw."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def run(database_url: str) -> dict[str, object]:
    """Fill the database, start a server, let the users loose.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them: requests, errors, requests a second, median and 95th percentile.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        lists.build(connection)
        tokens = [_session(connection, number) for number in range(USERS)]
    with server(database_url) as address:
        measured, _seconds = _let_loose(address, tokens, PAUSE_S)
        hurried, hurried_s = _let_loose(address, tokens, (0.0, 0.0))
    every = [each for times in measured.milliseconds.values() for each in times]
    p95 = quantiles(every, n=20)[-1]
    rows = [
        (name, f"{len(times):,}", f"{median(times):.0f}", f"{quantiles(times, n=20)[-1]:.0f}")
        for name, times in measured.milliseconds.items()
    ]
    rows.append(("all", f"{len(every):,}", f"{median(every):.0f}", f"{p95:.0f}"))
    print_table(f"{USERS} users at once, ms", ("page", "requests", "median", "p95"), rows)
    failures = measured.failures + hurried.failures
    for failure in failures[:5]:
        print(failure)
    without_pause = [each for times in hurried.milliseconds.values() for each in times]
    requests_per_s = len(without_pause) / hurried_s
    print(f"without pauses: {requests_per_s:.0f} requests/s, median {median(without_pause):.0f} ms")
    result: dict[str, object] = {
        "users": USERS,
        "requests": len(every),
        "errors": len(failures),
        "median_ms": round(median(every), 1),
        "p95_ms": round(p95, 1),
        "requests_per_s_without_pauses": round(requests_per_s, 1),
        "median_ms_without_pauses": round(median(without_pause), 1),
        "is_within_target": not failures and p95 <= TARGET_P95_MS,
    }
    save("console", result)
    return result


def _session(connection: psycopg.Connection, number: int) -> str:
    """One of three roles; operators of different platforms."""
    name = f"user-{number}"
    role = _role(number)
    platform = _platform_code(number) if role is Role.OPERATOR else None
    with changing(connection, command_actor()):
        create_user(connection, name, role, platform=platform, password=f"benchmark {name} pass")
    return session_of(connection, name)


def _role(number: int) -> Role:
    return (Role.OPERATOR, Role.VERIFIER, Role.AUDITOR)[number % 3]


def _platform_code(place: int) -> str:
    """Of the platform that a user has, or an enterprise by its place, as `lists` builds them."""
    return f"p{1 + place % lists.PLATFORMS:03}"


def form_token_of(page: httpx.Response) -> str:
    """What every form of a page carries, by which a change is known to be meant."""
    token: str = _FORM_TOKEN.findall(page.text)[-1]
    return token


@contextmanager
def server(database_url: str) -> Iterator[str]:
    """A `jieru serve` of its own, until the block ends."""
    port = free_port()
    environment = {**os.environ, "JIERU_DATABASE_URL": database_url, "JIERU_LANGUAGE": "en"}
    command = [sys.executable, "-m", "jieru", "serve", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").is_success
    except httpx.TransportError:
        return False


def _let_loose(
    address: str, tokens: Sequence[str], pause_s: tuple[float, float]
) -> tuple[_Measured, float]:
    """All users at once; what they saw, and how many seconds they took."""
    measured = _Measured()

    async def everybody() -> None:
        async with asyncio.TaskGroup() as group:
            for number, token in enumerate(tokens):
                group.create_task(_one_user(address, token, number, pause_s, measured))

    started = time.perf_counter()
    asyncio.run(everybody())
    return measured, time.perf_counter() - started


async def _one_user(
    address: str, token: str, number: int, pause_s: tuple[float, float], measured: _Measured
) -> None:
    chance = random.Random(number)  # noqa: S311 - the same walk every time
    role = _role(number)
    is_operator = role is Role.OPERATOR
    async with httpx.AsyncClient(
        base_url=address, cookies={"jieru_session": token}, timeout=30
    ) as browser:

        async def ask(name: str, method: str, path: str, **sent: object) -> httpx.Response:
            await asyncio.sleep(chance.uniform(*pause_s))
            started = time.perf_counter()
            answer = await browser.request(method, path, **sent)  # type: ignore[arg-type]
            elapsed = (time.perf_counter() - started) * 1000
            measured.milliseconds.setdefault(name, []).append(elapsed)
            if answer.status_code >= 400:
                measured.failures.append(f"{answer.status_code} {method} {path}")
            return answer

        for _round in range(ROUNDS):
            device = 1 + chance.randrange(lists.DEVICES)
            if is_operator:  # one of the own platform
                platform = number % lists.PLATFORMS
                block = platform + lists.PLATFORMS * chance.randrange(
                    lists.ENTERPRISES // lists.PLATFORMS
                )
                device = (
                    block * _DEVICES_PER_ENTERPRISE + 1 + chance.randrange(_DEVICES_PER_ENTERPRISE)
                )
            enterprise = (device - 1) // _DEVICES_PER_ENTERPRISE
            place = f"/devices/{_platform_code(enterprise)}/CNC-{device:06}"
            await ask("overview", "GET", "/")
            await ask("devices", "GET", "/devices")
            await ask("devices, offline", "GET", "/devices", params={"status": "offline"})
            await ask("devices, text", "GET", "/devices", params={"text": str(device)})
            await ask("one device", "GET", place)
            await ask("enterprises", "GET", "/enterprises", params={"text": str(device % 997)})
            await ask("one enterprise", "GET", f"/enterprises/{enterprise + 1:018}")
            await ask("audit", "GET", "/audit")
            await ask("devices, JSON", "GET", "/api/v1/devices")
            if role is Role.AUDITOR:
                continue
            form = await ask("form", "GET", f"{place}/edit")
            fields = {
                "form_token": form_token_of(form),
                "revision": _REVISION.findall(form.text)[-1],
                "name": f"renamed by {number}",
                "kind": "press",
                "expected_interval_s": "300",
            }
            await ask("change", "POST", f"{place}/edit", data=fields)
