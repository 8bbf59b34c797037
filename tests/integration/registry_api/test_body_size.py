"""Bodies that are too large, as the whole application answers them."""

from collections.abc import AsyncIterator

import httpx

from api.access.roles import Role
from tests.support.registry_api import RegistryApi


async def test_a_body_that_is_too_large_is_a_problem(api: RegistryApi) -> None:
    """Also without Content-Length; to strangers it is the sign-in that is missing."""

    async def pieces() -> AsyncIterator[bytes]:
        for _piece in range(40):
            yield bytes(65_536)

    transport = httpx.ASGITransport(app=api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        for content in (bytes(2 << 20), pieces()):
            answer = await client.post(
                "/api/v1/devices", content=content, headers=api.header(Role.ADMIN)
            )
            assert answer.status_code == 413
            assert answer.headers["content-type"] == "application/problem+json"
        stranger = await client.post("/api/v1/devices", content=bytes(2 << 20))
        assert stranger.status_code == 401
