"""How large a request's body may be."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from api.web.body_limit import DEFAULT_BYTES, BodyLimit, limit_bytes_of


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _piece in range(0, size, 65_536):
        yield bytes(65_536)


def _app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(BodyLimit)

    @app.post("/anything")
    @app.post("/imports")
    async def take(request: Request) -> int:
        return len(await request.body())

    return app


async def _send(path: str, content: bytes | AsyncIterator[bytes]) -> httpx.Response:
    transport = httpx.ASGITransport(app=_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        return await client.post(path, content=content)


@pytest.mark.parametrize(
    ("method", "path", "mebibytes"),
    [
        ("POST", "/api/v1/devices", 1),
        ("POST", "/api/v1/imports/devices", 32),
        ("POST", "/api/v1/imports/7/apply", 1),
        ("POST", "/imports", 32),
        ("POST", "/imports/7/apply", 1),
        ("PATCH", "/imports", 1),
    ],
)
def test_files_to_be_imported_may_be_larger(method: str, path: str, mebibytes: int) -> None:
    """And nothing else."""
    assert limit_bytes_of(method, path) == mebibytes << 20


async def test_a_body_of_the_largest_size_is_taken() -> None:
    """With and without Content-Length."""
    whole = await _send("/anything", bytes(DEFAULT_BYTES))
    chunked = await _send("/anything", _pieces(DEFAULT_BYTES))
    assert (whole.json(), chunked.json()) == (DEFAULT_BYTES, DEFAULT_BYTES)


async def test_a_larger_body_is_refused() -> None:
    """With and without Content-Length; where files are taken, it is taken."""
    assert (await _send("/anything", bytes(DEFAULT_BYTES + 1))).status_code == 413
    assert (await _send("/anything", _pieces(DEFAULT_BYTES + 65_536))).status_code == 413
    assert (await _send("/imports", _pieces(4 * DEFAULT_BYTES))).status_code == 200
