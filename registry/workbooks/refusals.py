"""Why a workbook is not taken; each is one sentence, into which the reader puts the file's name."""

from jieru.errors import UserError
from jieru.i18n import marked

__all__ = ["TooMuchError", "UnreadableError"]


class UnreadableError(UserError):
    """It is broken, or made so that two programs would read different things in it."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            marked("{name} is no workbook that can be read: open it and save it as .xlsx again.")
        )


class TooMuchError(UserError):
    """Reading it takes more memory or time than one file may have."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            marked(
                "Reading {name} takes more memory or time than one file may have: save it as CSV "
                "UTF-8, or split it into files of fewer rows."
            )
        )
