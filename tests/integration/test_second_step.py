"""The second step of signing in: codes of a phone, recovery codes, and what a role must have."""

import asyncio
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pyotp
import pytest
from fastapi import FastAPI

from api.access.person import CodeNeededError, verified_person
from api.access.roles import Role
from api.access.second_factors import begin_factor, factor_of
from api.access.users import disable_user, reset_password, reset_second_factor
from api.app import create_app
from api.web.clock import Clock as AppClock
from api.web.problems import Kind, Problem
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.errors import UserError
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.fleet import wait_until
from tests.support.roles import API, as_role
from tests.support.second_steps import code_at, give_code, key_file, key_of, set_up
from tests.support.visiting import PASSWORD, add_person, form_token_of, sign_in, visiting

TESTS = Actor("command:tests", "command line")
_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_SHOWN = re.compile(r'<pre id="(totp-secret|totp-address|recovery-codes)"[^>]*>([^<]+)</pre>')


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        """Begin at this moment."""
        self.now = datetime.now(UTC)

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The clock of the application."""
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """With a key for second steps."""
    return Settings(totp_key_file=key_file(tmp_path))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The database with three accounts."""
    with connect(database_url) as connection:
        add_person(connection, "lin", Role.VERIFIER)
        add_person(connection, "wang", Role.AUDITOR)
        add_person(connection, "wu", Role.ADMIN)
        yield connection


