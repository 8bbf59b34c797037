"""The one message catalogue: complete, with the same values filled in."""

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import jieru
from jieru.i18n import translations

_ROOT = Path(jieru.__file__).parent.parent
_CATALOGUE = _ROOT / "jieru" / "locale" / "zh_CN" / "jieru.po"
_PARTS = (
    *("command", "api", "doctor", "dashboards", "ingest", "simulators", "verifier"),
    *("registry", "archive", "jieru"),
)
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_KEYWORDS = {"_": None, "gettext": None, "UserError": None, "WorldError": None, "marked": None}


def _messages_of_the_code() -> Iterator[tuple[str, str]]:
    for part in _PARTS:
        for name, line, message, *_rest in extract_from_dir(
            _ROOT / part, _METHODS, keywords=_KEYWORDS
        ):
            yield (message if isinstance(message, str) else message[0]), f"{part}/{name}:{line}"


def test_every_message_has_its_chinese() -> None:
    """What the code says in English, the catalogue says in Chinese."""
    with _CATALOGUE.open("rb") as source:
        catalogue = read_po(source, locale="zh_CN")
    missing = {
        place: message
        for message, place in _messages_of_the_code()
        if message and (message not in catalogue or not catalogue[message].string)
    }
    assert missing == {}


def test_no_translation_is_left_over() -> None:
    """A message that nothing says any more goes."""
    with _CATALOGUE.open("rb") as source:
        catalogue = read_po(source, locale="zh_CN")
    used = {message for message, _place in _messages_of_the_code()}
    assert [message.id for message in catalogue if message.id and message.id not in used] == []


def test_a_translation_fills_in_the_same_values() -> None:
    """A placeholder that differs would fail only when the message is shown."""
    with _CATALOGUE.open("rb") as source:
        catalogue = read_po(source, locale="zh_CN")
    for message in catalogue:
        if message.id:
            named = re.findall(r"\{\w+\}|%\(\w+\)s", str(message.id))
            assert sorted(named) == sorted(re.findall(r"\{\w+\}|%\(\w+\)s", str(message.string)))


def test_english_needs_no_catalogue() -> None:
    """Message ids are English."""
    assert translations("en").gettext("anything") == "anything"
