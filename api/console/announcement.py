"""What the page after a change says was done: one of a few fixed sentences, in a short cookie.

A cookie holds only the sentence's name, so nobody can put words into this console's mouth, and
the server keeps nothing.
"""

from enum import Enum
from typing import Final

from fastapi.responses import RedirectResponse
from starlette.requests import Request
from starlette.responses import Response

from jieru.i18n import marked as _

__all__ = ["Done", "announcement_of", "forget_announcement", "go_on"]

_COOKIE: Final = "jieru_done"
_COOKIE_AGE_S: Final = 60
_SEE_OTHER: Final = 303


class Done(Enum):
    """What was done."""

    REGISTERED = _("Registered.")
    REQUESTED = _("Requested; it becomes a connection when the bureau confirms it.")
    CONFIRMED = _("Confirmed; the connection is registered.")
    REFUSED = _("Refused; the operator reads the reason.")
    WITHDRAWN = _("Withdrawn.")
    SAVED = _("Saved.")
    ENDED = _("The end is recorded; everything up to it stays.")
    REOPENED = _("The end is taken back.")
    HANDED_OVER = _("The device is handed over.")
    ASKED = _("Asked; the mail is sent within a minute.")
    REVOKED = _("Revoked.")
    IMPORTED = _("The file is imported.")
    CASE_OPENED = _("The case is open.")
    ANSWERED = _("Answered; the bureau reads it.")
    DECLARED = _("Declared; the bureau records when the enterprise confirms it.")
    SOURCE_DECLARED = _("Declared; messages are read by it from now on.")
    SOURCE_ENDED = _("Ended; its messages are refused from now on.")
    STEP_TAKEN = _("Done; it is recorded under your name.")
    MARKED_READ = _("Marked as read.")
    LEFT = _("Ended; nothing goes by it any more.")
    TRIED_ANEW = _("It is tried anew within seconds.")
    SECOND_STEP_ENDED = _("Signing in asks for no code any more.")
    PROPOSED = _("Proposed; it is done when another administrator confirms it.")
    ACCOUNT_CHANGED = _("Done; the account is changed.")
    ACCOUNT_DISABLED = _("Nobody can sign in with the account any more.")
    SESSIONS_ENDED = _("All sessions of the account are ended.")
    PASSWORD_CHANGED = _("Your password is changed.")


def go_on(address: str, done: Done) -> RedirectResponse:
    """Send the browser to the next page, which says what was done."""
    response = RedirectResponse(address, _SEE_OTHER)
    response.set_cookie(
        _COOKIE, done.name, max_age=_COOKIE_AGE_S, samesite="lax", httponly=True, path="/"
    )
    return response


def announcement_of(request: Request) -> str | None:
    """The sentence, in English, that the page before left for this one."""
    name = request.cookies.get(_COOKIE, "")
    return Done[name].value if name in Done.__members__ else None


def forget_announcement(response: Response) -> None:
    """Let it be said once."""
    response.delete_cookie(_COOKIE, samesite="lax", httponly=True, path="/")
