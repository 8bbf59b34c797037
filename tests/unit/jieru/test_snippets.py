"""The programs of the documents: equal to the files that the console fills, and filled safely."""

import re
from importlib import resources
from pathlib import Path
from typing import Final

import pytest

import jieru
from jieru.credentials.secret import new_secret
from jieru.snippets.snippet import EXAMPLE, Snippet, snippets
from jieru.wire import PAYLOAD_DEPTH_LIMIT, PAYLOAD_LIMIT_BYTES, DeviceStatus, RejectionReason

_DOCS: Final = Path(jieru.__file__).parents[1] / "docs"
_SUFFIXES: Final = {"en": ".md", "zh": ".zh.md"}
_EACH: Final = pytest.mark.parametrize("snippet", snippets(), ids=lambda snippet: snippet.name)
_OTHERS: Final = EXAMPLE._replace(
    host="broker.putian.example",
    port=18883,
    username="haiyun/via/licheng-1",
    secret=new_secret(),
    topic="jieru/v1/haiyun/via/licheng-1/LATHE-7/heartbeat",
    client_id="haiyun-via-licheng-1",
    https_url="https://in.putian.example/ingest/v1/haiyun",
    ca_file="city-ca.pem",
)


def _text(language: str, page: str = "connect") -> str:
    return (_DOCS / f"{page}{_SUFFIXES[language]}").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", _SUFFIXES)
@_EACH
def test_a_document_shows_a_program_as_it_is_filled(snippet: Snippet, language: str) -> None:
    """Once, under its title and by its name, in the language of highlighting."""
    fence = rf"^### {re.escape(snippet.title[language])}\n.*?^```(\w+) {snippet.name}\n(.*?)^```$"
    shown = re.findall(fence, _text(language, snippet.page), re.MULTILINE | re.DOTALL)
    assert shown == [(snippet.language, snippet.text)]


@pytest.mark.parametrize(("language", "words"), [("en", "**not tried**"), ("zh", "**未试**")])
@_EACH
def test_a_document_says_of_a_program_whether_it_was_tried(
    snippet: Snippet, language: str, words: str
) -> None:
    """In the table of those that it shows."""
    (row,) = re.findall(
        rf"^\| \[{re.escape(snippet.title[language])}\]\(#.*\|$",
        _text(language, snippet.page),
        re.MULTILINE,
    )
    assert (words in row) != snippet.is_tried


def test_no_text_is_without_its_place() -> None:
    """Each file is a snippet's."""
    folder = resources.files("jieru.snippets") / "texts"
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{snippet.name}.txt" for snippet in snippets()}


@_EACH
def test_a_program_that_is_filled_with_the_example_is_the_document_s(snippet: Snippet) -> None:
    """So that what is documented is what is filled."""
    assert snippet.filled(snippet.example) == snippet.text


@_EACH
def test_nothing_of_the_example_stays_in_a_program_that_is_filled(snippet: Snippet) -> None:
    """And all that is needed to publish as somebody else is in it."""
    filled = snippet.filled(_OTHERS)
    for value in (EXAMPLE.host, "xielian", "CNC-00059", "SECRET"):
        assert value not in filled
    assert _OTHERS.secret in filled
    assert _OTHERS.username in filled
    if snippet.page == "connect":
        assert (_OTHERS.topic in filled) or (_OTHERS.https_url in filled and "LATHE-7" in filled)


def test_a_value_that_was_filled_in_is_not_looked_at_again() -> None:
    """Though it is the example's for something else."""
    (paho,) = (each for each in snippets() if each.name == "python-paho")
    filled = paho.filled(
        EXAMPLE._replace(host="8883", secret="xielian", topic="jieru/v1/a/SECRET/x")  # noqa: S106  # no secret
    )
    assert 'HOST, PORT, CA_FILE = "8883", 8883, "ca.pem"' in filled
    assert 'USERNAME, PASSWORD = "xielian/own/CNC-00059", "xielian"' in filled
    assert 'TOPIC = "jieru/v1/a/SECRET/x"' in filled


@pytest.mark.parametrize("character", ['"', "'", "`", "$", "\\", "\n", "\x00", "\x7f"])
def test_what_would_end_a_literal_is_refused(character: str) -> None:
    """A value must never become code in whoever copies a program."""
    with pytest.raises(ValueError, match="a quotation mark"):
        snippets()[0].filled(EXAMPLE._replace(ca_file=f"ca{character}.pem"))


def test_without_a_file_of_its_own_an_authority_is_one_that_everybody_trusts() -> None:
    """And without TLS there is none."""
    (paho,) = (each for each in snippets() if each.name == "python-paho")
    public = paho.filled(EXAMPLE._replace(ca_file=""))
    plain = paho.filled(EXAMPLE._replace(ca_file="", is_tls=False, port=1883))
    assert 'HOST, PORT, CA_FILE = "jieru.example.cn", 8883, "/etc/ssl/certs/ca-cert' in public
    assert 'HOST, PORT, CA_FILE = "jieru.example.cn", 1883, ""' in plain


def _rows(text: str) -> list[str]:
    """The first code of each row of a table that begins with code, in order."""
    return re.findall(r"^ *\| `(.+?)`", text, re.MULTILINE)


def test_the_contract_is_the_same_in_chinese() -> None:
    """Every reason once, every status, both limits, the payload, the example of a format."""
    text, english = _text("zh"), _text("en")
    given = set(RejectionReason) - {RejectionReason.RETAINED}
    reasons = re.findall(rf"^\| `({'|'.join(RejectionReason)})` \|", text, re.MULTILINE)
    assert sorted(reasons) == sorted(reason.value for reason in given)
    (statuses,) = re.findall(r"^\| `status` \| 选填 \| (.*) \|$", text, re.MULTILINE)
    assert re.findall(r"`(\w+)`", statuses) == [status.value for status in DeviceStatus]
    assert f"不超过 {PAYLOAD_LIMIT_BYTES:,} 字节" in text
    assert f"最多嵌套 {PAYLOAD_DEPTH_LIMIT} 层" in text
    assert _rows(text) == _rows(english)
    for block in (r"^```json\n(.*)\n```$", r"^```\n(\{\"format\"(?:.|\n)*?)^```$", r"^   mosq.*$"):
        assert re.findall(block, text, re.MULTILINE) == re.findall(block, english, re.MULTILINE)
        assert re.search(block, text, re.MULTILINE)
