"""Signing in through an OpenID provider: authorization code with PKCE (OpenID Connect Core 3.1).

The provider says who somebody is, and nothing else: what they may do stands in our own accounts.
Everything is read anew for whoever comes back from it, so that it may change its keys at any time.
On the way there, which is open to everybody, its metadata is read once in some minutes, and one
that is away is asked again after some seconds: a crowd at the door asks as much as one person.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ValidationError

from jieru.errors import UserError, WorldError
from jieru.settings import Settings

__all__ = ["OpenIdProvider", "Secrets", "provider_of"]

_TIMEOUT_S: Final = 5.0
_METADATA_KEPT_S: Final = 300.0
_AWAY_KEPT_S: Final = 5.0
_CLOCKS_APART_S: Final = 60
# Never "none", and nothing with a shared secret: a provider's public key would be one.
_ALGORITHMS: Final = [
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
]
_KINDS_OF_KEYS: Final = {"RSA", "EC"}
_LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core, section 2."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Secrets:
    """What binds one sign-in to the browser that began it."""

    nonce: str
    verifier: str


class _Metadata(BaseModel):
    """What we need of the provider's metadata (OpenID Connect Discovery, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class OpenIdProvider:
    """The one provider of this installation."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, name: str) -> None:
        """Ask nothing yet; without a secret we are a public client."""
        self.issuer = issuer
        self.name = name
        """As people know it."""
        self._client_id = client_id
        self._client_secret = client_secret
        self._asking = threading.Lock()
        self._kept: tuple[float, _Metadata | WorldError] | None = None
        """Until when, and what was found."""

    def authorization_address(self, redirect_uri: str, *, state: str, secrets: Secrets) -> str:
        """Where to send the browser.

        Raises:
            WorldError: the provider does not answer as one.
        """
        with self._client(redirect_uri) as client:
            metadata = self._kept_metadata(client)
            address, _state = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=state,
                nonce=secrets.nonce,
                code_verifier=secrets.verifier,
            )
        return str(address)

    def subject(self, redirect_uri: str, *, code: str, secrets: Secrets) -> str:
        """Who came back with this code: the provider's own name for a person.

        Raises:
            UserError: the provider does not vouch for anybody, or its word cannot be trusted.
            WorldError: the provider does not answer as one.
        """
        with self._client(redirect_uri) as client:
            metadata = self._metadata(client)
            client.token_endpoint_auth_method = self._authentication(metadata)
            try:
                answer = client.fetch_token(
                    metadata.token_endpoint, code=code, code_verifier=secrets.verifier
                )
            except AuthlibBaseError as error:
                raise self._refused(error) from None
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
                raise self._away(error) from None
            keys = self._json(client, metadata.jwks_uri)
        try:
            return self._confirmed_subject(answer, keys, secrets.nonce)
        except (JoseError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._refused(error) from None

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            client_id=self._client_id,
            client_secret=self._client_secret or None,
            scope="openid",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )

    def _authentication(self, metadata: _Metadata) -> str:
        if not self._client_secret:
            return "none"
        takes_basic = "client_secret_basic" in metadata.token_endpoint_auth_methods_supported
        return "client_secret_basic" if takes_basic else "client_secret_post"

    def _kept_metadata(self, client: OAuth2Client) -> _Metadata:
        """What the provider said some minutes ago at most; one request of ours asks it for all."""
        with self._asking:
            if self._kept is None or self._kept[0] < time.monotonic():
                try:
                    found: _Metadata | WorldError = self._metadata(client)
                    kept_s = _METADATA_KEPT_S
                except WorldError as error:
                    found = error
                    kept_s = _AWAY_KEPT_S
                self._kept = (time.monotonic() + kept_s, found)
            found = self._kept[1]
        if isinstance(found, WorldError):
            raise WorldError(found.message, **found.values)
        return found

    def _metadata(self, client: OAuth2Client) -> _Metadata:
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            metadata = _Metadata.model_validate(self._json(client, address))
        except ValidationError as error:
            raise self._away(error) from None
        if metadata.issuer != self.issuer:
            raise self._away(ValueError(f"it calls itself {metadata.issuer}"))
        ends = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        schemes = {"https", urlsplit(self.issuer).scheme}
        if any(urlsplit(each).scheme not in schemes for each in ends):
            raise self._away(ValueError("it names an address without TLS"))
        return metadata

    def _json(self, client: OAuth2Client, address: str) -> Any:  # noqa: ANN401 - whatever it sends
        try:
            answer = client.request("GET", address, withhold_token=True)
            answer.raise_for_status()
            return answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self._away(error) from None

    def _confirmed_subject(self, answer: dict[str, Any], keys: dict[str, Any], nonce: str) -> str:
        """The subject of the ID token, if all of OpenID Connect Core 3.1.3.7 holds."""
        usable = [each for each in keys["keys"] if each.get("kty") in _KINDS_OF_KEYS]
        token = jwt.decode(
            answer["id_token"],
            KeySet.import_key_set({"keys": usable}),
            registry=JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False),
        )
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
            },
            {
                "nonce": nonce,
                "client_id": self._client_id,
                "access_token": answer.get("access_token"),
            },
        )
        claims.validate(leeway=_CLOCKS_APART_S)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise ValueError("its subject is no name")
        return subject

    def _away(self, error: Exception) -> WorldError:
        _log.warning("oidc_provider_away", issuer=self.issuer, error=" ".join(str(error).split()))
        return WorldError(
            "{provider} cannot be reached just now. Try again in a while, or sign in with a "
            "password.",
            provider=self.name,
        )

    def _refused(self, error: Exception) -> UserError:
        _log.warning("oidc_sign_in_refused", issuer=self.issuer, error=repr(error))
        return UserError("{provider} did not confirm who you are. Try again.", provider=self.name)


def provider_of(settings: Settings) -> OpenIdProvider | None:
    """The provider that the settings name, or None."""
    if not settings.oidc_issuer:
        return None
    return OpenIdProvider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_name,
    )