@pytest.fixture
def app(
    database_url: str, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only its accounts
    yield from application(database_url, settings, clock)


def application(url: str, settings: Settings, clock: Clock) -> Iterator[FastAPI]:
    """An application with this clock, and with no more rights than in production."""
    with open_pool(as_role(url, API), size=4) as pool:
        yield create_app(settings, pool, clock=AppClock(lambda: clock.now))


def shown(page: httpx.Response) -> dict[str, str]:
    """What a page shows once."""
    return {name: html.unescape(text) for name, text in _SHOWN.findall(page.text)}


async def post(browser: httpx.AsyncClient, address: str, **fields: str) -> httpx.Response:
    """A form of the account's page, sent."""
    token = form_token_of(await browser.get("/account/totp"))
    return await browser.post(address, data=fields | {"form_token": token})


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    """Whether the browser has a session that counts."""
    return (await browser.get("/api/v1/me")).status_code == 200


async def test_a_person_sets_up_a_second_step_and_needs_it_from_then_on(
    app: FastAPI, connection: psycopg.Connection, clock: Clock
) -> None:
    """Secret as text, address and picture, then recovery codes: each shown once."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        page = await post(browser, "/account/totp", password=PASSWORD)
        secret = shown(page)["totp-secret"]
        address = pyotp.parse_uri(shown(page)["totp-address"])
        assert address.secret == secret
        assert (address.name, address.issuer) == ("lin", "Jieru 接入")
        assert "<svg" in page.text
        done = await post(browser, "/account/totp/confirm", code=code_at(secret, clock.now))
        assert len(shown(done)["recovery-codes"].split()) == 10
        again = await browser.get("/account/totp")
        assert "Recovery codes left: 10" in again.text
        assert secret not in again.text

        clock.move(30)
        answer = await sign_in(browser, "lin", next_page="/account/password")
        assert answer.headers["location"] == "/sign-in/code?next=%2Faccount%2Fpassword"
        answer = await give_code(browser, code_at(secret, clock.now), {"next": "/account/password"})
        assert answer.headers["location"] == "/account/password"
        assert await is_signed_in(browser)
    kept = str(connection.execute("SELECT second_factors::text FROM second_factors").fetchall())
    assert secret not in kept
    audited = connection.execute(
        "SELECT actor, action, after::text FROM audit_entries"
        " WHERE record_kind = 'second_factors' ORDER BY number"
    ).fetchall()
    assert [row[:2] for row in audited] == [("user:lin", "create"), ("user:lin", "change")]
    assert secret not in str(audited)


async def test_confirming_it_ends_the_other_sessions(app: FastAPI, clock: Clock) -> None:
    """They were begun with the password alone; this one goes on, and a wrong code ends none."""
    async with visiting(app) as browser, visiting(app) as other, visiting(app) as wang:
        await sign_in(browser, "lin")
        await sign_in(other, "lin")
        await sign_in(wang, "wang")
        secret = shown(await post(browser, "/account/totp", password=PASSWORD))["totp-secret"]
        await post(browser, "/account/totp/confirm", code="000000")
        assert await is_signed_in(other)
        await post(browser, "/account/totp/confirm", code=code_at(secret, clock.now))
        assert not await is_signed_in(other)
        assert await is_signed_in(browser)
        assert await is_signed_in(wang)


async def test_codes_that_confirm_are_counted_before_they_are_looked_at(
    app: FastAPI, clock: Clock, connection: psycopg.Connection
) -> None:
    """Whoever has somebody's session and not the phone may not guess for long."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        secret = shown(await post(browser, "/account/totp", password=PASSWORD))["totp-secret"]
        answers = [
            await post(browser, "/account/totp/confirm", code="000000") for _number in range(12)
        ]
        assert answers[0].status_code == 422
        assert answers[-1].status_code == 429
        right = code_at(secret, clock.now)
        assert (await post(browser, "/account/totp/confirm", code=right)).status_code == 429
        clock.move(3600)
        right = code_at(secret, clock.now)
        done = await post(browser, "/account/totp/confirm", code=right)
        assert len(shown(done)["recovery-codes"].split()) == 10
    left = connection.execute(
        "SELECT count(*) FROM sign_in_failures WHERE subject LIKE 'step:%'"
    ).fetchone()
    assert left == (0,)


async def test_a_secret_that_was_not_confirmed_ends_after_a_quarter_of_an_hour(
    app: FastAPI, clock: Clock, connection: psycopg.Connection
) -> None:
    """Whoever saw the page later, or took its picture, has nothing of it."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        secret = shown(await post(browser, "/account/totp", password=PASSWORD))["totp-secret"]
        connection.execute("UPDATE second_factors SET enrolled_at = now() - interval '16 min'")
        connection.commit()
        late = await post(browser, "/account/totp/confirm", code=code_at(secret, clock.now))
        assert (late.status_code, "within 15 minutes" in late.text) == (422, True)
        kept = connection.execute("SELECT secret, ended_at IS NULL FROM second_factors")
        assert kept.fetchall() == [("", False)]
        again = await post(browser, "/account/totp/confirm", code=code_at(secret, clock.now))
        assert again.status_code == 422


def test_beginning_another_never_ends_one_that_is_confirmed(
    connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """Whatever the page saw before it was confirmed elsewhere; what was only begun is replaced."""
    key = key_of(settings)
    with changing(connection, TESTS):
        begin_factor(connection, key, 1)
    connection.commit()
    set_up(connection, key, "lin", clock.now)
    with pytest.raises(Problem) as refused, changing(connection, TESTS):
        begin_factor(connection, key, 1)
    assert refused.value.kind is Kind.CONFLICT
    connection.rollback()
    found = factor_of(connection, 1)
    assert found is not None
    assert found.confirmed_at is not None
    assert found.recovery_codes_left == 10


async def test_the_password_alone_opens_nothing(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """No session begins before the code, and what was begun is worth nothing without its cookie."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(30)
    async with visiting(app) as browser, visiting(app) as thief:
        await sign_in(browser, "lin")
        assert not await is_signed_in(browser)
        assert (await thief.get("/sign-in/code")).headers["location"] == "/sign-in"
        thief.cookies.set("jieru_code", "A" * 43, domain="jieru.test")
        assert (await give_code(thief, code_at(secret, clock.now))).status_code == 400
        assert (await give_code(browser, code_at(secret, clock.now))).status_code == 303
        assert await is_signed_in(browser)
    assert connection.execute("SELECT count(*) FROM pending_sign_ins").fetchone() == (0,)


async def test_a_clock_that_was_ahead_shuts_nobody_out(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """Codes of now are taken again, each once."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    async with visiting(app) as browser:
        clock.move(86_400)
        await sign_in(browser, "lin")
        assert (await give_code(browser, code_at(secret, clock.now))).status_code == 303
        clock.move(-86_370)
        code = code_at(secret, clock.now)
        await sign_in(browser, "lin")
        assert (await give_code(browser, code)).status_code == 303
        await sign_in(browser, "lin")
        assert (await give_code(browser, code)).status_code == 422


async def test_a_code_is_taken_once(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """Neither it nor an older one, by whoever looked over a shoulder."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    older = code_at(secret, clock.now)
    clock.move(30)
    code = code_at(secret, clock.now)
    async with visiting(app) as browser, visiting(app) as thief:
        await sign_in(browser, "lin")
        assert (await give_code(browser, code)).status_code == 303
        await sign_in(thief, "lin")
        for stolen in (code, older):
            answer = await give_code(thief, stolen)
            assert answer.status_code == 422
            assert "wrong or was used before" in answer.text
        clock.move(30)
        assert (await give_code(thief, code_at(secret, clock.now))).status_code == 303


@pytest.mark.parametrize(("apart", "status"), [(-30, 303), (30, 303), (-60, 422), (60, 422)])
async def test_a_phones_clock_may_differ_by_half_a_minute(
    app: FastAPI,
    connection: psycopg.Connection,
    settings: Settings,
    clock: Clock,
    apart: int,
    status: int,
) -> None:
    """Not by more."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(300)
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        code = code_at(secret, clock.now + timedelta(seconds=apart))
        assert (await give_code(browser, code)).status_code == status


async def test_a_recovery_code_lets_in_once(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """However it was typed; the log says so, and the database holds only hashes."""
    _secret, codes = set_up(connection, key_of(settings), "lin", clock.now)
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        assert (await give_code(browser, f" {codes[0].upper()} ")).status_code == 303
        await sign_in(browser, "lin")
        assert (await give_code(browser, codes[0])).status_code == 422
        assert (await give_code(browser, codes[1].replace("-", ""))).status_code == 303
    kinds = connection.execute(
        "SELECT kind FROM access_entries WHERE actor = 'user:lin' ORDER BY number"
    ).fetchall()
    assert [kind for (kind,) in kinds] == [
        "recovery_code_used", "sign_in", "code_failed", "recovery_code_used", "sign_in",
    ]  # fmt: skip


async def test_wrong_codes_make_it_wait_and_lock_out_nobody_else(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """A thief with the password guesses slowly; a browser that is known is counted apart."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(30)
    async with visiting(app) as browser, visiting(app) as thief:
        await sign_in(browser, "lin")
        await give_code(browser, code_at(secret, clock.now))
        clock.move(30)
        await sign_in(thief, "lin")
        for _ in range(4):
            assert (await give_code(thief, "000000")).status_code == 422
        late = await give_code(thief, code_at(secret, clock.now))
        assert (late.status_code, late.headers["retry-after"]) == (429, "2")
        await sign_in(browser, "lin")
        assert (await give_code(browser, code_at(secret, clock.now))).status_code == 303


async def test_setting_it_up_needs_the_password_and_ending_it_a_code(
    app: FastAPI, connection: psycopg.Connection, clock: Clock
) -> None:
    """A stolen session changes neither."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        refused = await post(browser, "/account/totp", password="wrong password")  # noqa: S106
        assert refused.status_code == 422
        assert "The present password is wrong." in refused.text
        secret = shown(await post(browser, "/account/totp", password=PASSWORD))["totp-secret"]
        assert (await post(browser, "/account/totp/confirm", code="000000")).status_code == 422
        await post(browser, "/account/totp/confirm", code=code_at(secret, clock.now))
        assert (await post(browser, "/account/totp", password=PASSWORD)).status_code == 409
        assert (await post(browser, "/account/totp/end", code="000000")).status_code == 422
        clock.move(30)
        ended = await post(browser, "/account/totp/end", code=code_at(secret, clock.now))
        assert ended.status_code == 303
        assert (await sign_in(browser, "lin")).headers["location"] == "/"
    row = connection.execute("SELECT secret FROM second_factors").fetchone()
    assert row == ("",)


async def test_a_stolen_session_guesses_no_code_to_end_it(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """Whatever browser it says it is: a cookie that was made up counts as none."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(30)
    async with visiting(app) as browser, visiting(app) as thief:
        await sign_in(browser, "lin")
        await give_code(browser, code_at(secret, clock.now))
        thief.cookies.set("jieru_session", browser.cookies["jieru_session"], domain="jieru.test")
        answers = []
        for number in range(5):
            thief.cookies.set("jieru_browser", f"{number}" * 43, domain="jieru.test")
            answers.append(await post(thief, "/account/totp/end", code="000000"))
    assert [answer.status_code for answer in answers] == [422] * 4 + [429]


async def test_an_administrator_resets_it_and_the_audit_says_so(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """When a phone is lost: sessions end, and the password alone suffices until it is set up."""
    secret, codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(30)
    async with visiting(app) as browser, visiting(app) as halfway:
        await sign_in(browser, "lin")
        await give_code(browser, code_at(secret, clock.now))
        await sign_in(halfway, "lin")
        with changing(connection, TESTS):
            reset_second_factor(connection, "lin")
        connection.commit()
        assert not await is_signed_in(browser)
        assert (await give_code(halfway, codes[0])).status_code == 400
        assert (await sign_in(browser, "lin")).headers["location"] == "/"
    (actor,) = connection.execute(
        "SELECT actor FROM audit_entries WHERE record_kind = 'second_factors'"
        " ORDER BY number DESC LIMIT 1"
    ).fetchall()
    assert actor == (TESTS.name,)
    with changing(connection, TESTS), pytest.raises(UserError):
        reset_second_factor(connection, "lin")


async def test_another_password_ends_what_was_begun_with_the_old_one(
    app: FastAPI, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """Whoever waits at the code begins again."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(30)
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        with changing(connection, TESTS):
            reset_password(connection, "lin", "another horse battery")
        connection.commit()
        assert (await give_code(browser, code_at(secret, clock.now))).status_code == 400


async def test_who_is_disabled_while_giving_a_code_is_not_let_in(
    app: FastAPI,
    database_url: str,
    connection: psycopg.Connection,
    settings: Settings,
    clock: Clock,
) -> None:
    """Neither of the two waits for the other for ever: both take the account first."""
    secret, _codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(30)
    with connect(database_url) as disabling, connect(database_url, autocommit=True) as watching:

        def is_waiting() -> bool:
            row = watching.execute(_WAITING).fetchone()
            return row is not None and row[0] > 0

        async with visiting(app) as browser:
            await sign_in(browser, "lin")
            disabling.execute("SELECT FROM users WHERE name = 'lin' FOR UPDATE")
            giving = asyncio.create_task(give_code(browser, code_at(secret, clock.now)))
            await asyncio.to_thread(wait_until, is_waiting, "the code waits for the account")
            with changing(disabling, TESTS):
                disable_user(disabling, "lin")
            disabling.commit()
            assert (await giving).status_code == 400
            assert not await is_signed_in(browser)


async def test_without_the_key_only_recovery_codes_let_in(
    database_url: str, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """A lost or another file is said; nobody is let in without a code because of it."""
    secret, codes = set_up(connection, key_of(settings), "lin", clock.now)
    clock.move(30)
    for app in application(database_url, Settings(), clock):
        async with visiting(app) as browser:
            await sign_in(browser, "lin")
            answer = await give_code(browser, code_at(secret, clock.now))
            assert answer.status_code == 503
            assert "JIERU_TOTP_KEY_FILE" in answer.text
            assert (await give_code(browser, codes[0])).status_code == 303
            assert "JIERU_TOTP_KEY_FILE" in (await browser.get("/account/totp")).text


async def test_whoever_must_have_it_can_do_nothing_before(
    database_url: str, connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """Verifiers and administrators are led to it, whatever they ask; others go on."""
    del connection  # only its accounts
    required = settings.model_copy(update={"totp_required": True})
    for app in application(database_url, required, clock):
        for name in ("lin", "wu"):
            async with visiting(app) as browser:
                await sign_in(browser, name)
                for page in ("/", "/counts", "/users/nothing", "/audit"):
                    answer = await browser.get(page)
                    assert answer.status_code in {303, 404}, page
                    assert answer.headers.get("location", "/account/totp") == "/account/totp"
                token = form_token_of(await browser.get("/account/totp"))
                headers = {"x-form-token": token}
                assert (await browser.get("/api/v1/platforms")).status_code == 403
                created = await browser.post("/api/v1/api-keys", json={}, headers=headers)
                assert created.status_code == 403
                secret = shown(await post(browser, "/account/totp", password=PASSWORD))
                code = code_at(secret["totp-secret"], clock.now)
                await post(browser, "/account/totp/confirm", code=code)
                assert (await browser.get("/api/v1/platforms")).status_code == 200
        async with visiting(app) as browser:
            await sign_in(browser, "wang")
            assert (await browser.get("/api/v1/platforms")).status_code == 200


async def test_a_program_has_no_second_step(app: FastAPI, connection: psycopg.Connection) -> None:
    """Its key is its own."""
    key = bearer(connection, Role.ADMIN)
    async with visiting(app) as browser:
        assert (await browser.get("/account/totp", headers=key)).status_code == 404
        answer = await browser.post("/account/totp", data={"password": "x"}, headers=key)
        assert answer.status_code == 404


def test_a_person_at_the_command_line_shows_the_same(
    connection: psycopg.Connection, settings: Settings, clock: Clock
) -> None:
    """Name, password and code by the same rules; nothing tells which of the first two was wrong."""
    key = key_of(settings)
    secret, _codes = set_up(connection, key, "lin", clock.now)
    clock.move(30)
    code = code_at(secret, clock.now)

    def verified(name: str, password: str = PASSWORD, code: str = "") -> str:
        return verified_person(connection, name, password, code, now=clock.now, totp_key=key).name

    assert verified("wang") == "wang"
    for name, password in (("lin", "wrong password"), ("nobody", PASSWORD)):
        with pytest.raises(UserError, match=r"密码|password"):
            verified(name, password)
    with pytest.raises(CodeNeededError):
        verified("lin")
    with pytest.raises(UserError) as wrong:
        verified("lin", PASSWORD, "000000")
    assert not isinstance(wrong.value, CodeNeededError)
    assert verified(" LIN", PASSWORD, code) == "lin"
    with pytest.raises(UserError):
        verified("lin", PASSWORD, code)
    kinds = connection.execute("SELECT kind, actor FROM access_entries ORDER BY number").fetchall()
    assert kinds == [
        ("sign_in", "user:wang"),
        ("sign_in_failed", "user:lin"),
        ("sign_in_failed", None),
        ("code_failed", "user:lin"),
        ("sign_in", "user:lin"),
        ("code_failed", "user:lin"),
    ]


def test_guesses_at_the_command_line_wait_apart_from_the_door(
    connection: psycopg.Connection, clock: Clock
) -> None:
    """Four failures, then a wait; an administrator's reset ends it."""

    def attempt(password: str) -> str:
        return verified_person(connection, "lin", password, now=clock.now, totp_key=None).name

    for _ in range(4):
        with pytest.raises(UserError):
            attempt("wrong password")
    with pytest.raises(UserError, match="2"):
        attempt(PASSWORD)
    subjects = connection.execute("SELECT subject FROM sign_in_failures").fetchall()
    assert [subject.startswith("command:") for (subject,) in subjects] == [True]
    with changing(connection, TESTS):
        reset_password(connection, "lin", PASSWORD)
    connection.commit()
    assert attempt(PASSWORD) == "lin"
