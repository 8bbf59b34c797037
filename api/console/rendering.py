"""Pages: Jinja2 templates in the reader's language."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.access.caller import known_caller
from api.console.announcement import announcement_of, forget_announcement
from api.console.assets import Assets
from api.console.menu import menu_of
from api.console.words import ROLE_WORDS
from api.web.demonstration import Demonstration
from api.web.instants import instant
from api.web.language import LANGUAGE_COOKIE, language_of, requested_language
from api.web.services import services_of
from jieru.i18n import LANGUAGES, Language, translations

__all__ = ["render", "render_part"]

_FOLDER: Final = Path(__file__).parent.parent / "templates"
_COOKIE_AGE_S: Final = 365 * 86_400


def _grouped(number: int) -> str:
    """A whole number with its thousands set apart: 120,000."""
    return f"{number:,}"


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,  # looks at every file at every page
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The extension's methods are added at run time; its stub knows nothing of them.
    install = environment.install_gettext_translations  # type: ignore[attr-defined]
    install(translations(language), newstyle=False)
    environment.filters["grouped"] = _grouped
    environment.filters["instant"] = instant
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}
    return environment


def _address_in(url: URL, language: Language) -> str:
    """This page's address in another language."""
    changed = url.include_query_params(lang=language)
    return f"{changed.path}?{changed.query}"


def render_part(language: Language, template: str, values: Mapping[str, object]) -> str:
    """A part of a page that asks for nothing but these values: no request stands behind it."""
    known = {"language": language, "form_token": ""}
    return _environment(language).get_template(template).render(known | dict(values))


def render(
    request: Request, template: str, values: Mapping[str, object], *, status: int = 200
) -> HTMLResponse:
    """A page or a part of one.

    Besides `values`, a template knows `language`, `languages` (this page in each), `path`,
    `asset` (the address of a static file), `caller` (None on a page that is open to everyone),
    `form_token` and `role_label` of the caller, `menu`, `announcement` (what the page before did)
    and `demonstration` (None outside one); `values` may say otherwise. A language asked for in the
    address is remembered in a cookie.
    """
    language = language_of(request)
    caller = known_caller(request)
    announcement = None if "hx-request" in request.headers else announcement_of(request)
    known = {
        "language": language,
        "languages": {other: _address_in(request.url, other) for other in LANGUAGES},
        "path": request.url.path,
        "asset": services_of(request).get(Assets).address,
        "caller": caller,
        "form_token": (caller.form_token or "") if caller else "",
        "role_label": ROLE_WORDS[caller.role] if caller else "",
        "menu": menu_of(caller),
        "announcement": announcement,
        "demonstration": services_of(request).find(Demonstration) if caller else None,
    }
    html = _environment(language).get_template(template).render(known | dict(values))
    response = HTMLResponse(
        html,
        status_code=status,
        headers={
            "Content-Language": "zh-CN" if language == "zh" else "en",
            # One address, several bodies: by language, and whole or part (htmx).
            "Vary": "Accept-Language, Cookie, HX-Request, HX-Target",
        },
    )
    if announcement:
        forget_announcement(response)
    asked = requested_language(request)
    if asked:
        response.set_cookie(
            LANGUAGE_COOKIE, asked, max_age=_COOKIE_AGE_S, samesite="lax", httponly=True
        )
    return response
