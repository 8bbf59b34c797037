"""Names and reasons that people give: required, trimmed, compared. Pure."""

from jieru.errors import UserError

__all__ = ["checked_name", "is_same_person", "required_text"]


def checked_name(name: str) -> str:
    """A person's name, without the prefix that the audit gives it.

    Raises:
        UserError: it is empty.
    """
    return required_text(name.strip().removeprefix("user:"))


def is_same_person(name: str | None, other: str | None) -> bool:
    """Whether two names stand for one person; the database compares them in the same way."""
    return name is not None and other is not None and name.lower() == other.lower()


def required_text(text: str) -> str:
    """A text that somebody must give, without the space around it.

    Raises:
        UserError: there is none.
    """
    if not text.strip():
        raise UserError("A reason and the name of who answers for it are needed.")
    if "\0" in text:
        raise UserError("A text may not hold the character NUL.")
    return text.strip()
