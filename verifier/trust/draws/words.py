"""The words of what visits find, as message ids."""

from collections.abc import Mapping
from typing import Final

from jieru import vocabulary
from jieru.vocabulary import worded
from verifier.trust.draws.results import Found

__all__ = ["FOUND_WORDS"]

FOUND_WORDS: Final[Mapping[Found, str]] = worded(Found, vocabulary.FOUND_WORDS)
