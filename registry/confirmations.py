"""Confirmations: the enterprise itself is asked whether a connection is so, and answers once.

A question goes to the contact that the bureau entered, by mail or on paper, with a code that stands
for the contact. Its answer is a hard fact: a "yes" makes a request a connection, a "no" opens a
case.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, NamedTuple, Self

import psycopg
from psycopg.rows import class_row

from jieru.audit import Actor, changing
from jieru.calendar import civil_date
from jieru.errors import UserError
from jieru.i18n import Language, gettext, translations
from jieru.i18n import marked as _
from jieru.outbox.queue import Message, enqueue
from jieru.settings import Settings
from registry.brought_to_case import bring_to_case
from registry.connection_requests import confirm_by_enterprise, refuse_by_enterprise
from registry.refusals import ConflictError, NotRegisteredError
from registry.spoken_codes import code_digest, grouped, new_code

__all__ = [
    "Answer",
    "Asking",
    "Letter",
    "Question",
    "Standing",
    "answer_question",
    "ask_by_letter",
    "ask_by_mail",
    "ask_unasked",
    "find_question",
]

Answer = Literal["confirmed", "denied"]

_AT_ONCE: Final = 50
_LONGEST_REASON: Final = 1_000

_SUBJECT: Final = _("Please confirm: the platform {platform} says that it serves your enterprise")
_BODY: Final = _(
    "To {contact}\n\n"
    "The industrial-internet platform {platform} says that it serves your enterprise {enterprise} "
    "({uscc}) under the contract {contract} from {from_date}. The city pays platforms for each "
    "enterprise that they really serve, and so asks you yourself whether this is so.\n\n"
    "Please open this link by {until} and choose “It is so” or “It is not so”:\n\n{link}\n\n"
    "You need neither an account nor a password, and it costs nothing. The platform does not learn "
    "your mail address. Should the link not open, go to {page} and type in the code {code}.\n"
)

# The contact of an enterprise is its newest row.
_NEWEST_CONTACT: Final = """
    JOIN LATERAL (SELECT id, name, email, postal_address FROM enterprise_contacts
                  WHERE enterprise_id = enterprises.id ORDER BY id DESC LIMIT 1) AS contacts ON true
"""
_SUBJECT_OF_CONNECTION: Final = f"""
    SELECT connections.id AS connection_id, NULL::integer AS request_id, contacts.id AS contact_id,
           contacts.name AS contact_name, contacts.email, contacts.postal_address,
           platforms.name AS platform_name, enterprises.name AS enterprise_name, enterprises.uscc,
           connections.contract_no, connections.from_date
    FROM connections
    JOIN platforms ON platforms.id = connections.platform_id
    JOIN enterprises ON enterprises.id = connections.enterprise_id
    {_NEWEST_CONTACT}
"""  # noqa: S608 - our own text
_SUBJECT_OF_REQUEST: Final = f"""
    SELECT NULL::integer AS connection_id, requests.id AS request_id, contacts.id AS contact_id,
           contacts.name AS contact_name, contacts.email, contacts.postal_address,
           platforms.name AS platform_name, enterprises.name AS enterprise_name, enterprises.uscc,
           requests.contract_no, requests.from_date
    FROM connection_requests AS requests
    JOIN platforms ON platforms.id = requests.platform_id
    JOIN enterprises ON enterprises.uscc = requests.uscc
    {_NEWEST_CONTACT}
