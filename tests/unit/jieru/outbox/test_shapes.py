"""What receivers of webhooks are sent: by their own documents."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from jieru.outbox.html import html_of
from jieru.outbox.shapes import Post, Shape, is_taken, post_of

_NOW = datetime(2027, 3, 3, 2, 0, 0, 500_000, tzinfo=UTC)
_SECONDS = int(_NOW.timestamp())


def _post(shape: Shape, url: str = "https://r.example/hook?key=1", secret: str = "s3") -> Post:  # noqa: S107
    return post_of(shape, url, secret, "id-1", "主题", "正文", _NOW)


def _mac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_a_program_of_ones_own_checks_id_time_and_body() -> None:
    """Standard Webhooks: `id.timestamp.body` under the secret, which may be written in base64."""
    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    post = _post(Shape.STANDARD, secret=secret)
    signed = f"id-1.{_SECONDS}.".encode() + post.body
    assert post.headers["Webhook-Signature"] == f"v1,{_mac(b'k' * 24, signed)}"
    assert post.headers["Webhook-Timestamp"] == str(_SECONDS)


def test_dingtalk_is_signed_in_the_address() -> None:
    """Milliseconds and secret, under the secret."""
    query = parse_qs(urlsplit(_post(Shape.DINGTALK).url).query)
    milliseconds = _SECONDS * 1000 + 500
    assert query["timestamp"] == [str(milliseconds)]
    assert query["sign"] == [_mac(b"s3", f"{milliseconds}\ns3".encode())]
    assert query["key"] == ["1"]


def test_feishu_is_signed_in_the_body() -> None:
    """Nothing, under time stamp and secret."""
    said = json.loads(_post(Shape.FEISHU).body)
    assert said["sign"] == _mac(f"{_SECONDS}\ns3".encode(), b"")
    assert said["timestamp"] == str(_SECONDS)
    assert said["content"]["text"] == "主题\n\n正文"


def test_wecom_gets_no_more_than_it_takes() -> None:
    """2048 bytes, and no half of a character."""
    post = post_of(Shape.WECOM, "https://r.example", "", "id", "主题", "长" * 2000, _NOW)
    content = json.loads(post.body)["text"]["content"]
    assert len(content.encode()) <= 2048
    assert content.endswith("长…")


@pytest.mark.parametrize(
    ("shape", "answer", "taken"),
    [
        (Shape.STANDARD, b"", True),
        (Shape.WECOM, b'{"errcode":0,"errmsg":"ok"}', True),
        (Shape.WECOM, b'{"errcode":93000}', False),
        (Shape.DINGTALK, b'{"errcode":310000}', False),
        (Shape.FEISHU, b'{"code":0}', True),
        (Shape.FEISHU, b'{"code":19021}', False),
        (Shape.FEISHU, b"<html>", False),
    ],
)
def test_robots_say_in_the_body_whether_they_took_it(
    shape: Shape, answer: bytes, taken: bool
) -> None:
    """With status 200 in any case."""
    assert is_taken(shape, answer) is taken


def test_html_says_what_the_text_says_and_nothing_runs() -> None:
    """Names of enterprises are text."""
    page = html_of("<b>甲</b>\nhttps://a.example/x?y=1&z=2\n\n乙\n")
    assert "&lt;b&gt;甲&lt;/b&gt;<br>" in page
    assert '<a href="https://a.example/x?y=1&amp;z=2">' in page
