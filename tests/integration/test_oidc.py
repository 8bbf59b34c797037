"""Signing in through an OpenID provider: a real one on loopback, honest and not."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from joserfc.jwk import OctKey

from api.access.roles import Role
from api.access.users import set_issuer
from api.app import create_app
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    OpenIdProvider,
    new_key,
    running_provider,
)
from tests.support.roles import API, as_role
from tests.support.second_steps import give_code, key_file, key_of, set_up
from tests.support.visiting import add_person, visiting


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    """The city's provider; this console is registered with it."""
    with running_provider() as provider:
        provider.redirect_uri = "http://jieru.test/sign-in/oidc/callback"
        yield provider


@pytest.fixture
def connection(database_url: str, provider: OpenIdProvider) -> Iterator[psycopg.Connection]:
    """The database, where lin is known to the provider as sub-lin."""
    with connect(database_url) as connection:
        add_person(
            connection,
            "lin",
            Role.VERIFIER,
            oidc_subject="sub-lin",
            oidc_issuer=provider.issuer,
        )
        yield connection


@pytest.fixture
def app(
    database_url: str, connection: psycopg.Connection, provider: OpenIdProvider
) -> Iterator[FastAPI]:
    """The application, told of the provider."""
    del connection  # only its account
    settings = Settings(
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="City Account",
    )
    with open_pool(as_role(database_url, API), size=2) as pool:
        yield create_app(settings, pool)


async def go_to_provider(browser: httpx.AsyncClient, next_page: str = "/counts/2026") -> str:
    """The address at the provider to which the button leads."""
    answer = await browser.get("/sign-in/oidc", params={"next": next_page})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def pass_provider(address: str) -> str:
    """Where the provider sends the browser after its person signed in there."""
    async with httpx.AsyncClient(trust_env=False) as outside:
        answer = await outside.get(address)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def sign_in(browser: httpx.AsyncClient) -> httpx.Response:
    """The whole way round."""
    return await browser.get(await pass_provider(await go_to_provider(browser)))


async def test_a_person_whom_the_provider_knows_comes_in(app: FastAPI) -> None:
    """By the button, to the page they wanted, with the role of their account here."""
    async with visiting(app) as browser:
        page = await browser.get("/sign-in", params={"next": "/counts/2026"})
        assert "Sign in with City Account" in page.text
        assert 'href="/sign-in/oidc?next=%2Fcounts%2F2026"' in page.text
        answer = await sign_in(browser)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == "/counts/2026"
        assert "jieru_oidc" not in browser.cookies
        me = (await browser.get("/api/v1/me")).json()
    assert (me["actor"], me["role"]) == ("user:lin", "verifier")


async def test_whoever_has_a_second_step_is_asked_for_it_here_too(
    database_url: str,
    connection: psycopg.Connection,
    provider: OpenIdProvider,
    tmp_path: Path,
) -> None:
    """Whatever the provider asked."""
    settings = Settings(
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        totp_key_file=key_file(tmp_path),
    )
    _secret, codes = set_up(connection, key_of(settings), "lin", datetime.now(UTC))
    with open_pool(database_url, size=2) as pool:
        async with visiting(create_app(settings, pool)) as browser:
            answer = await sign_in(browser)
            assert answer.headers["location"] == "/sign-in/code?next=%2Fcounts%2F2026"
            assert (await browser.get("/api/v1/me")).status_code == 401
            assert (await give_code(browser, codes[0])).status_code == 303
            assert (await browser.get("/api/v1/me")).status_code == 200


