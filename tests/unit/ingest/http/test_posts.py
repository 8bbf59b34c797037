"""Requests that wait for their commit hold no more than there is room for."""

import asyncio

import pytest

from ingest.decode import Rejection
from ingest.http.native import read_heartbeats
from ingest.http.post import Post
from ingest.http.posts import Posts
from ingest.http.room import FullError
from ingest.message import Message
from jieru.credentials.usernames import EquipmentUser, parse_username
from jieru.wire import RejectionReason


def _user() -> EquipmentUser:
    user = parse_username("acme")
    assert user is not None
    return user


def _post(body: bytes) -> Post:
    reading = read_heartbeats(body, _user(), 1, is_lines=False)
    return Post("acme", reading, asyncio.get_running_loop().create_future())


async def test_rows_that_are_none_take_room_as_others_do() -> None:
    """Or twenty kilobytes, sent again and again, would be ten thousand refusals each."""
    posts = Posts(rows=20_000)
    posts.put(_post(b"[" + b"0," * 5_999 + b"0]"))
    with pytest.raises(FullError):
        posts.put(_post(b"[" + b"0," * 5_999 + b"0]"))
    assert posts.unacknowledged == 6_000


async def test_a_batch_holds_about_as_many_rows_as_it_may_refused_ones_included() -> None:
    """Whole requests, and the first in any case."""
    posts = Posts(rows=20_000)
    for _number in range(4):
        posts.put(_post(b"[" + b"0," * 1_999 + b"0]"))
    taken = []
    while posts.unacknowledged:
        batch = await posts.receive(5_000, 1.0, 1.0)
        assert batch is not None
        taken.append(len(batch.posts))  # type: ignore[attr-defined]
        posts.acknowledge(batch)
    assert taken == [2, 2]


async def test_a_request_without_rows_takes_no_room() -> None:
    """There is nothing to wait for; and a refused row alone is one."""
    assert _post(b"[]").size == 0
    post = _post(b"[]")
    refused = Message("jieru/v1/acme/heartbeat", b"", 0, 1, None)
    post.reading.refuse(Rejection(RejectionReason.MALFORMED_PAYLOAD, refused), 0)
    assert post.size == 1