"""  # noqa: S608 - our own text
_SELECT_CONNECTION: Final = f"{_SUBJECT_OF_CONNECTION} WHERE connections.id = %(id)s"
_HAS_CONNECTION: Final = "SELECT EXISTS (SELECT FROM connections WHERE id = %s)"
# Asked once by itself: the same contact, of the same contract. Who does not answer is asked again
# by people, who know whether to write or to call.
_SELECT_UNASKED: Final = f"""
    ({_SUBJECT_OF_CONNECTION}
     JOIN connection_confirmations AS standing ON standing.connection_id = connections.id
     WHERE (to_date IS NULL OR to_date > %(today)s) AND contacts.email IS NOT NULL
       AND standing.state IN ('unasked', 'asked')
       AND NOT EXISTS (SELECT FROM confirmations AS before
                       WHERE before.connection_id = connections.id
                         AND before.contact_id = contacts.id
                         AND before.contract_no IS NOT DISTINCT FROM connections.contract_no)
     ORDER BY connections.id LIMIT %(limit)s)
    UNION ALL
    ({_SUBJECT_OF_REQUEST}
     WHERE requests.status = 'open' AND contacts.email IS NOT NULL
       AND NOT EXISTS (SELECT FROM confirmations AS before
                       WHERE before.request_id = requests.id AND before.contact_id = contacts.id)
     ORDER BY requests.id LIMIT %(limit)s)
"""  # noqa: S608 - our own text
_INSERT: Final = """
    INSERT INTO confirmations (connection_id, request_id, contact_id, sent_by, contract_no,
                               from_date, token_sha256, asked_by, asked_at, expires_at)
    VALUES (%(connection_id)s, %(request_id)s, %(contact_id)s, %(sent_by)s, %(contract_no)s,
            %(from_date)s, %(token_sha256)s, %(by)s, %(now)s, %(expires_at)s)
    RETURNING id
"""
# A code is good while its contact is the enterprise's contact, and nothing was answered since it
# was made.
_FIND: Final = """
    SELECT f.id, coalesce(c.platform_id, r.platform_id) AS platform_id,
           enterprises.id AS enterprise_id, platforms.name AS platform_name,
           enterprises.name AS enterprise_name, enterprises.uscc, f.connection_id, f.request_id,
           f.contract_no, f.from_date, f.expires_at, f.answer, f.answered_at,
           f.expires_at <= %(now)s AS is_expired,
           f.contact_id <> (SELECT max(id) FROM enterprise_contacts
                            WHERE enterprise_id = enterprises.id)
           OR EXISTS (SELECT FROM confirmations AS other
                      WHERE other.id <> f.id AND other.answered_at > f.asked_at
                        AND (other.connection_id = f.connection_id
                             OR other.request_id = f.request_id))
           OR coalesce(f.connection_id IS NULL AND r.status <> 'open', false) AS is_settled
    FROM confirmations AS f
    LEFT JOIN connections AS c ON c.id = f.connection_id
    LEFT JOIN connection_requests AS r ON r.id = f.request_id
    JOIN platforms ON platforms.id = coalesce(c.platform_id, r.platform_id)
    JOIN enterprises ON enterprises.id = c.enterprise_id
                        OR (c.id IS NULL AND enterprises.uscc = r.uscc)
    WHERE token_sha256 = %(token_sha256)s
"""
_LOCK: Final = "SELECT FROM confirmations WHERE token_sha256 = %s FOR UPDATE"
_ANSWER: Final = """
    UPDATE confirmations
    SET answer = %(answer)s, reason = %(reason)s, answered_at = %(now)s, answered_from = %(from)s,
        connection_id = %(connection_id)s
    WHERE id = %(id)s
