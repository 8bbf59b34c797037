"""Names and reasons that people give: required, trimmed, compared. Pure."""

import unicodedata

from jieru.errors import UserError

__all__ = ["checked_name", "is_same_person", "person_key", "required_text"]


def checked_name(name: str) -> str:
    """A person's name, without the prefix that the audit gives it.

    Raises:
        UserError: it is empty.
    """
    return required_text(name.strip().removeprefix("user:"))


def is_same_person(name: str | None, other: str | None) -> bool:
    """Whether two names stand for one person, by `person_key`."""
    return name is not None and other is not None and person_key(name) == person_key(other)


def person_key(name: str) -> str:
    """What all spellings of a name have in common: case, width and space make no other person.

    The database has a function of the same name, for what is written past the programs.
    """
    return "".join(unicodedata.normalize("NFKC", name).split()).lower().removeprefix("user:")


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
