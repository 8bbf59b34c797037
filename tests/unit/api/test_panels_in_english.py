"""The console's panels in English."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from api.panels.english import ENGLISH, english
from dashboards import all_dashboards
from dashboards.words import REASON_WORDS

_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_OF_THE_CONSOLE: Final = {"时间", "秒", "毫秒"}


def _said(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """All that a dashboard says in Chinese but for descriptions, which say it in both."""
    yield dashboard["title"]
    yield from (variable["label"] for variable in dashboard["templating"]["list"])
    for panel in dashboard["panels"]:
        yield panel["title"]
        if panel["type"] != "row":
            yield from _said_by_fields(panel["fieldConfig"])


def _said_by_fields(config: Mapping[str, Any]) -> Iterator[str]:
    defaults = config["defaults"]
    yield defaults["noValue"]
    yield defaults["unit"].removeprefix("suffix:")
    own = [each for override in config["overrides"] for each in override["properties"]]
    yield from (each["value"] for each in own if each["id"] == "displayName")
    words = [each["value"] for each in own if each["id"] == "mappings"]
    for mapping in [*defaults["mappings"], *(each for several in words for each in several)]:
        yield from (option["text"] for option in mapping["options"].values())


def _in_chinese() -> set[str]:
    said = {text for dashboard in all_dashboards() for text in _said(dashboard)}
    reasons = {chinese for chinese, _colour in REASON_WORDS.values()}
    return {text for text in said | reasons if _CHINESE.search(text)}


def test_all_that_the_dashboards_say_has_its_english() -> None:
    """A new title fails here until it has one; and there are no leftovers."""
    assert sorted(_in_chinese() | _OF_THE_CONSOLE) == sorted(ENGLISH)


def test_no_english_is_half_chinese() -> None:
    """A word that was left out."""
    assert [text for text in ENGLISH.values() if _CHINESE.search(text)] == []


def test_texts_that_queries_put_together_are_said_in_english_too() -> None:
    """Months, counts, rhythms, several reasons; a name stays a name."""
    assert english("12 月") == "December"
    assert english("有效核定 2026-1") == "Standing count 2026-1"
    assert english("草案 2026-2") == "Draft 2026-2"
    assert english("4773b05a（3 台，2 家）") == "4773b05a (3 devices, 2 enterprises)"
    assert english("往年已接入、被裁定排除") == "Connected earlier, excluded by a decision"
    assert english("莆田市、某厂") == "莆田市、某厂"
