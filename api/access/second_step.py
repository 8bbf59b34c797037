"""Whether accounts can have a second step here, and whose must."""

from dataclasses import dataclass
from typing import Final, Self

from api.access.caller import Caller
from api.access.roles import Role
from api.access.totp_key import TotpKey, totp_key_of
from jieru.settings import Settings

__all__ = ["ENROLMENT", "MUST_HAVE_IT", "SecondStep"]

ENROLMENT: Final = "/account/totp"
"""The page on which a person sets it up."""
MUST_HAVE_IT: Final = frozenset({Role.VERIFIER, Role.ADMIN})
"""Where it is required."""


@dataclass(frozen=True, slots=True)
class SecondStep:
    """What the settings say of it."""

    key: TotpKey | None
    """None: nobody can set it up."""
    is_required: bool
    """Of those who move money or give out roles."""

    @classmethod
    def of_settings(cls, settings: Settings) -> Self:
        """What these settings say.

        Raises:
            UserError: the key file cannot be used.
        """
        return cls(totp_key_of(settings), settings.totp_required)

    def must_be_set_up(self, caller: Caller) -> bool:
        """Whether this caller may do nothing before that."""
        return self.is_required and caller.lacks_second_factor and caller.role in MUST_HAVE_IT
