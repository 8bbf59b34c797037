"""The result of a draw in one sentence, for whoever reads a count. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = ["said_of", "said_of_not_listed"]

_WHOLE: Final = _(
    "Of {listed} enterprises {drawn} were drawn and visited: {as_registered} as registered, "
    "{differs} not as registered, {not_found} not found, {refused} refused the visit. With 95 % "
    "confidence at most {bound} of the list are not genuine."
)
_RUNNING: Final = _(
    "Of {listed} enterprises {drawn} were drawn, and {visited} of these visited so far: "
    "{as_registered} as registered, {differs} not as registered, {not_found} not found, {refused} "
    "refused the visit. How many of the list are not genuine is said once all were visited."
)


_NOT_LISTED: Final = _(
    "{not_listed} counted enterprises stand in no list that was drawn: nothing is said of them."
)


def said_of_not_listed(not_listed: int) -> Iterator[UserError]:
    """What is to be known of a count that grew since its lists were drawn, if it did."""
    if not_listed:
        yield UserError(_NOT_LISTED, not_listed=not_listed)


def said_of(result: Mapping[str, Any]) -> UserError:
    """What one draw found, with its values, for each reader's language.

    Args:
        result: as `Result.to_json_object` has it, and as a count's document holds it.
    """
    is_whole = result["visited"] == result["drawn"]
    numbers = {name: value for name, value in result.items() if isinstance(value, int)}
    return UserError(_WHOLE if is_whole else _RUNNING, **numbers)
