"""One gettext catalogue for commands, pages and reports; Chinese first.

Message ids are English, so the English edition needs no file. The catalogue is read from its
`.po` source: a few hundred messages cost milliseconds, and no compiled copy can fall behind.
"""

import gettext as _stdlib
import io
import os
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

__all__ = ["LANGUAGES", "Language", "gettext", "marked", "process_language", "translations"]

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_CATALOGUE = Path(__file__).parent / "locale" / "zh_CN" / "jieru.po"


@cache
def translations(language: Language) -> _stdlib.NullTranslations:
    """The translations of one language; an unknown message is given back as it is."""
    if language == "en":
        return _stdlib.NullTranslations()
    with _CATALOGUE.open("rb") as source:
        catalogue = read_po(source, locale="zh_CN")
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return _stdlib.GNUTranslations(compiled)


def process_language() -> Language:
    """The language of this process: `JIERU_LANGUAGE` (`zh` or `en`), else Chinese.

    Read straight from the environment, because errors in the settings are spoken too.
    """
    return "en" if os.environ.get("JIERU_LANGUAGE", "").lower().startswith("en") else "zh"


def gettext(message: str) -> str:
    """Translate for the terminal of this process; pages choose by request instead."""
    return translations(process_language()).gettext(message)


def marked(message: str) -> str:
    """Mark a message for the catalogue where it stands; it is translated when it is shown."""
    return message
