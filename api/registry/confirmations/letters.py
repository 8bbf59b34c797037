"""The letter of a question, as a file to be printed."""

from datetime import datetime

from fastapi import Request
from starlette.responses import Response

from api.access.caller import Caller
from api.registry.confirmations.queries import write_letter
from api.registry.confirmations.source import QuestionSource
from api.web.database import RequestDatabase
from api.web.language import language_of
from api.web.problems import Kind, Problem
from api.web.services import services_of
from jieru.errors import UserError
from registry.confirmations import Asking, Letter
from registry.spoken_codes import grouped
from verifier.reports.fonts import report_fonts
from verifier.reports.letter import QuestionLetter, letter_pdf

__all__ = ["respond_letter"]


def respond_letter(
    request: Request,
    database: RequestDatabase,
    caller: Caller,
    connection_id: int,
    *,
    now: datetime,
) -> Response:
    """Ask on paper; the code is in this file and nowhere else.

    Raises:
        Problem: the connection is not there, nobody can be asked, or nothing can be printed.
    """
    source = services_of(request).get(QuestionSource)
    asking = source.asking()
    try:
        fonts = report_fonts(source.settings.report_font_path)
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None
    is_simulation = database.is_simulation()
    with database.changing(caller.actor) as connection:
        letter = write_letter(connection, caller, connection_id, asking, now=now)
        # Before the commit: a question whose letter cannot be made was not put.
        content = letter_pdf(
            _on_paper(letter, asking), language_of(request), fonts, is_simulation=is_simulation
        )
    name = f"jieru-letter-{letter.uscc}.pdf"
    return Response(
        content,
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _on_paper(letter: Letter, asking: Asking) -> QuestionLetter:
    return QuestionLetter(
        contact_name=letter.contact_name,
        postal_address=letter.postal_address,
        platform_name=letter.platform_name,
        enterprise_name=letter.enterprise_name,
        uscc=letter.uscc,
        contract_no=letter.contract_no,
        from_date=letter.from_date,
        asked_at=letter.asked_at,
        expires_at=letter.expires_at,
        code=grouped(letter.code),
        page=asking.page(),
        link=asking.link(letter.code),
    )
