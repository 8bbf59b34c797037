"""How long people wait at the console's door, one after another and many at once.

Ninety accounts, each signing in from a browser that was never here before: the form, then name
and password; then fifteen at once, again and again, as many as an address may have open. Almost all
of it is the hash of a password, which is meant to be slow; what the rest costs (counting the
attempt, the session, the entry in the access log) is what changes. While they come at once
`/healthz` is asked, because nobody else may wait for them.
"""

import asyncio
import time
from statistics import median, quantiles
from typing import Final

import httpx
import psycopg

from api.access.passwords import hash_password, is_password
from api.access.roles import Role
from api.access.users import create_user
from benchmarks.console import form_token_of, server
from benchmarks.results import print_table, save
from jieru.audit import changing, command_actor

__all__ = ["run"]

PEOPLE: Final = 90
AT_ONCE: Final = 15
TARGET_MS: Final = 500.0
"""For one who comes alone."""
TARGET_HEALTH_MS: Final = 1_000.0

_HASHES: Final = 11
_SEE_OTHER: Final = 303


def run(database_url: str) -> dict[str, object]:
    """Make the accounts, start a server, sign in.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them, in milliseconds.
    """
    with psycopg.connect(database_url) as connection, changing(connection, command_actor()):
        for number in range(PEOPLE):
            name = _name(number)
            create_user(connection, name, Role.AUDITOR, password=_password(name))
    hash_ms = _hash_ms()
    with server(database_url) as address:
        alone = asyncio.run(_one_after_another(address))
        together, health = asyncio.run(_at_once(address))
    rows = [
        ("one after another", f"{median(alone):.0f}", f"{quantiles(alone, n=20)[-1]:.0f}"),
        (f"{AT_ONCE} at once", f"{median(together):.0f}", f"{max(together):.0f} (longest)"),
        ("/healthz meanwhile", f"{median(health):.0f}", f"{max(health):.0f} (longest)"),
    ]
    print_table("signing in, ms", ("how", "median", "p95"), rows)
    print(f"one hash: {hash_ms:.0f} ms")
    result: dict[str, object] = {
        "people": PEOPLE,
        "hash_ms": round(hash_ms, 1),
        "alone_ms": round(median(alone), 1),
        "at_once_median_ms": round(median(together), 1),
        "at_once_longest_ms": round(max(together), 1),
        "health_longest_ms": round(max(health), 1),
        "is_within_target": median(alone) <= TARGET_MS and max(health) <= TARGET_HEALTH_MS,
    }
    save("sign-in", result)
    return result


def _name(number: int) -> str:
    return f"person-{number}"


def _password(name: str) -> str:
    return f"benchmark {name} pass"


def _hash_ms() -> float:
    """What holding one password against its hash takes here, in milliseconds."""
    stored, times = hash_password(_password("nobody")), []
    for _run in range(_HASHES):
        started = time.perf_counter()
        is_password(stored, _password("nobody"))
        times.append((time.perf_counter() - started) * 1_000)
    return median(times)


async def _one_after_another(address: str) -> list[float]:
    return [await _sign_in(address, number) for number in range(PEOPLE)]


async def _at_once(address: str) -> tuple[list[float], list[float]]:
    """What each waits, and what `/healthz` takes until the last is in."""
    waits, health = [], []
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        for first in range(0, PEOPLE, AT_ONCE):
            group = range(first, first + AT_ONCE)
            arriving = asyncio.gather(*(_sign_in(address, number) for number in group))
            while not arriving.done():
                started = time.perf_counter()
                (await client.get("/healthz")).raise_for_status()
                health.append((time.perf_counter() - started) * 1_000)
                await asyncio.sleep(0.05)
            waits += await arriving
    return waits, health


async def _sign_in(address: str, number: int) -> float:
    """A browser of its own; milliseconds from the form that is sent to the answer."""
    name = _name(number)
    async with httpx.AsyncClient(base_url=address, timeout=60) as browser:
        form = await browser.get("/sign-in")
        values = {"name": name, "password": _password(name), "form_token": form_token_of(form)}
        started = time.perf_counter()
        answer = await browser.post("/sign-in", data=values)
        spent = (time.perf_counter() - started) * 1_000
    if answer.status_code != _SEE_OTHER:
        raise RuntimeError(f"{name} was not let in: {answer.status_code}")
    return spent
