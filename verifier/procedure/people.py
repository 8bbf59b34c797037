"""Who takes a step: a person, for nobody else answers for public money."""

from dataclasses import dataclass
from datetime import datetime

from jieru.audit import Actor
from jieru.errors import UserError
from verifier.procedure.names import checked_name

__all__ = ["Act", "person_of"]


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something with a count, and when."""

    actor: Actor
    """For the audit."""
    name: str
    """The person's."""
    at: datetime
    """With its time zone."""

    def __post_init__(self) -> None:
        """Take the name without the prefix that the audit gives it; it may not be empty."""
        object.__setattr__(self, "name", checked_name(self.name))


def person_of(actor: Actor) -> str:
    """The name of the person behind a signed-in caller.

    Raises:
        UserError: it is a program.
    """
    kind, _colon, name = actor.name.partition(":")
    if kind != "user" or not name:
        raise UserError("Only a person who signed in may do this, not a program with a key.")
    return name
