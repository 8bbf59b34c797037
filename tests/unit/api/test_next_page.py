"""Where to go on after signing in."""

import pytest

from api.access.next_page import local_page


@pytest.mark.parametrize(
    "address", ["/", "/counts/2026?as_of=2026-03-31&text=鞋", "/devices/7#calendar", "/a//b"]
)
def test_a_page_of_this_console_is_kept(address: str) -> None:
    """With its query and its fragment."""
    assert local_page(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "counts",
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "/\n/evil.example/",
        "\t//evil.example/",
        " //evil.example/",
        "/\0",
        "javascript:alert(1)",
        "/" + "a" * 2_000,
    ],
)
def test_everything_else_becomes_the_first_page(address: str) -> None:
    """However a browser would read it."""
    assert local_page(address) == "/"
