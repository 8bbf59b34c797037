"""Why one record is not written: what is wrong with it, what is in its way, who else keeps it."""

from collections.abc import Sequence
from typing import NamedTuple

from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "ChangedMeanwhileError",
    "ConflictError",
    "NotKeptError",
    "NotRegisteredError",
    "WrongColumn",
    "WrongColumnsError",
]


class WrongColumn(NamedTuple):
    """One value of a record that is wrong, and why."""

    column: str
    """In the words of the import files; several are joined by a comma."""
    reason: UserError


class WrongColumnsError(UserError):
    """What is said of the record is wrong, each column with its reason."""

    def __init__(self, columns: Sequence[WrongColumn]) -> None:
        """Keep all of them."""
        names = ", ".join(each.column for each in columns)
        super().__init__(_("The record is wrong in: {columns}."), columns=names)
        self.columns = columns


class ConflictError(UserError):
    """The record would contradict what is registered."""


class NotKeptError(UserError):
    """Another platform, or the bureau, keeps the record."""

    def __init__(self) -> None:
        """Nothing is said of who does."""
        super().__init__(
            _("Your platform does not keep this record: ask the bureau to correct it.")
        )


class NotRegisteredError(UserError):
    """There is no record to be changed."""

    def __init__(self) -> None:
        """It was named by a key that nothing has."""
        super().__init__(_("There is no such record."))


class ChangedMeanwhileError(UserError):
    """Somebody changed the record since it was read."""

    def __init__(self, revision: int) -> None:
        """Keep the present revision."""
        super().__init__(
            _("Somebody else changed the record since you read it. Read it again, then decide.")
        )
        self.revision = revision
