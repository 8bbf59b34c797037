"""Asking an application without a socket."""

from collections.abc import Mapping

import httpx
from fastapi import FastAPI

__all__ = ["ask"]


async def ask(
    app: FastAPI,
    address: str,
    *,
    headers: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
    method: str = "GET",
) -> httpx.Response:
    """One request; an exception that ends in a 500 is that answer, as behind a real server."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        return await client.request(method, address, headers=headers)
