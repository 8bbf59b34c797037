"""Panels call things what everybody else calls them, and each thing once."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from babel.messages.pofile import read_po

import api.panels
import dashboards
import jieru
from dashboards import words as panels
from dashboards.words import Labels
from jieru import vocabulary
from jieru.vocabulary import Text, Vocabulary, spoken

_FOLDERS: Final = [Path(module.__file__ or "").parent for module in (dashboards, api.panels)]
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_CATALOGUE: Final = Path(jieru.__file__).parent / "locale" / "zh_CN" / "jieru.po"
_PAIRS: Final[list[tuple[Labels, Vocabulary]]] = [
    (panels.OUTCOME_LABELS, vocabulary.OUTCOME_WORDS),
    (panels.CRITERION_LABELS, vocabulary.CRITERION_WORDS),
    (panels.REASON_LABELS, vocabulary.REASON_WORDS),
    (panels.DECISION_LABELS, vocabulary.DECISION_WORDS),
    (panels.LEVEL_LABELS, vocabulary.LEVEL_WORDS),
    (panels.BASIS_LABELS, vocabulary.BASIS_WORDS),
    (panels.STATE_LABELS, vocabulary.COUNT_STATE_WORDS),
    (panels.RECOVERY_LABELS, vocabulary.RECOVERY_WORDS),
    (panels.DEVICE_STATUS_LABELS, vocabulary.DEVICE_STATUS_WORDS),
    (panels.REJECTION_LABELS, vocabulary.REJECTION_WORDS),
    (panels.RECORD_KIND_LABELS, vocabulary.RECORD_KIND_WORDS),
    (panels.ACTION_LABELS, vocabulary.AUDIT_ACTION_WORDS),
    (panels.MET_LABELS, vocabulary.MET_WORDS),
    (panels.VALIDITY_LABELS, vocabulary.VALIDITY_WORDS),
    (panels.YES_LABELS, vocabulary.YES_WORDS),
]


@pytest.mark.parametrize(("labels", "words"), _PAIRS)
def test_every_code_has_the_word_of_the_vocabulary(labels: Labels, words: Vocabulary) -> None:
    """Every code that there is, in both languages."""
    texts = {code: label.text for code, label in labels.items()}
    assert texts == {code: spoken(word) for code, word in words.items()}


def _written_texts() -> Iterator[Text]:
    """Texts that stand in the source with both languages: all that no catalogue gives."""
    for folder in _FOLDERS:
        for path in sorted(folder.glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                arguments = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if node.func.id == "Text" and len(arguments) == 2:
                    yield Text(*map(str, arguments))


def test_what_the_catalogue_says_is_not_written_again() -> None:
    """A panel that wrote it would soon say it otherwise in English."""
    with _CATALOGUE.open("rb") as source:
        known = {message.string: message.id for message in read_po(source) if message.id}
    assert {text.zh: known[text.zh] for text in _written_texts() if text.zh in known} == {}


def test_no_text_is_written_twice() -> None:
    """Several panels with one title share it; what they prove is their own."""
    written = Counter(text.zh for text in _written_texts())
    assert {zh: number for zh, number in written.items() if number > 1} == {}


def test_every_text_has_both_languages() -> None:
    """Neither half is empty, nor in the other's letters."""
    texts = list(_written_texts())
    assert len(texts) > 200
    assert [text for text in texts if not text.zh or not text.en] == []
    assert [text.en for text in texts if _CHINESE.search(text.en)] == []
