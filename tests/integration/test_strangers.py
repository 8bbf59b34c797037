"""Strangers at the door: they lock nobody out, learn no name, and hold up nobody."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.delays import name_subject
from api.access.roles import Role
from api.access.users import create_user, disable_user, reset_password
from api.app import create_app
from api.web.clock import Clock as AppClock
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.hashing import CountingHasher, counting_hasher
from tests.support.visiting import PASSWORD, add_person, form_token_of, sign_in, visiting

TESTS = Actor("command:tests", "command line")
NAMES = ("lin", "disabled", "provided", "nobody", "nobody else", "\0")
"""An account, one that is disabled, one without a password, none, and what cannot be a name."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        """Begin at this moment."""
        self.now = datetime.now(UTC)

    def move(self, **by: float) -> None:
        """Let time pass, or go back."""
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    """The clock of the application."""
    return Clock()


@pytest.fixture
def hasher() -> Iterator[CountingHasher]:
    """Counts how many passwords are looked at."""
    with counting_hasher() as hasher:
        yield hasher


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The database with an account of each sort."""
    with connect(database_url) as connection:
        add_person(connection, "lin", Role.VERIFIER)
        add_person(connection, "wang", Role.AUDITOR)
        add_person(connection, "disabled", Role.VERIFIER)
        with changing(connection, TESTS):
            disable_user(connection, "disabled")
            create_user(
                connection,
                "provided",
                Role.VERIFIER,
                oidc_subject="sub",
                oidc_issuer="https://id.example.test",
            )
        connection.commit()
        yield connection


@pytest.fixture
def app(
    database_url: str, hasher: CountingHasher, connection: psycopg.Connection, clock: Clock
) -> Iterator[FastAPI]:
    """The application on it."""
    del connection, hasher  # only what they set up
    with open_pool(database_url, size=4) as pool:
        yield create_app(Settings(), pool, clock=AppClock(lambda: clock.now))


