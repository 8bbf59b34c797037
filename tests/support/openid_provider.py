"""A small OpenID provider on loopback: strict about what it is asked, and can be made lie."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "OpenIdProvider", "new_key", "running_provider"]

CLIENT_ID: Final = "jieru-console"
CLIENT_SECRET: Final = "a secret: of the client"  # noqa: S105 - of nobody real
_KEY_BITS: Final = 2048
_CHALLENGE_LENGTH: Final = 43


class Refused(Exception):  # noqa: N818 - what the provider does
    """The request is not what a careful client sends."""


@cache
def new_key(number: int) -> RSAKey:
    """A key to sign with; the same for the same number, since each takes a while."""
    del number
    return RSAKey.generate_key(_KEY_BITS, {"kid": "1", "use": "sig"})


@dataclass
class OpenIdProvider:
    """What it knows, and what its tokens shall say instead of the truth."""

    redirect_uri: str = ""
    """The only one that is registered."""
    person: str = "sub-lin"
    """Who sits at every browser that comes along."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of the true ones; None leaves one out."""
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    issuer: str = ""
    signing_key: Any = None
    """Instead of its own."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    """What was asked with each code that was not used yet."""
    discovered: int = 0
    """How often the metadata was read."""

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Where a browser goes after its person signed in here.

        Raises:
            Refused: the client asks for it the wrong way.
        """
        _require(asked.get("response_type") == "code", "response_type")
        _require(asked.get("client_id") == CLIENT_ID, "client_id")
        _require(asked.get("redirect_uri") == self.redirect_uri, "redirect_uri")
        _require("openid" in asked.get("scope", "").split(), "scope")
        _require(asked.get("code_challenge_method") == "S256", "code_challenge_method")
        _require(len(asked.get("code_challenge", "")) == _CHALLENGE_LENGTH, "code_challenge")
        _require(bool(asked.get("state")) and bool(asked.get("nonce")), "state and nonce")
        code = secrets.token_urlsafe()
        self.codes[code] = dict(asked)
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: Mapping[str, str], authorization: str) -> dict[str, Any]:
        """The answer to a code, once.

        Raises:
            Refused: the client is not the one that began, or cannot prove it.
        """
        scheme, _, credentials = authorization.partition(" ")
        name, _, secret = base64.b64decode(credentials).decode().partition(":")
        _require(scheme == "Basic", "authorization")
        _require((unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET), "client")
        _require(asked.get("grant_type") == "authorization_code", "grant_type")
        begun = self.codes.pop(asked.get("code", ""), None)
        if begun is None:
            raise Refused("code")
        _require(asked.get("redirect_uri") == begun["redirect_uri"], "redirect_uri")
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        _require(challenge == begun["code_challenge"], "code_verifier")
        return {
            "access_token": secrets.token_urlsafe(),
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self._id_token(begun["nonce"]),
        }

    def discovery(self) -> dict[str, Any]:
        """The provider's metadata."""
        self.discovered += 1
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.metadata,
        }

    def keys(self) -> dict[str, Any]:
        """The public keys, among one of a kind that nobody knows."""
        return {"keys": [{"kty": "odd", "kid": "0"}, new_key(0).as_dict(private=False)]}

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.person,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            **self.claims,
        }
        header = {"alg": "RS256", "kid": "1", **self.header}
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, told, self.signing_key or new_key(0), algorithms=[header["alg"]])


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Refused(what)


class _Server(ThreadingHTTPServer):
    def __init__(self, provider: OpenIdProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        provider, asked = self.server.provider, urlsplit(self.path)
        try:
            if asked.path == "/authorize":
                self._answer(302, {}, provider.authorize(dict(parse_qsl(asked.query))))
            elif asked.path == "/keys":
                self._answer(200, provider.keys())
            elif asked.path == "/.well-known/openid-configuration":
                self._answer(200, provider.discovery())
            else:
                self._answer(404, {})
        except Refused as refusal:
            self._answer(400, {"error": "invalid_request", "error_description": str(refusal)})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        authorization = self.headers.get("authorization", "")
        try:
            self._answer(200, self.server.provider.token(dict(parse_qsl(body)), authorization))
        except Refused as refusal:
            self._answer(400, {"error": "invalid_grant", "error_description": str(refusal)})

    def _answer(self, status: int, content: object, location: str | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        if location is not None:
            self.send_header("location", location)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Say nothing."""


@contextmanager
def running_provider() -> Iterator[OpenIdProvider]:
    """A provider that answers real HTTP until the block ends."""
    provider = OpenIdProvider()
    with _Server(provider) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
