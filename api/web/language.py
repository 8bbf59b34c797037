"""In which language a request is answered: `?lang=`, else the cookie, else what the browser asks.

Chinese comes first: whoever says nothing gets it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request

from api.web.services import services_of
from jieru.i18n import LANGUAGES, Language, translations

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


def _known(tag: str) -> Language | None:
    """The language of a tag such as `zh-CN` or `en`, or None when we do not speak it."""
    primary = tag.strip().lower().split("-")[0]
    return next((language for language in LANGUAGES if language == primary), None)


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _most_wanted(accept_language: str) -> Language | None:
    """The language of ours that an Accept-Language header (RFC 9110, 12.5.4) wants most."""
    best: tuple[float, Language] | None = None
    for item in accept_language.split(","):
        tag, _, parameters = item.partition(";")
        language, quality = _known(tag), _quality(parameters)
        if language and quality > 0 and (best is None or quality > best[0]):
            best = (quality, language)
    return best[1] if best else None


def choose_language(query: str, cookie: str, accept_language: str, default: Language) -> Language:
    """The first of the four that names a language of ours."""
    return _known(query) or _known(cookie) or _most_wanted(accept_language) or default


def requested_language(request: Request) -> Language | None:
    """The language asked for in the address itself (`?lang=en`), which is then remembered."""
    return _known(request.query_params.get(LANGUAGE_QUERY, ""))


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
