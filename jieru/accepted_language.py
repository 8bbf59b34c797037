"""Which of our languages a client asks for by Accept-Language. Pure."""

from jieru.i18n import LANGUAGES, Language

__all__ = ["known_language", "most_wanted"]


def known_language(tag: str) -> Language | None:
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


def most_wanted(accept_language: str) -> Language | None:
    """The language of ours that an Accept-Language header (RFC 9110, 12.5.4) wants most."""
    best: tuple[float, Language] | None = None
    for item in accept_language.split(","):
        tag, _, parameters = item.partition(";")
        language, quality = known_language(tag), _quality(parameters)
        if language and quality > 0 and (best is None or quality > best[0]):
            best = (quality, language)
    return best[1] if best else None
