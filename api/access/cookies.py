"""Cookies that hold a random secret, and what is derived from one."""

import hashlib
import re
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["SecretCookie", "derived", "random_secret"]

_SECURE_PREFIX: Final = "__Host-"
_BYTES: Final = 32
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def random_secret() -> str:
    """256 random bits as a cookie carries them."""
    return secrets.token_urlsafe(_BYTES)


def derived(secret: str, purpose: str) -> str:
    """What only they can compute who hold the secret, another value for each purpose."""
    return hashlib.sha256(f"{purpose} {secret}".encode()).hexdigest()


class SecretCookie:
    """A cookie that no script reads and no other site's form sends along.

    Behind TLS its name has a prefix by which browsers take it only with Secure, from this very
    host.
    """

    def __init__(self, name: str, *, max_age_s: int | None = None) -> None:
        """Name it; without an age it ends with the browser."""
        self._plain_name = name
        self._max_age_s = max_age_s

    def read(self, request: Request) -> str | None:
        """The secret, if the request carries what looks like one."""
        secret = request.cookies.get(self._name(request), "")
        return secret if _SECRET.fullmatch(secret) else None

    def set(self, request: Request, response: Response, secret: str) -> None:
        """Give it to the browser."""
        response.set_cookie(
            self._name(request),
            secret,
            max_age=self._max_age_s,
            httponly=True,
            samesite="lax",
            secure=_is_secure(request),
            path="/",
        )

    def forget(self, request: Request, response: Response) -> None:
        """Take it away from the browser."""
        response.delete_cookie(
            self._name(request),
            httponly=True,
            samesite="lax",
            secure=_is_secure(request),
            path="/",
        )

    def _name(self, request: Request) -> str:
        return f"{_SECURE_PREFIX}{self._plain_name}" if _is_secure(request) else self._plain_name


def _is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, with us or with a proxy that we trust."""
    return bool(request.scope["scheme"] == "https")
