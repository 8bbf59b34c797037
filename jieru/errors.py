"""Errors sorted by whose they are: the user's, the world's, or ours.

Ours have no class here: a bug is any other exception and crashes loudly.
"""

from jieru.i18n import gettext

__all__ = ["NoRoomError", "UserError", "WorldError"]


class _SpokenError(Exception):
    """An error whose message is one translated sentence with named values filled in."""

    def __init__(self, message: str, **values: object) -> None:
        """Keep the untranslated message, so that each reader gets his own language."""
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return gettext(self.message).format(**self.values)


class UserError(_SpokenError):
    """The user can correct this; the message says how. Never shown with a traceback."""


class WorldError(_SpokenError):
    """Something outside failed and may heal by itself: a network, a broker, a database."""


class NoRoomError(WorldError):
    """A disk is full: what was to be written was not, and will be when there is room."""