async def test_what_binds_a_sign_in_to_its_browser_is_a_short_cookie(app: FastAPI) -> None:
    """No script reads it."""
    async with visiting(app) as browser:
        answer = await browser.get("/sign-in/oidc")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("jieru_oidc=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=600" in cookie


async def test_two_sign_ins_share_no_secret(app: FastAPI) -> None:
    """State, nonce and challenge are new each time."""
    async with visiting(app) as browser:
        asked = [parse_qs(urlsplit(await go_to_provider(browser)).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]


async def test_roles_are_never_taken_from_the_provider(
    app: FastAPI, provider: OpenIdProvider
) -> None:
    """Whatever it says."""
    provider.claims = {"role": "admin", "roles": ["admin"], "groups": ["admin"]}
    async with visiting(app) as browser:
        await sign_in(browser)
        assert (await browser.get("/api/v1/me")).json()["role"] == "verifier"


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        {"aud": None},
        {"azp": "another-client"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_and_now_is_refused(
    app: FastAPI, provider: OpenIdProvider, lie: dict[str, Any]
) -> None:
    """Each claim that the specification asks a client to check."""
    provider.claims = lie
    async with visiting(app) as browser:
        await refused(await sign_in(browser), "City Account did not confirm who you are")


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (new_key(1), {}),
        (OctKey.import_key("short secret of a client"), {"alg": "HS256"}),
        (None, {"kid": "unknown"}),
    ],
    ids=["another key", "a shared secret", "an unknown key id"],
)
async def test_a_signature_that_is_not_the_providers_is_refused(
    app: FastAPI, provider: OpenIdProvider, key: object, header: dict[str, str]
) -> None:
    """Nor one of a kind that anybody could make."""
    provider.signing_key, provider.header = key, header
    async with visiting(app) as browser:
        await refused(await sign_in(browser), "City Account did not confirm who you are")


async def test_a_state_of_another_browser_is_refused(app: FastAPI) -> None:
    """Nobody can be signed in under a name of somebody else's choice."""
    async with visiting(app) as attacker, visiting(app) as victim:
        back = await pass_provider(await go_to_provider(attacker))
        await refused(await victim.get(back), "begun elsewhere")
        await go_to_provider(victim)
        await refused(await victim.get(back), "begun elsewhere")


@pytest.mark.parametrize("state", ["", "x", "x.eA==", "\u00e9.\u00e9", ".////"])
async def test_a_state_that_is_none_is_refused(app: FastAPI, state: str) -> None:
    """Whatever it looks like."""
    async with visiting(app) as browser:
        await go_to_provider(browser)
        back = await browser.get("/sign-in/oidc/callback", params={"state": state, "code": "x"})
        await refused(back, "begun elsewhere")


async def test_the_page_after_the_sign_in_cannot_be_changed_on_the_way(app: FastAPI) -> None:
    """It is part of what binds the sign-in to its browser."""
    async with visiting(app) as browser:
        back = urlsplit(await pass_provider(await go_to_provider(browser)))
        query = parse_qs(back.query)
        state = query["state"][0].partition(".")[0] + ".L2V2aWw="
        answer = await browser.get(back.path, params={"code": query["code"][0], "state": state})
        await refused(answer, "begun elsewhere")


async def test_a_code_is_good_once(app: FastAPI) -> None:
    """And only with the browser's own secret."""
    async with visiting(app) as browser:
        back = await pass_provider(await go_to_provider(browser))
        secret = browser.cookies["jieru_oidc"]
        assert (await browser.get(back)).status_code == 303
        browser.cookies.clear()
        browser.cookies.set("jieru_oidc", secret, domain="jieru.test")
        await refused(await browser.get(back), "did not confirm")


async def test_a_person_who_declines_at_the_provider_is_back_at_the_door(app: FastAPI) -> None:
    """With an error instead of a code."""
    async with visiting(app) as browser:
        state = parse_qs(urlsplit(await go_to_provider(browser)).query)["state"][0]
        answer = await browser.get(
            "/sign-in/oidc/callback", params={"state": state, "error": "access_denied"}
        )
        await refused(answer, "did not confirm")


@pytest.mark.parametrize("issuer", ["https://id.elsewhere.test", None])
async def test_another_provider_that_has_the_same_name_for_somebody_lets_nobody_in(
    app: FastAPI, connection: psycopg.Connection, issuer: str | None
) -> None:
    """Nor does one whose names were kept without it, until `jieru user issuer` has said it."""
    provider = connection.execute("SELECT oidc_issuer FROM users").fetchone()
    assert provider is not None
    connection.execute("UPDATE users SET oidc_issuer = %s", (issuer,))
    connection.commit()
    async with visiting(app) as browser:
        refused = await sign_in(browser)
        assert refused.status_code == 422
        assert "sub-lin" in refused.text
        with changing(connection, Actor("command:tests", "command line")):
            assert set_issuer(connection, provider[0], before=issuer) == 1
        connection.commit()
        assert (await sign_in(browser)).status_code == 303


async def test_a_word_of_another_issuer_is_refused(app: FastAPI) -> None:
    """Where the provider names itself in the answer (RFC 9207)."""
    async with visiting(app) as browser:
        back = await pass_provider(await go_to_provider(browser))
        await refused(await browser.get(f"{back}&iss=https://evil.example"), "did not confirm")


async def test_a_person_without_an_account_is_told_what_to_do(
    app: FastAPI, provider: OpenIdProvider
) -> None:
    """With the name that the administrator needs."""
    provider.person = "sub-<b>nobody"
    async with visiting(app) as browser:
        answer = await sign_in(browser)
    assert answer.status_code == 422
    assert "City Account calls you sub-&lt;b&gt;nobody" in answer.text
    assert "jieru_session=" not in str(answer.headers)


@pytest.mark.parametrize("subject", ["sub-lin", "sub-\0"])
async def test_a_disabled_account_stays_shut(
    app: FastAPI, connection: psycopg.Connection, provider: OpenIdProvider, subject: str
) -> None:
    """Though the provider still vouches for its person."""
    connection.execute("UPDATE users SET disabled_at = now()")
    connection.commit()
    provider.person = subject
    async with visiting(app) as browser:
        assert (await sign_in(browser)).status_code == 422


async def test_a_provider_that_is_away_is_told_at_the_door(
    database_url: str,
) -> None:
    """Signing in with a password is still possible there."""
    settings = Settings(oidc_issuer="http://127.0.0.1:1", oidc_client_id=CLIENT_ID)
    with open_pool(as_role(database_url, API), size=1) as pool:
        async with visiting(create_app(settings, pool)) as browser:
            answer = await browser.get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "cannot be reached just now" in answer.text
    assert 'name="password"' in answer.text


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"token_endpoint": "ftp://127.0.0.1/"},
        {"jwks_uri": "http://127.0.0.1:1/"},
        {"jwks_uri": "no address"},
    ],
    ids=str,
)
async def test_a_provider_that_does_not_answer_as_one_is_away(
    app: FastAPI, provider: OpenIdProvider, metadata: dict[str, Any]
) -> None:
    """Whether this is noticed on the way there or on the way back."""
    async with visiting(app) as browser:
        back = await pass_provider(await go_to_provider(browser))
        provider.metadata = metadata
        answer = await browser.get(back)
    assert answer.status_code == 503
    assert "cannot be reached just now" in answer.text


async def refused(answer: httpx.Response, said: str) -> None:
    """Back at the door, told why, without a session."""
    assert answer.status_code == 400
    assert said in answer.text
    assert "jieru_session=" not in str(answer.headers)


async def test_a_crowd_at_the_door_asks_the_provider_once(
    app: FastAPI, provider: OpenIdProvider
) -> None:
    """Nobody makes this program send requests by sending requests; on the way back it asks anew."""
    async with visiting(app) as browser:
        answers = await asyncio.gather(*(browser.get("/sign-in/oidc") for _ in range(40)))
        assert {answer.status_code for answer in answers} == {303}
        assert provider.discovered == 1
        await sign_in(browser)
        assert provider.discovered == 2


async def test_a_provider_that_is_away_is_asked_once_in_some_seconds(
    app: FastAPI, provider: OpenIdProvider
) -> None:
    """And a button that nobody answers holds up nothing else."""
    provider.metadata = {"issuer": "https://evil.example"}
    async with visiting(app) as browser:
        answers = await asyncio.gather(*(browser.get("/sign-in/oidc") for _ in range(40)))
        assert {answer.status_code for answer in answers} == {503}
    assert provider.discovered == 1
