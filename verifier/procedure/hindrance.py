"""One thing that stands in the way of a step, in a sentence that says what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jieru.errors import UserError
from jieru.i18n import gettext as _

__all__ = ["Hindrance", "require_no_hindrance"]

_LISTED: Final = 5
"""More in one message nobody reads."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One thing that is missing, or is not as it should be."""

    code: str
    message: str
    """Untranslated, with `{named}` values."""
    values: Mapping[str, object]

    def __str__(self) -> str:
        return _(self.message).format(**self.values)


def require_no_hindrance(found: Sequence[Hindrance]) -> None:
    """Refuse a step, with every reason at once, or the first of too many.

    Raises:
        UserError: something is missing.
    """
    if len(found) == 1:
        raise UserError(found[0].message, **found[0].values)
    listed = " ".join(str(each) for each in found[:_LISTED])
    if len(found) > _LISTED:
        raise UserError(
            "Not yet: {list} And {number} more.", list=listed, number=len(found) - _LISTED
        )
    if found:
        raise UserError("Not yet: {list}", list=listed)