def failures(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """What is counted now."""
    found = connection.execute(
        "SELECT subject, failures, last_failed_at FROM sign_in_failures ORDER BY subject"
    ).fetchall()
    connection.commit()
    return found


async def fail(browser: httpx.AsyncClient, name: str, times: int, clock: Clock) -> None:
    """Give wrong passwords, as early as each is looked at."""
    for _ in range(times):
        answer = await sign_in(browser, name, "wrong password")
        while answer.status_code == 429:
            clock.move(seconds=int(answer.headers["retry-after"]))
            answer = await sign_in(browser, name, "wrong password")
        assert answer.status_code == 422


async def test_a_known_browser_is_not_locked_out_by_strangers(app: FastAPI, clock: Clock) -> None:
    """Neither by those at its address nor by those who try its person's name."""
    async with visiting(app, address="203.0.113.9") as browser:
        assert (await sign_in(browser, "lin")).status_code == 303
        async with visiting(app, address="203.0.113.9") as neighbour:
            await fail(neighbour, "lin", 8, clock)
            await fail(neighbour, "wang", 8, clock)
            await fail(neighbour, "nobody", 8, clock)
            assert (await sign_in(neighbour, "lin")).status_code == 429
            assert (await sign_in(neighbour, "anybody")).status_code == 429
        browser.cookies.delete("jieru_session")
        assert (await sign_in(browser, "lin")).status_code == 303


async def test_what_a_known_browser_fails_is_its_own(app: FastAPI, clock: Clock) -> None:
    """It waits as anybody does, and nobody waits for it; success ends that."""
    async with visiting(app) as browser, visiting(app) as elsewhere:
        await sign_in(browser, "lin")
        await fail(browser, "lin", 4, clock)
        assert (await sign_in(browser, "lin")).headers["retry-after"] == "2"
        assert (await sign_in(elsewhere, "lin")).status_code == 303
        clock.move(seconds=2)
        assert (await sign_in(browser, "lin")).status_code == 303
        await fail(browser, "lin", 4, clock)


async def test_a_browser_is_known_for_whoever_signed_in_there_only(
    app: FastAPI, clock: Clock
) -> None:
    """Several people may share one; a guesser's own account opens no way to another's."""
    async with visiting(app) as browser, visiting(app) as stranger:
        await sign_in(browser, "wang")
        await fail(stranger, "lin", 4, clock)
        assert (await sign_in(browser, "lin")).status_code == 429
        clock.move(seconds=2)
        assert (await sign_in(browser, "lin")).status_code == 303
        await fail(stranger, "lin", 2, clock)
        await fail(stranger, "wang", 5, clock)
        for name in ("lin", "wang", "lin"):
            assert (await sign_in(browser, name)).status_code == 303


async def test_the_cookie_of_a_browser_changes_with_each_sign_in(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """One that somebody planted, or kept, is worth nothing; the database holds none."""
    async with visiting(app, base_url="https://jieru.test") as browser:
        cookies = [
            next(
                each
                for each in (await sign_in(browser, "lin")).headers.get_list("set-cookie")
                if each.startswith("__Host-jieru_browser=")
            )
            for _ in range(2)
        ]
    for cookie in cookies:
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert f"Max-Age={365 * 86_400}" in cookie
    tokens = [cookie.partition("=")[2].partition(";")[0] for cookie in cookies]
    assert tokens[0] != tokens[1]
    ((kept, number),) = connection.execute(
        "SELECT min(known_browsers::text), count(*) FROM known_browsers"
    ).fetchall()
    assert number == 1
    assert not any(token in kept for token in tokens)


@pytest.mark.parametrize("way", ["reset", "disable"])
async def test_another_password_and_a_disabled_account_know_no_browser(
    app: FastAPI, connection: psycopg.Connection, way: str
) -> None:
    """Whoever had the old one may have signed in with it."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
    with changing(connection, TESTS):
        if way == "reset":
            reset_password(connection, "lin", "another horse battery")
        else:
            disable_user(connection, "lin")
    assert connection.execute("SELECT count(*) FROM known_browsers").fetchone() == (0,)


async def test_nothing_tells_which_names_exist(
    app: FastAPI, connection: psycopg.Connection, hasher: CountingHasher
) -> None:
    """Neither words, nor waits, nor the work that is done, nor what is left to be counted."""
    told: dict[str, list[tuple[object, ...]]] = {}
    for name in NAMES:
        steps: list[tuple[object, ...]] = []
        connection.execute("DELETE FROM sign_in_failures")
        connection.commit()
        async with visiting(app) as browser:
            for _ in range(8):
                hasher.verified = 0
                answer = await sign_in(browser, name, "wrong password")
                words = answer.text.replace(form_token_of(answer), "")
                subject = name_subject(name)
                counted = [
                    ("name" if row[0] == subject else row[0], *row[1:])
                    for row in failures(connection)
                ]
                steps.append(
                    (
                        answer.status_code,
                        answer.headers.get("retry-after"),
                        words.replace(f'value="{name}"', ""),
                        hasher.verified,
                        counted,
                    )
                )
        told[name] = steps
    expected = told["lin"]
    assert [step[:2] for step in expected] == [(422, None)] * 4 + [(429, "2")] * 4
    assert {name for name, steps in told.items() if steps != expected} <= {"\0"}
    # A NUL is shown otherwise in the form's field, and so cannot be told from it by words alone.
    assert [step[:2] + step[3:] for step in told["\0"]] == [
        step[:2] + step[3:] for step in expected
    ]


async def test_one_attempt_looks_at_one_password(app: FastAPI, hasher: CountingHasher) -> None:
    """Whoever's, and none where it has to wait."""
    async with visiting(app) as browser:
        for name in NAMES:
            hasher.verified = 0
            await sign_in(browser, name, "wrong password")
            assert hasher.verified == 1, name


async def test_names_that_share_a_row_share_it_whoever_has_them(
    app: FastAPI, connection: psycopg.Connection, clock: Clock
) -> None:
    """Two that do tell nothing: an account's name and an invented one wait for each other too."""
    shared = next(
        name
        for name in (f"nobody-{number}" for number in range(10_000_000))
        if name_subject(name) == name_subject("lin")
    )
    async with visiting(app) as browser:
        await fail(browser, shared, 4, clock)
        assert (await sign_in(browser, "lin")).headers["retry-after"] == "2"
        clock.move(seconds=2)
        await fail(browser, "lin", 1, clock)
        assert (await sign_in(browser, shared)).headers["retry-after"] == "4"
    del connection


async def test_that_somebody_signed_in_cannot_be_seen_by_strangers(
    app: FastAPI, connection: psycopg.Connection, clock: Clock
) -> None:
    """It leaves what is counted as it was, to the moment."""
    async with visiting(app, address="203.0.113.9") as stranger:
        await fail(stranger, "lin", 3, clock)
    before = failures(connection)
    clock.move(seconds=60)
    async with visiting(app) as browser:
        assert (await sign_in(browser, "lin")).status_code == 303
    assert failures(connection) == before


async def test_a_burst_from_one_address_is_tried_as_often_as_one_after_another(
    app: FastAPI, connection: psycopg.Connection, hasher: CountingHasher
) -> None:
    """Of 300 wrong passwords at once 21 are looked at: each is counted before it is."""
    async with visiting(app) as browser:
        token = form_token_of(await browser.get("/sign-in"))
        waves = [
            await asyncio.gather(
                *(
                    browser.post(
                        "/sign-in",
                        data={
                            "form_token": token,
                            "name": f"name-{wave}-{number}",
                            "password": "wrong password",
                        },
                    )
                    for number in range(100)
                )
            )
            for wave in range(3)
        ]
    codes = sorted(answer.status_code for wave in waves for answer in wave)
    assert codes == [422] * 21 + [429] * 279
    assert hasher.verified == 21
    assert ("address:127.0.0.1", 21) in [row[:2] for row in failures(connection)]


async def test_whoever_is_being_looked_at_holds_up_nobody_else(
    app: FastAPI, hasher: CountingHasher
) -> None:
    """While all hashing stands still, and a hundred wait for it, the rest of the house answers."""
    hasher.go_on.clear()
    async with visiting(app) as browser:
        token = form_token_of(await browser.get("/sign-in"))
        burst = [
            asyncio.create_task(
                browser.post(
                    "/sign-in",
                    data={"form_token": token, "name": f"name-{number}", "password": PASSWORD},
                )
            )
            for number in range(150)
        ]
        await asyncio.to_thread(hasher.begun.wait)
        assert (await browser.get("/healthz")).status_code == 200
        assert (await browser.get("/sign-in")).status_code == 200
        assert (await browser.get("/api/v1/me")).status_code == 401
        hasher.go_on.set()
        answers = await asyncio.gather(*burst)
    refused = [answer for answer in answers if answer.headers.get("retry-after") == "5"]
    assert len(refused) == 150 - 102
    assert {answer.status_code for answer in refused} == {429}


async def test_a_clock_that_was_ahead_locks_nobody_out(app: FastAPI, clock: Clock) -> None:
    """Once it is set right, failures of its day keep nobody waiting."""
    clock.move(days=1)
    async with visiting(app) as browser:
        await fail(browser, "lin", 12, clock)
        assert (await sign_in(browser, "lin")).status_code == 429
        clock.move(days=-1)
        assert (await sign_in(browser, "lin")).status_code == 303
