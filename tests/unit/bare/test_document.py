"""What is taken out of a guide to be played."""

import re
from pathlib import Path

import pytest

from tests.bare.document import Block, DocumentError, blocks_of, fences_of, missing_line

_DOCS = Path(__file__).parents[3] / "docs"
_VARIANTS = ("debian-12", "debian-13")


def _fenced(info: str, content: str) -> str:
    return f"Words.\n\n```{info}\n{content}\n```\n"


def test_commands_are_taken_in_order_with_their_lines() -> None:
    """So that a failure can be found in the guide."""
    guide = _fenced("sh", "one") + _fenced("sh online", "two") + _fenced("", "not ours")
    assert blocks_of(guide, "debian-13") == [
        Block(3, "one\n"),
        Block(8, "two\n", is_online=True),
    ]


def test_another_debians_commands_and_examples_are_left_out() -> None:
    """And so is what they would print."""
    guide = (
        _fenced("sh", "both")
        + _fenced("sh debian-12", "old")
        + _fenced("text output", "of old")
        + _fenced("sh example", "firewall")
        + _fenced("text output", "of firewall")
    )
    assert [b.commands for b in blocks_of(guide, "debian-12")] == ["both\n", "old\n"]
    assert [b.output for b in blocks_of(guide, "debian-12")] == ["", "of old\n"]
    assert blocks_of(guide, "debian-13") == [Block(3, "both\n")]


def test_an_output_may_be_one_debians() -> None:
    """Of the commands before it, which are for both."""
    guide = (
        _fenced("sh until", "jieru")
        + _fenced("text output debian-13", "apache")
        + _fenced("text output debian-12", "none")
    )
    for variant, output in (("debian-13", "apache\n"), ("debian-12", "none\n")):
        assert blocks_of(guide, variant) == [Block(3, "jieru\n", is_repeated=True, output=output)]


@pytest.mark.parametrize("info", ["sh debian-11", "sh onlin", "text output until", "json output"])
def test_a_word_that_nobody_understands_is_refused(info: str) -> None:
    """Rather than a block silently left out."""
    with pytest.raises(DocumentError, match="means nothing here"):
        blocks_of(_fenced("sh", "first") + _fenced(info, "second"), "debian-13")


def test_an_output_of_nothing_is_refused() -> None:
    """It stands after what prints it."""
    with pytest.raises(DocumentError, match="output of what"):
        blocks_of(_fenced("text output", "alone"), "debian-13")


@pytest.mark.parametrize(
    ("expected", "printed", "missing"),
    [
        ("", "anything", None),
        ("one\nthree", "one\ntwo\nthree", None),
        ("three\none", "one\ntwo\nthree", "one"),
        ("jieru …", "jieru 0.1.0", None),
        ("…Pending…", "| x | Pending | y |", None),
        ("active\nactive", "active", "active"),
        ("1.0", "110", "1.0"),
    ],
)
def test_printed_lines_are_compared_in_order(
    expected: str, printed: str, missing: str | None
) -> None:
    """Others may stand between them; only `…` stands for anything."""
    assert missing_line(expected, printed) == missing


@pytest.mark.parametrize("variant", _VARIANTS)
def test_the_guide_is_marked_as_it_should_be(variant: str) -> None:
    """And what is repeated says until when."""
    blocks = blocks_of((_DOCS / "install.md").read_text(encoding="utf-8"), variant)
    assert len(blocks) > 20
    assert all(block.output for block in blocks if block.is_repeated)


def test_both_languages_have_the_same_blocks() -> None:
    """Commands, outputs and marks, word for word and in the same order."""
    english, chinese = (
        [(info, content) for _line, info, content in fences_of(path.read_text(encoding="utf-8"))]
        for path in (_DOCS / "install.md", _DOCS / "install.zh.md")
    )
    assert english == chinese


def test_both_languages_have_the_same_shape() -> None:
    """Headings, rows of tables and the figures in them."""
    english, chinese = (
        re.sub(
            r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        for path in (_DOCS / "install.md", _DOCS / "install.zh.md")
    )
    for shape in (r"^#+ ", r"^\|.*\|$"):
        found = [re.findall(shape, text, flags=re.MULTILINE) for text in (english, chinese)]
        assert len(found[0]) == len(found[1])
    settings = [sorted(re.findall(r"JIERU_\w+", text)) for text in (english, chinese)]
    assert settings[0] == settings[1]
