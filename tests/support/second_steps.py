"""Second steps of signing in, set up without the console."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pyotp

from api.access.second_factors import begin_factor, confirm_factor
from api.access.totp_key import TotpKey, totp_key_of
from jieru.audit import Actor, changing
from jieru.settings import Settings
from tests.support.visiting import form_token_of

__all__ = ["code_at", "give_code", "key_file", "key_of", "set_up"]

_USER_ID = "SELECT id FROM users WHERE name = %s"


def key_file(folder: Path) -> str:
    """The path of a new key file."""
    path = folder / "totp.key"
    path.write_text("a secret of more than thirty-two bytes\n", encoding="utf-8")
    return str(path)


def key_of(settings: Settings) -> TotpKey:
    """The key that these settings name."""
    key = totp_key_of(settings)
    assert key is not None
    return key


def set_up(
    connection: psycopg.Connection, key: TotpKey, name: str, now: datetime
) -> tuple[str, list[str]]:
    """Give an account a second step, committed; its secret and its recovery codes.

    The code of `now` is used up.
    """
    row = connection.execute(_USER_ID, (name,)).fetchone()
    assert row is not None
    with changing(connection, Actor(f"user:{name}", "tests")):
        secret = begin_factor(connection, key, row[0])
        codes = confirm_factor(connection, key, row[0], code_at(secret, now), now)
    connection.commit()
    assert codes
    return secret, codes


def code_at(secret: str, now: datetime) -> str:
    """What the phone shows."""
    return pyotp.TOTP(secret).at(now.astimezone(UTC))


async def give_code(
    browser: httpx.AsyncClient, code: str, fields: Mapping[str, str] | None = None
) -> httpx.Response:
    """What the form that asks for a code answers."""
    page = await browser.get("/sign-in/code")
    sent = {"code": code, "form_token": form_token_of(page), **(fields or {})}
    return await browser.post("/sign-in/code", data=sent)
