"""Which requests leave an entry in the access log, and what becomes of one that cannot be written.

Whoever asks for a secret is entered first, and gets none where that fails. What is read or taken
away otherwise is answered all the same, and the entry goes to the program's own log.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

import psycopg
import structlog

from jieru.access_entries import AccessKind, write_access_entry

__all__ = ["RECORDED", "Reading", "note_access"]

Reading = Callable[[], AbstractContextManager[psycopg.Connection]]
"""Lends a connection that is in no transaction, for a moment."""

RECORDED: Final[Mapping[tuple[str, str], AccessKind]] = {
    # Names of people, and where they came from
    ("GET", "/audit"): AccessKind.READ,
    ("GET", "/access-log"): AccessKind.READ,
    ("GET", "/api-keys"): AccessKind.READ,
    ("GET", "/api/v1/access-entries"): AccessKind.READ,
    ("GET", "/api/v1/api-keys"): AccessKind.READ,
    ("GET", "/api/v1/audit-entries"): AccessKind.READ,
    # Who objects to a count, who decided what and why
    ("GET", "/counts/{year}"): AccessKind.READ,
    ("GET", "/counts/{year}/{step}"): AccessKind.READ,
    ("GET", "/counts/{year}/review"): AccessKind.READ,
    ("GET", "/counts/{year}/work"): AccessKind.READ,
    ("GET", "/api/v1/counts/{year}/procedure"): AccessKind.READ,
    ("GET", "/api/v1/counts/{year}/review"): AccessKind.READ,
    ("GET", "/opening-stocks"): AccessKind.READ,
    ("GET", "/opening-stocks/{stock_id}/confirm"): AccessKind.READ,
    ("GET", "/opening-stocks/{stock_id}/withdraw"): AccessKind.READ,
    ("GET", "/api/v1/opening-stocks"): AccessKind.READ,
    # Who shows signals, who was visited and what was found
    ("GET", "/draws"): AccessKind.READ,
    ("GET", "/draws/{draw_id}"): AccessKind.READ,
    ("GET", "/visits"): AccessKind.READ,
    ("GET", "/api/v1/draws"): AccessKind.READ,
    ("GET", "/api/v1/draws/{draw_id}"): AccessKind.READ,
    ("GET", "/api/v1/visits"): AccessKind.READ,
    # Who asks for an enterprise, who decided and why
    ("GET", "/connection-requests"): AccessKind.READ,
    ("GET", "/connection-requests/{request_id}/confirm"): AccessKind.READ,
    ("GET", "/connection-requests/{request_id}/refuse"): AccessKind.READ,
    ("GET", "/api/v1/connection-requests"): AccessKind.READ,
    ("GET", "/api/v1/connection-requests/{request_id}"): AccessKind.READ,
    # Who is under review, what was asked, answered and seen
    ("GET", "/cases"): AccessKind.READ,
    ("GET", "/cases/{case_id}"): AccessKind.READ,
    ("GET", "/cases/{case_id}/{step}"): AccessKind.READ,
    ("GET", "/questions"): AccessKind.READ,
    ("GET", "/questions/{uscc}"): AccessKind.READ,
    ("GET", "/api/v1/cases"): AccessKind.READ,
    ("GET", "/api/v1/cases/{case_id}"): AccessKind.READ,
    ("GET", "/api/v1/questions"): AccessKind.READ,
    ("GET", "/api/v1/questions/{uscc}"): AccessKind.READ,
    # Names, addresses and numbers of people at enterprises
    ("GET", "/enterprises/{uscc}/contact"): AccessKind.READ,
    ("GET", "/enterprises/{uscc}/contact/edit"): AccessKind.READ,
    ("GET", "/api/v1/enterprises/{uscc}/contacts"): AccessKind.READ,
    # A letter holds a code that stands for an enterprise
    ("POST", "/connections/{connection_id}/letter"): AccessKind.SECRET,
    ("POST", "/api/v1/connections/{connection_id}/letter"): AccessKind.SECRET,
    # What stands for a person
    ("GET", "/account/personal-keys"): AccessKind.READ,
    # Who has an account, and from where it was used
    ("GET", "/administration/accounts"): AccessKind.READ,
    ("GET", "/administration/accounts/{name}"): AccessKind.READ,
    ("GET", "/api/v1/administration/accounts"): AccessKind.READ,
    # Where people are written to
    ("GET", "/notices/channels"): AccessKind.READ,
    ("GET", "/api/v1/notice-channels"): AccessKind.READ,
    # Who may publish for a platform
    ("GET", "/api/v1/credentials"): AccessKind.READ,
    # What is shown once
    ("POST", "/administration/accounts/new"): AccessKind.SECRET,
    ("POST", "/administration/account-changes/{change_id}/confirm"): AccessKind.SECRET,
    ("POST", "/administration/accounts/{name}/{step}"): AccessKind.SECRET,
    ("POST", "/account/personal-keys/new"): AccessKind.SECRET,
    ("POST", "/account/totp"): AccessKind.SECRET,
    ("POST", "/account/totp/confirm"): AccessKind.SECRET,
    ("POST", "/api-keys/new"): AccessKind.SECRET,
    ("POST", "/api/v1/api-keys"): AccessKind.SECRET,
    ("POST", "/credentials"): AccessKind.SECRET,
    ("POST", "/credentials/{credential_id}/replace"): AccessKind.SECRET,
    ("POST", "/platforms/{platform}/gateways/new"): AccessKind.SECRET,
    ("POST", "/api/v1/credentials"): AccessKind.SECRET,
    ("POST", "/api/v1/credentials/{credential_id}/replace"): AccessKind.SECRET,
    # Files to be kept
    ("GET", "/counts/{year}/report"): AccessKind.EXPORT,
    ("GET", "/api/v1/counts/{year}/report"): AccessKind.EXPORT,
    ("GET", "/draws/{draw_id}/list.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/draws/{draw_id}/list.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/cases/{case_id}/documents/{sha256}"): AccessKind.EXPORT,
    ("GET", "/api/v1/questions/{uscc}/documents/{sha256}"): AccessKind.EXPORT,
    ("GET", "/api/v1/visits/{visit_id}/documents/{sha256}"): AccessKind.EXPORT,
    ("GET", "/api/v1/access-entries.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/assignments.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/audit-entries.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/connections.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/devices.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/enterprises.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/platforms.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/rejections.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/recognitions.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/imports/{import_id}/errors.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/imports/{import_id}/failed-rows.csv"): AccessKind.EXPORT,
    ("GET", "/api/v1/imports/{import_id}/failed-rows.xlsx"): AccessKind.EXPORT,
}
"""Method and path of each route whose requests are entered, and as what."""

_log = structlog.get_logger()


def note_access(
    reading: Reading, kind: AccessKind, *, actor: str | None, origin: str, record: str = ""
) -> None:
    """Enter an access that nobody waits for: one that cannot be entered is logged instead."""
    try:
        with reading() as connection:
            write_access_entry(connection, kind, actor=actor, origin=origin, record=record)
    except psycopg.Error as error:
        _log.error(
            "access_entry_lost",
            kind=kind.value,
            actor=actor,
            origin=origin,
            record=record,
            error=" ".join(str(error).split()),
        )
