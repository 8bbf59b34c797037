"""How the public value of a draw is spelled: in one way, announced with the list. Pure.

Who knows value and seed could try spaces, signs and leading zeros until the sample pleases. So the
list is published with a form such as `00 00 00 00 00 00 + 00`, in which each 0 stands for one digit
and all else for itself.
"""

import re
from typing import Final

from jieru.errors import UserError

__all__ = ["form_of", "require_spelling"]

_LONGEST: Final = 200
_FORM: Final = re.compile(r"(?=[^0]*0)[!-/0:-~]([ -/0:-~]*[!-/0:-~])?")
_DIGIT: Final = re.compile(r"[0-9]")


def form_of(example: str) -> str:
    """The form of values that are spelled like this one; a form is its own.

    Raises:
        UserError: it holds no digit, or anything but visible ASCII characters and spaces.
    """
    form = _DIGIT.sub("0", example.strip())
    if len(form) > _LONGEST or not _FORM.fullmatch(form):
        raise UserError(
            "The form of the public value is written with a 0 for each digit, such as "
            "“00 00 00 00 00 00 + 00”, in at most {longest} ASCII characters.",
            longest=_LONGEST,
        )
    return form


def require_spelling(value: str, form: str) -> str:
    """The value as it is hashed: without spaces around it, and spelled as was announced.

    Raises:
        UserError: it is spelled otherwise.
    """
    value = value.strip()
    if _DIGIT.sub("0", value) != form:
        raise UserError(
            "The list was published for a value of the form “{form}”, each 0 being one digit: "
            "spell it so, character by character.",
            form=form,
        )
    return value
