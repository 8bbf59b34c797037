"""The words of signals, by the values of the program."""

from collections.abc import Mapping
from typing import Final

from jieru import vocabulary
from jieru.vocabulary import worded
from verifier.trust.signal import Kind, Strength

__all__ = ["KIND_WORDS", "STRENGTH_WORDS"]

KIND_WORDS: Final[Mapping[Kind, str]] = worded(Kind, vocabulary.SIGNAL_WORDS)
STRENGTH_WORDS: Final[Mapping[Strength, str]] = worded(Strength, vocabulary.STRENGTH_WORDS)
