"""From where a request came."""

from starlette.requests import Request

__all__ = ["origin_of"]


def origin_of(request: Request) -> str:
    """The client's IP address; behind a trusted proxy, the one that the proxy names."""
    return request.client.host if request.client else "unknown"
