"""Pages of lists: whole, in order, while others write."""

from typing import Any

from tests.support.registry_api import RegistryApi

_CURSORS = [
    "x",
    "*",
    "%00",
    "WzFd",  # [1]
    "WzEsMl0",  # [1,2]
    "WzEsIlx1MDAwMCJd",  # a NUL
    "WzEsIlx1ZDgwMCJd",  # half a surrogate pair
    "WzllMzAsIngiXQ",  # 9e30
    "W3RydWUsIngiXQ",  # true
    "bnVsbA",
    "W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tb",
    "A" * 500,
]


async def _pages(api: RegistryApi, path: str, limit: int, **asked: Any) -> list[list[str]]:  # noqa: ANN401
    pages: list[list[str]] = []
    cursor = ""
    while True:
        answer = await api.ask("GET", path, limit=limit, cursor=cursor, **asked)
        assert answer.status_code == 200, answer.text
        pages.append([each["serial"] for each in answer.json()["items"]])
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return pages


async def test_pages_follow_one_another_without_a_gap(api: RegistryApi) -> None:
    """Every record once, by platform and serial, the last page without a cursor."""
    for platform in ("alpha", "beta"):
        api.build.platform(platform)
        for serial in ("c", "a", "b"):
            api.build.device(platform, serial)
    assert await _pages(api, "/devices", 2) == [["a", "b"], ["c", "a"], ["b", "c"]]
    assert await _pages(api, "/devices", 6) == [["a", "b", "c", "a", "b", "c"]]
    assert await _pages(api, "/devices", 2, text="b") == [["b", "b"]]


async def test_a_record_that_comes_between_moves_no_page(api: RegistryApi) -> None:
    """What was on a page is on no other."""
    api.build.platform("alpha")
    for serial in ("b", "d", "f"):
        api.build.device("alpha", serial)
    first = (await api.ask("GET", "/devices", limit=2)).json()
    for serial in ("a", "c", "e"):
        api.build.device("alpha", serial)
    second = (await api.ask("GET", "/devices", limit=2, cursor=first["next_cursor"])).json()
    serials = [each["serial"] for page in (first, second) for each in page["items"]]
    assert serials == ["b", "d", "e", "f"]


async def test_few_matches_are_found_however_far_back(api: RegistryApi) -> None:
    """Behind more records than are looked at first."""
    api.build.platform("alpha")
    api.connection.execute("""
        INSERT INTO devices (platform_id, serial)
        SELECT id, 'd' || lpad(n::text, 4, '0') FROM platforms, generate_series(1, 2500) AS n
    """)
    api.build.device("alpha", "x-1")
    api.build.device("alpha", "x-2")
    assert await _pages(api, "/devices", 1, text="x-") == [["x-1"], ["x-2"]]
    assert len(await _pages(api, "/devices", 500)) == 6


async def test_what_is_no_cursor_is_refused(api: RegistryApi) -> None:
    """With the name of the field."""
    for path in ("/devices", "/rejections"):
        for cursor in _CURSORS:
            answer = await api.ask("GET", path, cursor=cursor)
            assert answer.status_code == 422, answer.text
            (error,) = answer.json()["errors"]
            assert (error["location"], error["field"]) == ("query", "cursor")


async def test_a_page_has_one_to_five_hundred_records(api: RegistryApi) -> None:
    """Any other length is refused."""
    for limit in ("0", "501", "-1", "many"):
        answer = await api.ask("GET", "/platforms", limit=limit)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "limit"


async def test_a_filter_takes_no_nul(api: RegistryApi) -> None:
    """PostgreSQL would not either."""
    for name in ("text", "platform", "enterprise", "district"):
        query: dict[str, Any] = {name: "\0"}
        answer = await api.ask("GET", "/devices", **query)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == name
