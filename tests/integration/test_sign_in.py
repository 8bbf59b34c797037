"""The door for people: signing in and out, sessions, forms, delays, and their own passwords."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from api.access.delays import FREE_BY_ADDRESS, name_subject
from api.access.passwords import is_password
from api.access.personal_keys import PERSONAL_SCOPES
from api.access.roles import Role
from api.access.users import disable_user, reset_password
from api.app import create_app
from api.web.clock import Clock as AppClock
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import key_of
from tests.support.roles import API, as_role
from tests.support.visiting import PASSWORD, add_person, form_token_of, sign_in, visiting

TESTS = Actor("command:tests", "command line")
OTHER_PASSWORD = "another horse battery"  # noqa: S105 - of nobody real
HTMX = {"hx-request": "true", "accept": "*/*"}


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The clock of the application."""
    return Clock()


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The database, with the accounts lin, wang and wu."""
    with connect(database_url) as connection:
        add_person(connection, "lin", Role.VERIFIER)
        add_person(connection, "wang", Role.AUDITOR)
        add_person(connection, "wu", Role.ADMIN)
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection, clock: Clock) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only its accounts
    with open_pool(as_role(database_url, API), size=4) as pool:
        yield create_app(Settings(), pool, clock=AppClock(lambda: clock.now))


def rows(connection: psycopg.Connection, query: str) -> list[tuple[object, ...]]:
    """What the database holds now."""
    found = connection.execute(query.encode()).fetchall()
    connection.commit()
    return found


def change(connection: psycopg.Connection, query: str) -> None:
    """Change something past the programs."""
    connection.execute(query.encode())
    connection.commit()


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    """Whether the browser has a session that counts."""
    answer = await browser.get("/account/password")
    assert answer.status_code in {200, 303}
    return answer.status_code == 200


async def test_a_person_signs_in_and_goes_on_where_they_wanted(app: FastAPI) -> None:
    """A page that needs a session leads to the door, and the door back to the page."""
    async with visiting(app) as browser:
        shut = await browser.get("/account/password?a=1")
        assert shut.status_code == 303
        assert shut.headers["location"] == "/sign-in?next=%2Faccount%2Fpassword%3Fa%3D1"
        answer = await sign_in(browser, "lin", next_page="/account/password?a=1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/account/password?a=1"
        assert await is_signed_in(browser)


@pytest.mark.parametrize(
    "next_page", ["https://evil.example/", "//evil.example", "/\\evil.example"]
)
async def test_the_door_leads_to_no_other_machine(app: FastAPI, next_page: str) -> None:
    """Whatever the address says."""
    async with visiting(app) as browser:
        page = await browser.get("/sign-in", params={"next": next_page})
        assert 'name="next" value="/"' in page.text
        answer = await sign_in(browser, "lin", next_page=next_page)
        assert answer.headers["location"] == "/"


async def test_the_cookie_of_a_session_is_for_the_browser_alone(app: FastAPI) -> None:
    """No script reads it, no other site's form sends it."""
    async with visiting(app) as browser:
        cookie = (await sign_in(browser, "lin")).headers.get_list("set-cookie")[0]
    assert cookie.startswith("jieru_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


async def test_behind_tls_the_cookie_is_secure_and_of_this_host_only(app: FastAPI) -> None:
    """By the prefix that browsers check."""
    async with visiting(app, base_url="https://jieru.test") as browser:
        cookie = (await sign_in(browser, "lin")).headers.get_list("set-cookie")[0]
        assert cookie.startswith("__Host-jieru_session=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
        assert await is_signed_in(browser)


async def test_the_database_holds_no_cookie(app: FastAPI, connection: psycopg.Connection) -> None:
    """Whoever reads it cannot come in with what is there."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        token = browser.cookies["jieru_session"]
    (row,) = rows(connection, "SELECT sessions::text FROM sessions")
    assert token not in str(row)


async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(app: FastAPI) -> None:
    """Nobody learns who has an account."""
    async with visiting(app) as browser:
        answers = [
            await sign_in(browser, name, password)
            for name, password in [("lin", "wrong password"), ("nobody", PASSWORD), ("\0", "x")]
        ]
    assert {answer.status_code for answer in answers} == {422}
    assert all("The name or the password is wrong." in answer.text for answer in answers)
    assert not any(cookie.name == "jieru_session" for cookie in browser.cookies.jar)


async def test_every_sign_in_begins_another_session_and_ends_the_one_before(app: FastAPI) -> None:
    """A cookie that somebody planted is worth nothing afterwards."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", "A" * 43, domain="jieru.test")
        await sign_in(browser, "lin")
        first = browser.cookies["jieru_session"]
        await sign_in(browser, "lin")
        second = browser.cookies["jieru_session"]
        assert len({"A" * 43, first, second}) == 3
        browser.cookies.set("jieru_session", first, domain="jieru.test")
        assert not await is_signed_in(browser)


async def test_signing_out_ends_the_session_for_good(app: FastAPI) -> None:
    """Also for whoever kept the cookie."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        token = browser.cookies["jieru_session"]
        form_token = form_token_of(await browser.get("/account/password"))
        answer = await browser.post("/sign-out", data={"form_token": form_token})
        assert answer.headers["location"] == "/sign-in"
        assert "jieru_session" not in browser.cookies
        browser.cookies.set("jieru_session", token, domain="jieru.test")
        assert not await is_signed_in(browser)


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE sessions SET revoked_at = now()",
        "UPDATE sessions SET expires_at = now()",
        "UPDATE sessions SET last_used_at = now() - interval '2 hours'",
        "UPDATE users SET disabled_at = now()",
    ],
    ids=["revoked", "expired", "idle", "disabled"],
)
async def test_a_session_that_ended_opens_nothing(
    app: FastAPI, connection: psycopg.Connection, end: str
) -> None:
    """From the next request on."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        assert await is_signed_in(browser)
        change(connection, end)
        assert not await is_signed_in(browser)


async def test_disabling_an_account_shuts_the_door_at_once(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Its sessions, and its password."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        with changing(connection, TESTS):
            disable_user(connection, "lin")
        connection.commit()
        assert not await is_signed_in(browser)
        assert (await sign_in(browser, "lin")).status_code == 422
    assert rows(connection, "SELECT FROM sessions WHERE revoked_at IS NULL") == []


async def test_another_password_from_an_administrator_ends_all_sessions(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """And only the other password opens the door."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        with changing(connection, TESTS):
            reset_password(connection, "lin", OTHER_PASSWORD)
        connection.commit()
        assert not await is_signed_in(browser)
        assert (await sign_in(browser, "lin")).status_code == 422
        assert (await sign_in(browser, "lin", OTHER_PASSWORD)).status_code == 303


async def test_a_form_from_elsewhere_signs_nobody_in(app: FastAPI) -> None:
    """Without the cookie and the field that belong together there is no session."""
    fields = {"name": "lin", "password": PASSWORD}
    async with visiting(app) as browser, visiting(app) as another:
        bare = await browser.post("/sign-in", data=fields)
        foreign_token = form_token_of(await another.get("/sign-in"))
        mixed = await browser.post("/sign-in", data=fields | {"form_token": foreign_token})
    for answer in (bare, mixed):
        assert answer.status_code == 400
        assert "Send it again" in answer.text
        assert "jieru_session=" not in str(answer.headers)


async def test_a_change_needs_the_token_of_its_own_session(app: FastAPI) -> None:
    """In the form, or in a header as scripts send it; anything else is refused."""
    fields = {"old": "x", "new": "x", "again": "y"}
    async with visiting(app) as browser, visiting(app) as another:
        await sign_in(browser, "lin")
        await sign_in(another, "wang")
        mine = form_token_of(await browser.get("/account/password"))
        theirs = form_token_of(await another.get("/account/password"))
        for token in ("", "nonsense", theirs):
            answer = await browser.post("/account/password", data=fields | {"form_token": token})
            assert answer.status_code == 403
        in_form = await browser.post("/account/password", data=fields | {"form_token": mine})
        in_header = await browser.post(
            "/account/password", data=fields, headers={"x-form-token": mine}
        )
        wrong_header = await browser.post(
            "/account/password",
            data=fields | {"form_token": mine},
            headers={"x-form-token": theirs},
        )
    assert in_form.status_code == in_header.status_code == 422
    assert wrong_header.status_code == 403


async def test_a_json_change_with_a_session_needs_the_header(app: FastAPI) -> None:
    """A page's script sends it; another site's cannot."""
    async with visiting(app) as browser:
        await sign_in(browser, "wu")
        token = form_token_of(await browser.get("/account/password"))
        refused = await browser.post("/api/v1/api-keys", json={})
        allowed = await browser.post("/api/v1/api-keys", json={}, headers={"x-form-token": token})
    assert refused.status_code == 403
    assert allowed.status_code == 422


async def test_a_part_of_a_page_leads_the_whole_page_to_the_door(app: FastAPI) -> None:
    """By the header that htmx follows."""
    async with visiting(app) as browser:
        answer = await browser.get("/account/password", headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2F"


async def test_the_fourth_failure_costs_two_seconds_and_each_further_one_the_double(
    app: FastAPI, clock: Clock
) -> None:
    """Too early is answered with 429 and when to come back, even to the right password."""
    async with visiting(app) as browser:
        for _ in range(4):
            assert (await sign_in(browser, "lin", "wrong")).status_code == 422
        early = await sign_in(browser, "lin")
        assert early.status_code == 429
        assert early.headers["retry-after"] == "2"
        assert "Wait 2 seconds" in early.text
        clock.move(2)
        assert (await sign_in(browser, "lin", "wrong")).status_code == 422
        assert (await sign_in(browser, "lin")).headers["retry-after"] == "4"
        clock.move(4)
        assert (await sign_in(browser, "lin")).status_code == 303


async def test_guesses_that_come_at_once_follow_one_another(
    app: FastAPI, connection: psycopg.Connection, clock: Clock
) -> None:
    """Only one of them is looked at."""
    failed = (name_subject("lin"), 5, clock.now)
    connection.execute("INSERT INTO sign_in_failures VALUES (%s, %s, %s)", failed)
    connection.commit()
    clock.move(4)
    async with visiting(app) as browser:
        fields = {"form_token": form_token_of(await browser.get("/sign-in")), "name": "lin"}
        answers = await asyncio.gather(
            *(browser.post("/sign-in", data=fields | {"password": f"guess {n}"}) for n in range(8))
        )
    assert sorted(answer.status_code for answer in answers) == [422] + [429] * 7


async def test_a_burst_of_guesses_from_one_address_hashes_no_more_than_it_may_fail(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is counted before its password is looked at, under whatever names they come."""
    looked_at: list[str] = []

    def counting(stored: str | None, password: str) -> bool:
        looked_at.append(password)
        return is_password(stored, password)

    monkeypatch.setattr("api.access.signing_in.is_password", counting)
    async with visiting(app, address="203.0.113.9") as browser:
        token = form_token_of(await browser.get("/sign-in"))
        answers = await asyncio.gather(
            *(
                browser.post(
                    "/sign-in",
                    data={"form_token": token, "name": f"n{n}", "password": f"guess {n}"},
                )
                for n in range(300)
            )
        )
    statuses = [answer.status_code for answer in answers]
    assert len(looked_at) == statuses.count(422) == FREE_BY_ADDRESS + 1
    assert statuses.count(429) == 300 - len(looked_at)
    assert all("retry-after" in each.headers for each in answers if each.status_code == 429)


async def test_the_wait_is_the_accounts_own(app: FastAPI) -> None:
    """Another one signs in from the same address meanwhile."""
    async with visiting(app) as browser:
        for _ in range(4):
            await sign_in(browser, "lin", "wrong")
        assert (await sign_in(browser, "wang")).status_code == 303


async def test_a_name_that_nobody_has_is_made_to_wait_as_well(app: FastAPI) -> None:
    """Or the wait would tell who has an account."""
    async with visiting(app) as browser:
        for _ in range(4):
            assert (await sign_in(browser, "nobody", "wrong")).status_code == 422
        assert (await sign_in(browser, "nobody", "wrong")).status_code == 429


async def test_success_takes_itself_back_and_forgets_what_is_a_day_old(
    app: FastAPI, connection: psycopg.Connection, clock: Clock
) -> None:
    """What strangers may have done stays: by what went they could tell that somebody came in."""
    async with visiting(app, address="203.0.113.9") as browser:
        await sign_in(browser, "wang", "wrong")
        clock.move(86_401)
        await sign_in(browser, "lin", "wrong")
        clock.move(1)
        await sign_in(browser, "lin", "wrong")
        failed = "SELECT subject, failures, last_failed_at FROM sign_in_failures ORDER BY subject"
        clock.move(1)
        before = rows(connection, failed)
        assert (await sign_in(browser, "lin")).status_code == 303
    left = [row for row in before if row[0] != name_subject("wang")]
    assert [row[1] for row in left] == [2, 2]
    assert rows(connection, failed) == left


async def test_an_address_that_guesses_through_many_accounts_is_made_to_wait(
    app: FastAPI, connection: psycopg.Connection, clock: Clock
) -> None:
    """And nobody at another address."""
    connection.execute(
        "INSERT INTO sign_in_failures VALUES ('address:203.0.113.9', 21, %s)", (clock.now,)
    )
    connection.commit()
    async with visiting(app, address="203.0.113.9") as guesser, visiting(app) as person:
        assert (await sign_in(guesser, "lin")).headers["retry-after"] == "2"
        assert (await sign_in(person, "lin")).status_code == 303


async def test_a_person_changes_the_own_password_and_keeps_only_this_session(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """It needs the old one; the audit says who did it, and holds no hash."""
    async with visiting(app) as browser, visiting(app) as elsewhere:
        await sign_in(elsewhere, "lin")
        await sign_in(browser, "lin")
        answer = await change_own(browser, PASSWORD, OTHER_PASSWORD)
        assert answer.status_code == 303
        assert await is_signed_in(browser)
        assert not await is_signed_in(elsewhere)
        assert (await sign_in(elsewhere, "lin")).status_code == 422
        assert (await sign_in(elsewhere, "lin", OTHER_PASSWORD)).status_code == 303
    ((actor, entry),) = rows(
        connection,
        "SELECT actor, after::text FROM audit_entries"
        " WHERE record_kind = 'users' AND action = 'change'",
    )
    assert actor == "user:lin"
    assert "argon2" not in str(entry)


async def test_changing_the_own_password_ends_the_personal_keys(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """As another's reset does; a better hash of the same password, or a wrong one, ends none."""
    keys = "SELECT revoked_at IS NOT NULL FROM api_keys ORDER BY id"
    for name in ("lin", "wu"):
        key_of(connection, name, kind="personal", scopes=PERSONAL_SCOPES)
    connection.execute(
        "UPDATE users SET password_hash = %s WHERE name = 'lin'",
        (PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD),),
    )
    connection.commit()
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        await change_own(browser, "wrong password", OTHER_PASSWORD)
        assert rows(connection, keys) == [(False,), (False,)]
        assert (await change_own(browser, PASSWORD, OTHER_PASSWORD)).status_code == 303
    assert rows(connection, keys) == [(True,), (False,)]


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("wrong password", OTHER_PASSWORD, OTHER_PASSWORD, "The present password is wrong."),
        (PASSWORD, OTHER_PASSWORD, PASSWORD, "The two new passwords differ."),
        (PASSWORD, "short", "short", "at least 12"),
    ],
)
async def test_a_password_that_cannot_be_taken_is_told_and_nothing_changes(
    app: FastAPI, old: str, new: str, again: str, said: str
) -> None:
    """In the form itself."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        answer = await change_own(browser, old, new, again)
        assert answer.status_code == 422
        assert said in answer.text
        assert (await sign_in(browser, "lin")).status_code == 303


async def change_own(
    browser: httpx.AsyncClient, old: str, new: str, again: str | None = None
) -> httpx.Response:
    """What the form for another password answers."""
    token = form_token_of(await browser.get("/account/password"))
    fields = {"old": old, "new": new, "again": new if again is None else again}
    return await browser.post("/account/password", data=fields | {"form_token": token})


async def test_an_old_password_cannot_be_guessed_with_a_stolen_session(app: FastAPI) -> None:
    """The same wait as at the door."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        for _ in range(4):
            await change_own(browser, "wrong password", OTHER_PASSWORD)
        answer = await change_own(browser, PASSWORD, OTHER_PASSWORD)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"


@pytest.mark.usefixtures("heavy_passwords")
async def test_a_hash_of_yesterdays_parameters_is_made_anew_at_the_door(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Without its person noticing."""
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    connection.execute("UPDATE users SET password_hash = %s WHERE name = 'lin'", (weak,))
    connection.commit()
    async with visiting(app) as browser:
        assert (await sign_in(browser, "lin")).status_code == 303
        assert await is_signed_in(browser)
    ((kept,),) = rows(connection, "SELECT password_hash FROM users WHERE name = 'lin'")
    assert kept != weak
    assert str(kept).startswith("$argon2id$v=19$m=65536")


async def test_a_button_for_a_provider_is_shown_only_where_there_is_one(app: FastAPI) -> None:
    """And its addresses lead nowhere."""
    async with visiting(app) as browser:
        assert "/sign-in/oidc" not in (await browser.get("/sign-in")).text
        assert (await browser.get("/sign-in/oidc")).status_code == 404
        assert (await browser.get("/sign-in/oidc/callback?state=x")).status_code == 404