"""


class Standing(StrEnum):
    """What the enterprise says of a connection, as the view `connection_confirmations` has it."""

    CONFIRMED = "confirmed"
    DENIED = "denied"
    ASKED = "asked"
    UNASKED = "unasked"
    """There is a contact, and nobody asked, or no answer came in time."""
    NO_CONTACT = "no_contact"


@dataclass(frozen=True, slots=True)
class Asking:
    """How questions are put by this installation."""

    public_url: str
    days: int
    """For how long a code can be used."""
    language: Language

    @classmethod
    def of_settings(cls, settings: Settings) -> Self:
        """How these settings have it.

        Raises:
            UserError: nothing says where enterprises reach this installation.
        """
        if not settings.public_url:
            raise UserError(
                "Links need an address: set JIERU_PUBLIC_URL to where enterprises reach the "
                "console, for instance https://jieru.example.cn."
            )
        return cls(settings.public_url, settings.confirmation_days, settings.language)

    def page(self) -> str:
        """Where a code is typed in."""
        return f"{self.public_url}/confirm"

    def link(self, code: str) -> str:
        """The page of one code."""
        return f"{self.public_url}/confirm/{code}"


class _Subject(NamedTuple):
    """A connection or a request, and whom to ask of it."""

    connection_id: int | None
    request_id: int | None
    contact_id: int
    contact_name: str
    email: str | None
    postal_address: str | None
    platform_name: str
    enterprise_name: str
    uscc: str
    contract_no: str | None
    from_date: date


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands in a letter."""

    contact_name: str = field(repr=False)
    postal_address: str | None = field(repr=False)
    platform_name: str
    enterprise_name: str
    uscc: str
    contract_no: str | None
    from_date: date
    asked_at: datetime
    expires_at: datetime
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as whoever has its code may read it."""

    id: int
    platform_id: int
    enterprise_id: int
    platform_name: str
    enterprise_name: str
    uscc: str
    connection_id: int | None
    request_id: int | None
    contract_no: str | None
    from_date: date
    expires_at: datetime
    answer: Answer | None
    answered_at: datetime | None
    is_expired: bool
    is_settled: bool
    """Whether another answer came since, or somebody else is asked now."""

    @property
    def is_open(self) -> bool:
        """Whether it can be answered."""
        return self.answer is None and not self.is_expired and not self.is_settled


def ask_unasked(
    connection: psycopg.Connection, asking: Asking, actor: Actor, *, now: datetime, today: date
) -> int:
    """Ask by mail of every open connection and request whose enterprise has not been asked.

    However a connection was registered, it is found here.

    Args:
        connection: in autocommit mode, outside a transaction.
        asking: how.
        actor: under whom the questions are entered.
        now: the moment.
        today: the civil day.

    Returns:
        How many were asked, of at most a hundred.
    """
    wanted = {"today": today, "limit": _AT_ONCE}
    # Without a change nobody's turn at the audit is taken.
    if not connection.execute(_SELECT_UNASKED, wanted).fetchone():
        return 0
    with changing(connection, actor):
        subjects = _subjects(connection, _SELECT_UNASKED, wanted)
        for subject in subjects:
            _ask_by_mail(connection, subject, asking, by=actor.name, now=now)
    return len(subjects)


def ask_by_mail(
    connection: psycopg.Connection, connection_id: int, asking: Asking, *, by: str, now: datetime
) -> None:
    """Ask of one connection, whether or not that was asked before.

    Args:
        connection: in a transaction of the caller's changes.
        connection_id: of the connection.
        asking: how.
        by: who asks, as the audit names them.
        now: the moment.

    Raises:
        NotRegisteredError: there is no such connection.
        ConflictError: the enterprise has no contact, or none with a mail address.
    """
    subject = _subject(connection, connection_id)
    if subject.email is None:
        raise ConflictError(_("The enterprise's contact has no mail address: print a letter."))
    _ask_by_mail(connection, subject, asking, by=by, now=now)


def ask_by_letter(
    connection: psycopg.Connection, connection_id: int, asking: Asking, *, by: str, now: datetime
) -> Letter:
    """Ask of one connection on paper; the code is in the answer and nowhere else.

    Raises:
        NotRegisteredError: there is no such connection.
        ConflictError: the enterprise has no contact.
    """
    subject = _subject(connection, connection_id)
    code, expires_at, _id = _ask(connection, subject, "letter", asking, by=by, now=now)
    return Letter(
        subject.contact_name,
        subject.postal_address,
        subject.platform_name,
        subject.enterprise_name,
        subject.uscc,
        subject.contract_no,
        subject.from_date,
        now,
        expires_at,
        code,
    )


def find_question(connection: psycopg.Connection, code: str, now: datetime) -> Question | None:
    """The question of a code, open or not; None: there is none."""
    values = {"token_sha256": code_digest(code), "now": now}
    with connection.cursor(row_factory=class_row(Question)) as cursor:
        return cursor.execute(_FIND, values).fetchone()


def answer_question(
    connection: psycopg.Connection,
    code: str,
    answer: Answer,
    *,
    reason: str,
    origin: str,
    now: datetime,
) -> None:
    """Write down what the enterprise answers, and what follows from it.

    Args:
        connection: in a transaction of the enterprise's changes.
        code: of the question.
        answer: what it says.
        reason: why it is not so.
        origin: the address from which it answers.
        now: the moment.

    Raises:
        NotRegisteredError: nobody was asked under this code.
        ConflictError: it cannot be answered any more, or what is confirmed contradicts what is
            registered by now.
    """
    connection.execute(_LOCK, (code_digest(code),))
    question = find_question(connection, code, now)
    if question is None:
        raise NotRegisteredError
    if not question.is_open:
        raise ConflictError(_("This was answered already, or the time for it is over."))
    by = f"enterprise:{question.uscc}"
    connection_id = question.connection_id
    if connection_id is None and question.request_id is not None:
        if answer == "confirmed":
            words = gettext(_("The enterprise itself confirmed it."))
            connection_id = confirm_by_enterprise(
                connection, question.request_id, reason=words, by=by
            )
        else:
            words = gettext(_("The enterprise itself says that it is not so."))
            refuse_by_enterprise(connection, question.request_id, reason=words, by=by)
    elif answer == "denied":
        bring_to_case(
            connection,
            question.platform_id,
            question.enterprise_id,
            cause="confirmation",
            text=gettext(_("The enterprise itself says that it is not so.")),
            by=by,
        )
    values = {
        "id": question.id,
        "answer": answer,
        "reason": reason.strip()[:_LONGEST_REASON] or None if answer == "denied" else None,
        "now": now,
        "from": origin,
        "connection_id": connection_id,
    }
    connection.execute(_ANSWER, values)


def _subject(connection: psycopg.Connection, connection_id: int) -> _Subject:
    found = _subjects(connection, _SELECT_CONNECTION, {"id": connection_id})
    if found:
        return found[0]
    if connection.execute(_HAS_CONNECTION, (connection_id,)).fetchone() != (True,):
        raise NotRegisteredError
    raise ConflictError(_("The enterprise has no contact yet: enter one first."))


def _subjects(
    connection: psycopg.Connection, statement: str, values: dict[str, object]
) -> list[_Subject]:
    return [_Subject(*row) for row in connection.execute(statement.encode(), values)]


def _ask(
    connection: psycopg.Connection,
    subject: _Subject,
    sent_by: Literal["email", "letter"],
    asking: Asking,
    *,
    by: str,
    now: datetime,
) -> tuple[str, datetime, int]:
    """Write a question down; its code, until when it is good, and its id."""
    code, expires_at = new_code(), now + timedelta(days=asking.days)
    values = {
        "connection_id": subject.connection_id,
        "request_id": subject.request_id,
        "contact_id": subject.contact_id,
        "sent_by": sent_by,
        "contract_no": subject.contract_no,
        "from_date": subject.from_date,
        "token_sha256": code_digest(code),
        "by": by,
        "now": now,
        "expires_at": expires_at,
    }
    row = connection.execute(_INSERT, values).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING of one row
    return code, expires_at, row[0]


def _ask_by_mail(
    connection: psycopg.Connection, subject: _Subject, asking: Asking, *, by: str, now: datetime
) -> None:
    assert subject.email is not None  # noqa: S101 - looked at before
    code, expires_at, question_id = _ask(connection, subject, "email", asking, by=by, now=now)
    translate = translations(asking.language).gettext
    values = {
        "contact": subject.contact_name,
        "platform": subject.platform_name,
        "enterprise": subject.enterprise_name,
        "uscc": subject.uscc,
        "contract": subject.contract_no or translate(_("(not named)")),
        "from_date": subject.from_date.isoformat(),
        "until": civil_date(expires_at).isoformat(),
        "link": asking.link(code),
        "page": asking.page(),
        "code": grouped(code),
    }
    enqueue(
        connection,
        Message(
            f"confirmation:{question_id}",
            subject.email,
            translate(_SUBJECT).format(**values),
            translate(_BODY).format(**values),
            expires_at=expires_at,
            contact_id=subject.contact_id,
        ),
    )
