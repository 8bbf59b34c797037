"""Contacts of enterprises: whom the bureau asks, and no operator learns.

The bureau enters them from its own knowledge. A change is a further row; those before stay.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.cells import text_reader
from registry.refusals import NotRegisteredError, WrongColumn, WrongColumnsError

__all__ = ["Contact", "NewContact", "contacts_of", "enter_contact", "shared_with"]

_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TELEPHONE: Final = re.compile(r"\+?[0-9][0-9 ()-]{4,24}")
_LONGEST_EMAIL: Final = 200
_read_name: Final = text_reader(100)
_read_address: Final = text_reader(200)

_INSERT: Final = """
    INSERT INTO enterprise_contacts
        (enterprise_id, name, email, telephone, postal_address, entered_by)
    SELECT id, %(name)s, %(email)s, %(telephone)s, %(postal_address)s, %(by)s
    FROM enterprises WHERE uscc = %(uscc)s
    RETURNING id
"""
_SELECT: Final = """
    SELECT contacts.id, uscc, contacts.name, email, telephone, postal_address, entered_by,
           entered_at
    FROM enterprise_contacts AS contacts
    JOIN enterprises ON enterprises.id = contacts.enterprise_id
    WHERE uscc = %s ORDER BY contacts.id DESC
"""
# Of the newest contacts only: a person may have gone from one enterprise to another.
_SELECT_SHARED: Final = """
    WITH newest AS (
        SELECT DISTINCT ON (enterprise_id) enterprise_id, email, telephone
        FROM enterprise_contacts ORDER BY enterprise_id, id DESC)
    SELECT uscc FROM newest JOIN enterprises ON enterprises.id = enterprise_id
    WHERE uscc <> %(uscc)s AND (lower(email) = lower(%(email)s) OR telephone = %(telephone)s)
    ORDER BY uscc COLLATE "C" LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact as somebody says it; empty texts say nothing."""

    name: str = field(repr=False)
    email: str = field(default="", repr=False)
    telephone: str = field(default="", repr=False)
    postal_address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it was entered."""

    id: int
    uscc: str
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    telephone: str | None = field(repr=False)
    postal_address: str | None = field(repr=False)
    entered_by: str
    entered_at: datetime


def enter_contact(connection: psycopg.Connection, uscc: str, new: NewContact, *, by: str) -> int:
    """Enter whom to ask at an enterprise from now on; the contact's id.

    Args:
        connection: in a transaction of the caller's changes.
        uscc: of the enterprise.
        new: whom.
        by: who says it, as the audit names them.

    Raises:
        NotRegisteredError: there is no such enterprise.
        WrongColumnsError: something is missing or wrong; it names each.
    """
    values = _read(new)
    row = connection.execute(_INSERT, {**values, "uscc": uscc, "by": by}).fetchone()
    if row is None:
        raise NotRegisteredError
    contact_id: int = row[0]
    return contact_id


def contacts_of(connection: psycopg.Connection, uscc: str) -> list[Contact]:
    """The contact of an enterprise, and behind it those before, the newest first."""
    with connection.cursor(row_factory=class_row(Contact)) as cursor:
        return cursor.execute(_SELECT, (uscc,)).fetchall()


def shared_with(connection: psycopg.Connection, contact: Contact) -> list[str]:
    """Codes of other enterprises that are asked under the same address or number."""
    values = {"uscc": contact.uscc, "email": contact.email, "telephone": contact.telephone}
    return [uscc for (uscc,) in connection.execute(_SELECT_SHARED, values)]


def _read(new: NewContact) -> dict[str, str | None]:
    email, telephone = new.email.strip(), new.telephone.strip()
    wrong: list[WrongColumn] = []
    values: dict[str, str | None] = {"email": email or None, "telephone": telephone or None}
    for column, text, read in (
        ("name", new.name, _read_name),
        ("postal_address", new.postal_address, _read_address),
    ):
        try:
            values[column] = str(read(text.strip())) if text.strip() else None
        except UserError as refused:
            wrong.append(WrongColumn(column, refused))
    if not new.name.strip():
        wrong.append(WrongColumn("name", UserError("Is empty, but required.")))
    if email and (_EMAIL.fullmatch(email) is None or len(email) > _LONGEST_EMAIL):
        wrong.append(WrongColumn("email", UserError("Is no mail address.")))
    if telephone and _TELEPHONE.fullmatch(telephone) is None:
        wrong.append(WrongColumn("telephone", UserError("Is no telephone number.")))
    if not (email or telephone or new.postal_address.strip()):
        reason = UserError(
            _("Give a mail address, a telephone number or a postal address at least.")
        )
        wrong.append(WrongColumn("email", reason))
    if wrong:
        raise WrongColumnsError(wrong)
    return values
