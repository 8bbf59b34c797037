"""In which language a request is answered: `?lang=`, else the cookie, else what the browser asks.

Chinese comes first: whoever says nothing gets it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request

from api.web.services import services_of
from jieru.accepted_language import known_language, most_wanted
from jieru.i18n import Language, translations

__all__ = [
    "LANGUAGE_COOKIE",
    "DefaultLanguage",
    "RequestedLanguage",
    "choose_language",
    "language_of",
    "requested_language",
    "translator",
]

LANGUAGE_COOKIE: Final = "jieru_language"
LANGUAGE_QUERY: Final = "lang"


@dataclass(frozen=True, slots=True)
class DefaultLanguage:
    """What readers get who ask for no language."""

    language: Language


def choose_language(query: str, cookie: str, accept_language: str, default: Language) -> Language:
    """The first of the four that names a language of ours."""
    return (
        known_language(query) or known_language(cookie) or most_wanted(accept_language) or default
    )


def requested_language(request: Request) -> Language | None:
    """The language asked for in the address itself (`?lang=en`), which is then remembered."""
    return known_language(request.query_params.get(LANGUAGE_QUERY, ""))


def language_of(request: Request) -> Language:
    """The language of this request's answer."""
    return choose_language(
        request.query_params.get(LANGUAGE_QUERY, ""),
        request.cookies.get(LANGUAGE_COOKIE, ""),
        request.headers.get("accept-language", ""),
        services_of(request).get(DefaultLanguage).language,
    )


RequestedLanguage = Annotated[Language, Depends(language_of)]
"""The language of an answer that speaks."""


def translator(request: Request) -> Callable[[str], str]:
    """Translates a message for the reader of this request's answer."""
    return translations(language_of(request)).gettext
