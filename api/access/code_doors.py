"""Pages that a code opens, for whoever has it: how wrong codes are counted, and who answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

import psycopg
from fastapi import Request

from api.access.attempts import TooEarly, enter_attempt, take_back
from api.access.delays import FREE_BY_ADDRESS, address_subject
from api.web.database import RequestDatabase
from api.web.origin import origin_of
from api.web.problems import Kind, Problem
from jieru.i18n import marked as _
from registry.spoken_codes import read_code

__all__ = ["found_by_code"]

Found = TypeVar("Found")

_SUBJECT: Final = "code"
"""Counted apart from sign-ins: whoever mistypes a code may still sign in, and the other way."""


def found_by_code(
    request: Request,
    database: RequestDatabase,
    typed: str,
    find: Callable[[psycopg.Connection, str], Found | None],
    *,
    now: datetime,
) -> tuple[str, Found] | None:
    """What a code opens, and the code as it is kept; None: nothing, and that was counted.

    Raises:
        Problem: too many wrong codes came from this address; it is told how long to wait.
    """
    subject = f"{_SUBJECT}:{address_subject(origin_of(request))}"
    with database.reading() as connection:
        try:
            attempt = enter_attempt(connection, {subject: FREE_BY_ADDRESS}, now)
        except TooEarly as early:
            raise Problem(
                Kind.TOO_MANY_ATTEMPTS,
                _("Too many codes were wrong. Wait {seconds} seconds, then try again."),
                seconds=early.seconds,
            ).with_headers({"Retry-After": str(early.seconds)}) from None
        code = read_code(typed)
        found = None if code is None else find(connection, code)
        if code is None or found is None:
            return None
        with connection.transaction():
            take_back(connection, attempt)
        return code, found
