"""The letter that asks an enterprise whether a connection is so: a code, and a square with it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import segno

from jieru.calendar import civil_date
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from verifier.reports.fonts import ReportFonts
from verifier.reports.typesetting import Data, pdf

__all__ = ["QuestionLetter", "letter_pdf"]

_CLAIM: Final = _(
    "The industrial-internet platform {platform} says that it serves your enterprise {enterprise} "
    "({uscc}) from {from_date} under the contract {contract}."
)
_WHY: Final = _(
    "The city pays platforms for each enterprise that they really serve, and so asks you yourself "
    "whether this is so. The platform does not read your answer's reasons, nor who you are."
)
_HOW: Final = _(
    "Scan the square with a telephone, or open {page} and type in the code. Then choose “It is so” "
    "or “It is not so”. You need neither an account nor a password, and nobody will ask you for "
    "money. Please answer by {until}; the code can be used once."
)


@dataclass(frozen=True, slots=True)
class QuestionLetter:
    """What a letter says, to whom."""

    contact_name: str = field(repr=False)
    postal_address: str | None = field(repr=False)
    platform_name: str
    enterprise_name: str
    uscc: str
    contract_no: str | None
    from_date: date
    asked_at: datetime
    expires_at: datetime
    code: str = field(repr=False)
    """As it stands on paper."""
    page: str
    """The address at which it is typed in, ..."""
    link: str = field(repr=False)
    """... and the one that has it already."""


def letter_pdf(
    letter: QuestionLetter, language: Language, fonts: ReportFonts, *, is_simulation: bool
) -> bytes:
    """One letter as PDF/A-2b.

    Args:
        letter: what it says.
        language: of the letter.
        fonts: the only font.
        is_simulation: whether it is marked as one.
    """
    translate = translations(language).gettext
    values = {
        "platform": letter.platform_name,
        "enterprise": letter.enterprise_name,
        "uscc": letter.uscc,
        "contract": letter.contract_no or translate(_("(not named)")),
        "from_date": letter.from_date.isoformat(),
        "until": civil_date(letter.expires_at).isoformat(),
        "page": letter.page,
    }

    def say(message: str) -> str:
        return translate(message).format(**values)

    asked_on = civil_date(letter.asked_at).isoformat()
    data: dict[str, Data] = {
        "language": language,
        "title": translate(_("Please confirm a connection")),
        "mark": translate(_("Simulation: no award may rest on this.")) if is_simulation else "",
        "watermark": translate(_("SIMULATION")),
        "footer": [
            asked_on,
            translate(
                _("This letter is for the addressee alone: whoever has its code can answer.")
            ),
        ],
        "provenance_title": "",
        "provenance": [],
        "page_of": translate(_("Page {page} of {pages}")),
        "addressee": [letter.enterprise_name, letter.contact_name, letter.postal_address or ""],
        "paragraphs": [say(_CLAIM), say(_WHY), say(_HOW)],
        "code_title": translate(_("Confirmation code")),
        "code": letter.code,
        "address": letter.page,
        "qr": _square(letter.link),
    }
    return pdf("letter", data, fonts, letter.asked_at)


def _square(address: str) -> str:
    """A QR code as SVG."""
    return segno.make(address, error="m", micro=False).svg_inline(
        scale=4, dark="#000", light="#fff"
    )
