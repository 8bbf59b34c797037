"""The gate of text: what may be written in a name, a reason or a cell, wherever it comes in. Pure.

Two texts that look the same must be the same. So what cannot be seen, or is no character at all, is
refused with its place; and what is only another code of one and the same character is read as that
character: radicals that a PDF gives for ideographs, what GB18030 once had no other place for, kinds
of spaces. Everything else stays as it was given.
"""

import re
import unicodedata
from typing import Final

from jieru.errors import UserError

__all__ = ["LINE_BREAKS", "MAPPED", "admitted", "is_admitted", "read_as_meant"]

LINE_BREAKS: Final = frozenset("\n\r\t")
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Zl", "Zp"))
_PRINTED_BUT_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc"
    "\U0001d159\U000e0100-\U000e01ef]"
)
"""Default ignorable code points that are no format characters (Unicode, DerivedCoreProperties), and
what is drawn as nothing: the blank of Braille, the place of an object."""
_LOST: Final = "\ufffd"
_NONCHARACTERS: Final = range(0xFDD0, 0xFDF0)
_LAST_OF_PLANE: Final = 0xFFFE
"""And the one after it."""

_SPACES: Final = (0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F)

_RADICALS: Final = (
    "⺁厂⺂乛⺃乚⺄乙⺅亻⺆冂⺇𠘨⺈刀⺉刂⺊卜⺋㔾⺌小⺍小⺎兀⺏尣⺐尢⺑𡯂⺒巳⺓幺⺔彑⺕彐⺖忄⺗心⺘扌⺙攵⺛旡⺜日⺝月⺞歺⺟母"
    "⺠民⺡氵⺢氺⺣灬⺤爫⺥爫⺦丬⺧牛⺨犭⺩王⺪𤴔⺫目⺬示⺭礻⺮𥫗⺯糹⺰纟⺱罓⺲罒⺳㓁⺴冗⺵𦉫⺶羊⺷𦍌⺸𦍋⺹耂⺺肀⺻聿⺼肉⺽𦥑⺾艹⺿艹"
    "⻀艹⻁虎⻂衤⻃覀⻄西⻅见⻆角⻇𧢲⻈讠⻉贝⻊𧾷⻋车⻌辶⻍辶⻎辶⻏邑⻐钅⻑長⻒镸⻓长⻔门⻕𨸏⻖阝⻗雨⻘青⻙韦⻚页⻛风⻜飞⻝食⻞𩙿⻟飠"
    "⻠饣⻡𩠐⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟"
)
"""CJK radicals, each before its ideograph (Unicode 14, EquivalentUnifiedIdeograph)."""

_GB18030_PRIVATE: Final = {
    # Marks for vertical text, at A6D9 to A6F3 (GB 18030-2022)
    0xE78D: 0xFE10,
    0xE78E: 0xFE12,
    0xE78F: 0xFE11,
    0xE790: 0xFE13,
    0xE791: 0xFE14,
    0xE792: 0xFE15,
    0xE793: 0xFE16,
    0xE794: 0xFE17,
    0xE795: 0xFE18,
    0xE796: 0xFE19,
    # Letters with accents, at A8BC and A8BF
    0xE7C7: 0x1E3F,
    0xE7C8: 0x01F9,
    # Ideographs and components, at FE51 to FEA0
    0xE816: 0x20087,
    0xE817: 0x20089,
    0xE818: 0x200CC,
    0xE81E: 0x9FB4,
    0xE826: 0x9FB5,
    0xE82B: 0x9FB6,
    0xE82C: 0x9FB7,
    0xE831: 0x215D7,
    0xE832: 0x9FB8,
    0xE83B: 0x2298F,
    0xE843: 0x9FB9,
    0xE854: 0x9FBA,
    0xE855: 0x241FE,
    0xE864: 0x9FBB,
}
"""What the codec of GB18030-2005 still gives a private place."""
_GBK_PRIVATE: Final = {
    # Where GBK had them, in the order of their two bytes: their codes have real characters now.
    0xE815: (0xFE, [*range(0x50, 0x7F), *range(0x80, 0xA1)]),
    0xE7E7: (0xA9, [*range(0x89, 0x96)]),
}


def admitted(text: str, *, allowed: frozenset[str] = frozenset()) -> str:
    """The text as it may come in.

    Args:
        text: what somebody wrote.
        allowed: control characters that have a meaning where it stands, such as `LINE_BREAKS`.

    Raises:
        UserError: it holds what cannot come in; the sentence names the character and its place.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.translate(MAPPED)
    if text.isprintable() and _LOST not in text and not _PRINTED_BUT_UNSEEN.search(text):
        return text
    for place, character in enumerate(text, 1):
        if character not in allowed:
            _require_admitted(character, place)
    return text


def is_admitted(character: str) -> bool:
    """Whether a character may come in, as it is or as another."""
    try:
        admitted(character)
    except UserError:
        return False
    return True


def read_as_meant(text: str) -> str:
    """A text that is only looked for: other codes of a character are read as the character."""
    return text.translate(MAPPED)


def _require_admitted(character: str, place: int) -> None:
    code = f"{ord(character):04X}"
    category = unicodedata.category(character)
    if category == "Cs":
        raise UserError(
            "Holds half a character (U+{code}) at place {place}: type the text again.",
            code=code,
            place=place,
        )
    if character == _LOST:
        raise UserError(
            "Holds U+{code} at place {place}, which stands for a character that was lost: type "
            "the text again.",
            code=code,
            place=place,
        )
    if category == "Co":
        raise UserError(
            "Holds the private character U+{code} at place {place}, which other computers show "
            "differently or not at all: type the usual character.",
            code=code,
            place=place,
        )
    if category in _INVISIBLE or _PRINTED_BUT_UNSEEN.match(character) or _is_none(character):
        raise UserError(
            "Holds the invisible character U+{code} at place {place}: delete it, or type the text "
            "again.",
            code=code,
            place=place,
        )


def _is_none(character: str) -> bool:
    """Whether it is a code that Unicode promises never to give to a character."""
    code = ord(character)
    return code in _NONCHARACTERS or code & _LAST_OF_PLANE == _LAST_OF_PLANE


def _mapped() -> dict[int, str]:
    """By code, the character that is meant."""
    table = dict.fromkeys(_SPACES, " ")
    table |= {ord(a): b for a, b in zip(_RADICALS[::2], _RADICALS[1::2], strict=True)}
    for code in range(0x2F00, 0x2FD6):  # Kangxi radicals
        table[code] = unicodedata.normalize("NFKC", chr(code))
    for code in (*range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)):  # compatibility ideographs
        if unicodedata.normalize("NFC", chr(code)) != chr(code):
            table[code] = unicodedata.normalize("NFC", chr(code))
    for first, (lead, trails) in _GBK_PRIVATE.items():
        for code, trail in enumerate(trails, first):
            real = bytes((lead, trail)).decode("gb18030")
            table[code] = table.get(ord(real), real)
    table |= {code: chr(real) for code, real in _GB18030_PRIVATE.items()}
    return table


MAPPED: Final = _mapped()
"""What is only another code of a character, by code: the character."""
