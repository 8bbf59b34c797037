"""Browsers without a screen: they ask an application in this process and keep its cookies."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
import psycopg
from fastapi import FastAPI

from api.access.roles import Role
from api.access.users import create_user
from jieru.audit import Actor, changing

__all__ = ["PASSWORD", "add_person", "form_token_of", "sign_in", "visiting"]

PASSWORD: Final = "correct horse battery"  # noqa: S105 - of nobody real
_FORM_TOKEN: Final = re.compile(r'name="form_token" value="([^"]+)"')


def add_person(
    connection: psycopg.Connection,
    name: str,
    role: Role = Role.AUDITOR,
    *,
    platform: str | None = None,
    oidc_subject: str | None = None,
    oidc_issuer: str = "https://id.example.test",
) -> None:
    """An account with `PASSWORD`, committed."""
    with changing(connection, Actor("command:tests", "command line")):
        create_user(
            connection,
            name,
            role,
            platform=platform,
            password=PASSWORD,
            oidc_subject=oidc_subject,
            oidc_issuer=oidc_issuer if oidc_subject else None,
        )
    connection.commit()


@asynccontextmanager
async def visiting(
    app: FastAPI, *, address: str = "127.0.0.1", base_url: str = "http://jieru.test"
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at this IP address that reads English."""
    transport = httpx.ASGITransport(app=app, client=(address, 50_000))
    headers = {"accept": "text/html", "accept-language": "en"}
    async with httpx.AsyncClient(
        transport=transport, base_url=base_url, headers=headers
    ) as browser:
        yield browser


async def sign_in(
    browser: httpx.AsyncClient, name: str, password: str = PASSWORD, *, next_page: str = "/"
) -> httpx.Response:
    """What the real form answers."""
    page = await browser.get("/sign-in", params={"next": next_page})
    fields = {"name": name, "password": password, "next": next_page}
    return await browser.post("/sign-in", data=fields | {"form_token": form_token_of(page)})


def form_token_of(page: httpx.Response) -> str:
    """What the first form of a page carries, so that no other site's form can be taken for it."""
    match = _FORM_TOKEN.search(page.text)
    assert match is not None, page.text
    return html.unescape(match[1])
