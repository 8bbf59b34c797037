"""What a webhook is sent, as each kind of receiver wants it. Pure.

`standard` follows Standard Webhooks 1.0 (HMAC-SHA256 over id, time stamp and body); WeCom, DingTalk
and Feishu are their group robots, of which DingTalk and Feishu sign in ways of their own and WeCom
not at all: there the address is the secret.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

__all__ = ["Post", "Shape", "is_taken", "post_of"]

_WECOM_BYTES: Final = 2048
"""What WeCom takes of a text."""
_OTHER_BYTES: Final = 18_000
"""DingTalk and Feishu take 20,000 bytes of a whole message."""
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - of Standard Webhooks


class Shape(StrEnum):
    """Which kind of receiver it is."""

    STANDARD = "standard"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


class Post(NamedTuple):
    """One request."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def post_of(
    shape: Shape, url: str, secret: str, message_id: str, subject: str, text: str, now: datetime
) -> Post:
    """The request that brings a message.

    Args:
        shape: of the receiver.
        url: of the receiver.
        secret: with which it is signed; empty: it is not.
        message_id: the same whenever it is repeated.
        subject: one line.
        text: the whole message.
        now: the moment, for the signature.
    """
    seconds = int(now.timestamp())
    headers = {"Content-Type": "application/json; charset=utf-8"}
    whole = f"{subject}\n\n{text}"
    if shape is Shape.STANDARD:
        body = _json({"id": message_id, "subject": subject, "text": text, "timestamp": seconds})
        headers |= {"Webhook-Id": message_id, "Webhook-Timestamp": str(seconds)}
        if secret:
            signed = f"{message_id}.{seconds}.".encode() + body
            headers["Webhook-Signature"] = f"v1,{_mac(_standard_key(secret), signed)}"
        return Post(url, headers, body)
    if shape is Shape.FEISHU:
        said: dict[str, object] = {
            "msg_type": "text",
            "content": {"text": _cut(whole, _OTHER_BYTES)},
        }
        if secret:
            # Feishu takes the time stamp and the secret for the key, and signs nothing with it.
            said |= {"timestamp": str(seconds), "sign": _mac(f"{seconds}\n{secret}".encode(), b"")}
        return Post(url, headers, _json(said))
    most = _WECOM_BYTES if shape is Shape.WECOM else _OTHER_BYTES
    body = _json({"msgtype": "text", "text": {"content": _cut(whole, most)}})
    if shape is Shape.DINGTALK and secret:
        milliseconds = int(now.timestamp() * 1000)
        sign = _mac(secret.encode(), f"{milliseconds}\n{secret}".encode())
        url = _with_query(url, {"timestamp": str(milliseconds), "sign": sign})
    return Post(url, headers, body)


def is_taken(shape: Shape, answer: bytes) -> bool:
    """Whether a receiver that answered 200 took it: robots say so in the body alone."""
    if shape is Shape.STANDARD:
        return True
    try:
        said = json.loads(answer)
    except ValueError:
        return False
    if not isinstance(said, dict):
        return False
    if shape is Shape.FEISHU:
        code = said.get("code", said.get("StatusCode"))
    else:
        code = said.get("errcode")
    return isinstance(code, int) and code == 0


def _json(said: Mapping[str, object]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()


def _mac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _standard_key(secret: str) -> bytes:
    if not secret.startswith(_SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError:
        return secret.encode()


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, at the end of a character."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - len("…".encode())].decode(errors="ignore") + "…"


def _with_query(url: str, values: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(values))))
    return urlunsplit(parts._replace(query=query))
