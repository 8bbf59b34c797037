"""Panels call things what the console calls them."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.console import words as console
from dashboards import words as panels
from dashboards.words import Words
from jieru.i18n import translations
from verifier import words as counting
from verifier.procedure import words as procedure
from verifier.reports import speech

_PAIRS: list[tuple[Words, Mapping[Any, str]]] = [
    (panels.OUTCOME_WORDS, counting.OUTCOME_WORDS),
    (panels.CRITERION_WORDS, {**counting.CRITERION_WORDS, **speech._NUMERIC_WORDS}),
    (panels.REASON_WORDS, counting.REASON_WORDS),
    (panels.DECISION_WORDS, counting.DECISION_WORDS),
    (panels.LEVEL_WORDS, counting.LEVEL_WORDS),
    (panels.BASIS_WORDS, counting.BASIS_WORDS),
    (panels.STATE_WORDS, procedure.STATE_WORDS),
    (panels.RECOVERY_WORDS, procedure.RECOVERY_WORDS),
    (panels.DEVICE_STATUS_WORDS, console.DEVICE_STATUS_WORDS),
    (panels.REJECTION_WORDS, console.REJECTION_WORDS),
    (panels.RECORD_KIND_WORDS, console.RECORD_KIND_WORDS),
]


@pytest.mark.parametrize(("words", "spoken"), _PAIRS)
def test_every_code_has_the_consoles_word(words: Words, spoken: Mapping[Any, str]) -> None:
    """Every code that there is, and the same Chinese for it."""
    translate = translations("zh").gettext
    assert {code: chinese for code, (chinese, _) in words.items()} == {
        str(code): translate(message) for code, message in spoken.items()
    }
