"""Who may come in at the embedded broker: it asks here, and the database's credentials answer.

NATS hands every client that its configuration does not name to an authentication callout: a
request on a subject of its system account, answered with a token that says what the client may do.
Tokens are JWTs in NATS's own form: signed with Ed25519, parties named by "nkeys" (a kind, the
public key and a checksum in base32). So a credential issued in the console works at once, and a
revoked one is out within a second or two.
"""

import asyncio
import base64
import binascii
import hmac
import json
import secrets
import time
from typing import Any, Final, Self

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from jieru.credentials.secret import hash_secret
from jieru.credentials.usernames import parse_username
from jieru.retry import connect_patiently

__all__ = ["AuthenticationCallout", "Issuer", "subject_of", "writable_topic"]

_REQUESTS: Final = "$SYS.REQ.USER.AUTH"
_ACCOUNT_KEY: Final = b"\x00"
"""The kind of an nkey that names an account."""
_TOKEN_VERSION: Final = 2
_LOOK_S: Final = 1.0
"""Between two looks for credentials that were revoked."""
_ANSWER_TIMEOUT_S: Final = 10.0
_ANY_DEVICE: Final = "+"

_SELECT_OPEN: Final = """
    SELECT id, salt, password_hash FROM credentials WHERE username = %s AND revoked_at IS NULL
"""
_SELECT_REVOKED: Final = """
    SELECT id FROM credentials WHERE id = ANY(%s) AND revoked_at IS NOT NULL
"""


def writable_topic(username: str) -> str | None:
    """The topic, or filter of topics, on which a user may publish; None: no such user can be."""
    user = parse_username(username)
    return user.topic(_ANY_DEVICE) if user else None


def subject_of(topic: str) -> str:
    """What NATS makes of a topic, or of a filter of topics, without empty levels."""
    return topic.replace("/", "\0").replace(".", "//").replace("\0", ".").replace("+", "*")


class Issuer:
    """The key that signs what the callout answers."""

    def __init__(self) -> None:
        """Make a new key."""
        self._key = Ed25519PrivateKey.generate()
        named = _ACCOUNT_KEY + self._key.public_key().public_bytes_raw()
        checksum = binascii.crc_hqx(named, 0).to_bytes(2, "little")
        self.name: Final = base64.b32encode(named + checksum).decode().rstrip("=")

    def sign(self, subject: str, audience: str, said: dict[str, Any], name: str = "") -> str:
        """A token of this issuer."""
        claims = {
            "jti": secrets.token_hex(16),
            "iat": int(time.time()),
            "iss": self.name,
            "sub": subject,
            "aud": audience,
            "name": name,
            "nats": {**said, "version": _TOKEN_VERSION},
        }
        header = {"typ": "JWT", "alg": "ed25519-nkey"}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{_encoded(self._key.sign(signed.encode()))}"


class AuthenticationCallout:
    """Answers the broker's questions from the table `credentials`, in the caller's event loop."""

    def __init__(
        self,
        client: Client,
        database: psycopg.AsyncConnection,
        issuer: Issuer,
        *,
        server_id: str,
        account: str,
    ) -> None:
        """Use `start`.

        Args:
            client: a connection to the broker's system account.
            database: where the credentials are.
            issuer: whose word the broker takes.
            server_id: the broker's name for itself.
            account: of the broker, into which users are let.
        """
        self._client = client
        self._database = database
        self._issuer = issuer
        self._server_id = server_id
        self._account = account
        self._credential_of_client: dict[int, int] = {}
        """By the broker's number of a connection; those that ended in the meantime as well."""
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, client: Client, database_url: str, issuer: Issuer, *, server_id: str, account: str
    ) -> Self:
        """Answer from now on."""
        database = await connect_patiently(database_url)
        callout = cls(client, database, issuer, server_id=server_id, account=account)
        await client.subscribe(_REQUESTS, cb=callout._answer)
        await client.flush()
        callout._looking = asyncio.create_task(
            callout._drop_the_revoked(), name="broker-revocations"
        )
        return callout

    async def stop(self) -> None:
        """Answer no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._database.close()

    def check(self) -> None:
        """Check that it still looks for what is revoked; otherwise raise what went wrong."""
        if self._looking is not None and self._looking.done():
            self._looking.result()

    async def _answer(self, message: Msg) -> None:
        asked = _claims(message.data)["nats"]
        options = asked["connect_opts"]
        username: str = options.get("user", "")
        said: dict[str, Any] = {"error": "not an open credential"}
        credential = await self._open_credential(username, options.get("pass", ""))
        topic = writable_topic(username)
        if credential is not None and topic is not None:
            self._credential_of_client[asked["client_info"]["id"]] = credential
            said = {"jwt": self._user(asked["user_nkey"], username, topic)}
        await message.respond(
            self._issuer.sign(
                asked["user_nkey"],
                asked["server_id"]["id"],
                {"type": "authorization_response", **said},
            ).encode()
        )

    async def _open_credential(self, username: str, secret: str) -> int | None:
        """The id of the open credential that name and secret are; None: they are none."""
        if writable_topic(username) is None:
            return None
        found = await (await self._database.execute(_SELECT_OPEN, (username,))).fetchone()
        if found is None:
            return None
        credential_id, salt, password_hash = found
        is_right = hmac.compare_digest(hash_secret(secret, salt).password_hash, password_hash)
        return int(credential_id) if is_right else None

    def _user(self, nkey: str, username: str, topic: str) -> str:
        return self._issuer.sign(
            nkey,
            self._account,
            {
                "type": "user",
                "pub": {"allow": [subject_of(topic)]},
                "sub": {"deny": [">"]},
                "subs": -1,
                "data": -1,
                "payload": -1,
                "allowed_connection_types": ["MQTT"],
            },
            username,
        )

    async def _drop_the_revoked(self) -> None:
        """End the connections that were let in with what is revoked since."""
        while True:
            await asyncio.sleep(_LOOK_S)
            admitted = list({*self._credential_of_client.values()})
            rows = await (await self._database.execute(_SELECT_REVOKED, (admitted,))).fetchall()
            revoked = {credential for (credential,) in rows}
            for number, credential in [*self._credential_of_client.items()]:
                if credential in revoked:
                    del self._credential_of_client[number]
                    # Answered also when that connection has ended; unasked for an answer, NATS
                    # does nothing.
                    await self._client.request(
                        f"$SYS.REQ.SERVER.{self._server_id}.KICK",
                        json.dumps({"cid": number}).encode(),
                        timeout=_ANSWER_TIMEOUT_S,
                    )


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _claims(token: bytes) -> dict[str, Any]:
    """What a token says; its signature is not read, for none but the broker can ask."""
    said = token.split(b".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(said + b"=" * (-len(said) % 4)))
    return claims
