"""Draws as the database keeps them: published once, drawn once, for good.

Each function that writes is called in a transaction of the caller's changes.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jieru.calendar import civil_date
from jieru.errors import UserError
from verifier.trust.draws.drawing import (
    Drawing,
    Listed,
    draw_sample,
    list_csv,
    list_digest,
    read_list,
    require_size,
)
from verifier.trust.draws.listing import list_of_kept_count
from verifier.trust.draws.results import Found, Result, result_of
from verifier.trust.draws.spelling import form_of, require_spelling

__all__ = [
    "Announcement",
    "Draw",
    "DrawnEnterprise",
    "draw_by_id",
    "drawn_enterprises",
    "latest_draw",
    "list_draws",
    "listed_in_draws",
    "publish_list",
    "record_draw",
    "result_of_draw",
    "results_of_year",
    "waiting_draw",
]

_LONGEST: Final = 200
_SELECT: Final = """
    SELECT id, year, as_of, list_csv, digest, strata, listed, size, announced_source, announced_on,
           value_form, commitment, published_at, published_by, public_value, revealed, seed,
           drawn_at, drawn_by
    FROM draws
    WHERE (%(id)s::integer IS NULL OR id = %(id)s)
      AND (%(year)s::integer IS NULL OR year = %(year)s)
    ORDER BY year DESC, id DESC
"""
_LOCK: Final = "SELECT FROM draws WHERE id = %s FOR UPDATE"
_INSERT: Final = """
    INSERT INTO draws (year, as_of, list_csv, digest, strata, listed, size, announced_source,
                       announced_on, value_form, commitment, published_at, published_by)
    VALUES (%(year)s, %(as_of)s, %(list)s, %(digest)s, %(strata)s, %(listed)s, %(size)s,
            %(source)s, %(on)s, %(form)s, %(commitment)s, %(at)s, %(by)s)
    RETURNING id
"""
_DRAW: Final = """
    UPDATE draws SET public_value = %(public_value)s, revealed = %(revealed)s, seed = %(seed)s,
                     drawn_at = %(at)s, drawn_by = %(by)s
    WHERE id = %(id)s
"""
_INSERT_ENTRIES: Final = """
    INSERT INTO draw_entries (draw_id, platform_id, enterprise_id, stratum, ticket)
    SELECT %(id)s, p.id, e.id, drawn.stratum, drawn.ticket
    FROM unnest(%(platforms)s::text[], %(usccs)s::text[], %(strata)s::integer[],
                %(tickets)s::text[]) AS drawn (platform, uscc, stratum, ticket)
    JOIN platforms p ON p.code = drawn.platform
    JOIN enterprises e ON e.uscc = drawn.uscc
"""
_SELECT_DRAWN: Final = """
    SELECT p.code AS platform, p.name AS platform_name, e.uscc, e.name AS enterprise, e.district,
           t.stratum, t.ticket,
           coalesce(array_agg(v.found ORDER BY v.id) FILTER (WHERE v.id IS NOT NULL), '{}') AS found
    FROM draw_entries t
    JOIN platforms p ON p.id = t.platform_id
    JOIN enterprises e ON e.id = t.enterprise_id
    JOIN draws d ON d.id = t.draw_id
    LEFT JOIN visits v ON (v.year, v.platform_id, v.enterprise_id)
                        = (d.year, t.platform_id, t.enterprise_id)
                      AND v.visited_on >= (d.drawn_at AT TIME ZONE 'Asia/Shanghai')::date
    WHERE t.draw_id = %s
    GROUP BY t.id, p.id, e.id
    ORDER BY p.code COLLATE "C", e.uscc COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is said in advance of the value that nobody chooses."""

    source: str
    """Where it comes from, such as a lottery's round."""
    on: date
    """When it comes to be."""
    form: str
    """How it will be spelled (`form_of`), or an earlier value that is spelled so."""
    commitment: str | None
    """SHA-256 of what is kept sealed until then, in hexadecimal; None: nothing is."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One published list, drawn or not."""

    id: int
    year: int
    as_of: date
    list_csv: str
    digest: str
    strata: list[dict[str, Any]]
    listed: int
    size: int
    announced_source: str
    announced_on: date
    value_form: str
    commitment: str | None
    published_at: datetime
    published_by: str
    public_value: str | None
    revealed: bytes | None
    seed: str | None
    drawn_at: datetime | None
    drawn_by: str | None

    @property
    def content(self) -> bytes:
        """The list byte by byte."""
        return self.list_csv.encode()

    def to_json_object(self) -> dict[str, object]:
        """For a program: what is published, dates and instants as ISO 8601."""
        return {
            "id": self.id,
            "year": self.year,
            "as_of": self.as_of.isoformat(),
            "digest": self.digest,
            "listed": self.listed,
            "size": self.size,
            "announced_source": self.announced_source,
            "announced_on": self.announced_on.isoformat(),
            "value_form": self.value_form,
            "commitment": self.commitment,
            "published_at": self.published_at.isoformat(),
            "published_by": self.published_by,
            "public_value": self.public_value,
            "seed": self.seed,
            "drawn_at": self.drawn_at.isoformat() if self.drawn_at else None,
            "drawn_by": self.drawn_by,
        }

    def sample(self, public_value: str, revealed: bytes = b"") -> Drawing:
        """Whom these values draw.

        Raises:
            UserError: the public value is not spelled as was announced.
        """
        return draw_sample(
            self.content,
            size=self.size,
            public_value=require_spelling(public_value, self.value_form),
            revealed=revealed,
        )


@dataclass(frozen=True, slots=True)
class DrawnEnterprise:
    """One that was drawn, and what its visits found so far."""

    platform: str
    platform_name: str
    uscc: str
    enterprise: str
    district: str
    stratum: int
    ticket: str
    found: list[str]

    @property
    def listed(self) -> Listed:
        """As the list has it."""
        return Listed(self.platform, self.uscc, self.stratum)

    @property
    def findings(self) -> list[Found]:
        """Of its visits, in the order in which they were recorded."""
        return [Found(each) for each in self.found]

    def to_json_object(self) -> dict[str, object]:
        """For a program."""
        return {
            "platform": self.platform,
            "uscc": self.uscc,
            "enterprise": self.enterprise,
            "stratum": self.stratum,
            "ticket": self.ticket,
            "found": self.found,
        }


def list_draws(connection: psycopg.Connection, year: int | None = None) -> list[Draw]:
    """All draws, or those of one year; the latest first."""
    return _select(connection, year=year)


def draw_by_id(connection: psycopg.Connection, draw_id: int) -> Draw:
    """One draw.

    Raises:
        UserError: there is none.
    """
    for each in _select(connection, draw_id=draw_id):
        return each
    raise UserError("There is no draw {id}.", id=draw_id)


def latest_draw(connection: psycopg.Connection, year: int) -> Draw | None:
    """The draw of a year that was published last, if there is one."""
    return next(iter(list_draws(connection, year)), None)


def waiting_draw(connection: psycopg.Connection, year: int) -> Draw:
    """The list of a year that is published and not drawn yet.

    Raises:
        UserError: there is none.
    """
    for each in list_draws(connection, year):
        if each.drawn_at is None:
            return each
    raise UserError("No list of {year} waits to be drawn: publish one first.", year=year)


def publish_list(
    connection: psycopg.Connection,
    year: int,
    *,
    size: int,
    announcement: Announcement,
    by: str,
    at: datetime,
) -> Draw:
    """Publish whom a year's count would pay for, before anybody knows who is drawn.

    Args:
        connection: where to write.
        year: of the count.
        size: how many will be visited; all, where fewer are listed.
        announcement: of the value by which is drawn.
        by: who publishes it.
        at: when.

    Raises:
        UserError: the count is not submitted, a list of the year still waits to be drawn, the
            value is of a day that has begun already or of no form, or so few cannot be drawn.
    """
    _require_announcement(announcement, civil_date(at))
    if any(each.drawn_at is None for each in list_draws(connection, year)):
        raise UserError(
            "A list of {year} is published and not drawn yet: draw that first.", year=year
        )
    found = list_of_kept_count(connection, year, is_submitted=True)
    assert found is not None  # noqa: S101 - it is submitted
    content = list_csv(found.rows)
    row = connection.execute(
        _INSERT,
        {
            "year": year,
            "as_of": found.as_of,
            "list": content.decode(),
            "digest": list_digest(content),
            "strata": Jsonb([each.to_json_object() for each in found.strata]),
            "listed": len(found.rows),
            "size": require_size(size, found.rows),
            "source": announcement.source.strip(),
            "on": announcement.on,
            "form": form_of(announcement.form),
            "commitment": announcement.commitment,
            "at": at,
            "by": by,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING gives one
    return draw_by_id(connection, row[0])


def record_draw(
    connection: psycopg.Connection,
    draw: Draw,
    *,
    public_value: str,
    revealed: bytes | None,
    by: str,
    at: datetime,
) -> Draw:
    """Draw a published list, for good.

    Args:
        connection: where to write.
        draw: that waits.
        public_value: what the announced source said.
        revealed: what was sealed, byte by byte; None where nothing was.
        by: who draws.
        at: when.

    Raises:
        UserError: it is drawn already, the announced day has not come, the value is spelled
            otherwise than announced, or what is revealed is not what was sealed.
    """
    connection.execute(_LOCK, (draw.id,))
    draw = draw_by_id(connection, draw.id)
    public_value = require_spelling(public_value, draw.value_form)
    if draw.drawn_at is not None:
        raise UserError("The draw {id} was drawn already.", id=draw.id)
    if civil_date(at) < draw.announced_on:
        raise UserError(
            "The value of {source} is announced for {day}: draw on that day or later.",
            source=draw.announced_source,
            day=draw.announced_on.isoformat(),
        )
    _require_revealed(draw, revealed)
    sample = draw.sample(public_value, revealed or b"")
    connection.execute(
        _DRAW,
        {
            "id": draw.id,
            "public_value": public_value,
            "revealed": revealed,
            "seed": sample.seed,
            "at": at,
            "by": by,
        },
    )
    connection.execute(
        _INSERT_ENTRIES,
        {
            "id": draw.id,
            "platforms": [each.listed.platform for each in sample.drawn],
            "usccs": [each.listed.uscc for each in sample.drawn],
            "strata": [each.listed.number for each in sample.drawn],
            "tickets": [each.ticket for each in sample.drawn],
        },
    )
    return draw_by_id(connection, draw.id)


def drawn_enterprises(connection: psycopg.Connection, draw: Draw) -> list[DrawnEnterprise]:
    """Who was drawn, by platform and uscc, with what their visits found."""
    with connection.cursor(row_factory=class_row(DrawnEnterprise)) as cursor:
        return cursor.execute(_SELECT_DRAWN, (draw.id,)).fetchall()


def result_of_draw(draw: Draw, drawn: list[DrawnEnterprise]) -> Result | None:
    """What the visits of a draw say so far; None where it is not drawn."""
    if draw.drawn_at is None:
        return None
    return result_of(
        draw.id,
        civil_date(draw.drawn_at),
        draw.digest,
        read_list(draw.content),
        [each.listed for each in drawn],
        {each.listed: each.findings for each in drawn},
    )


def listed_in_draws(connection: psycopg.Connection, year: int) -> set[tuple[str, str]]:
    """Platform and uscc of all who could be drawn when the lists of a year were."""
    return {
        (row.platform, row.uscc)
        for each in list_draws(connection, year)
        if each.drawn_at is not None
        for row in read_list(each.content)
    }


def results_of_year(connection: psycopg.Connection, year: int) -> list[Result]:
    """The results of a year's draws, the first draw first."""
    found = (
        result_of_draw(each, drawn_enterprises(connection, each))
        for each in reversed(list_draws(connection, year))
    )
    return [each for each in found if each is not None]


def _require_announcement(announcement: Announcement, today: date) -> None:
    if not _is_text(announcement.source):
        raise UserError("The source is a text of 1 to {longest} characters.", longest=_LONGEST)
    if announcement.on <= today:
        raise UserError(
            "The public value must come to be after the list is published: {day} is not after "
            "today.",
            day=announcement.on.isoformat(),
        )
    commitment = announcement.commitment
    if commitment is not None and not _is_digest(commitment):
        raise UserError(
            "The commitment is the SHA-256 of what is sealed: 64 hexadecimal digits in lower case, "
            "as sha256sum prints them."
        )


def _require_revealed(draw: Draw, revealed: bytes | None) -> None:
    if draw.commitment is None and revealed is not None:
        raise UserError("Nothing was sealed when the list was published, so nothing is revealed.")
    if draw.commitment is None:
        return
    if revealed is None:
        raise UserError(
            "Something was sealed when the list was published (SHA-256 {commitment}): it is needed "
            "to draw.",
            commitment=draw.commitment,
        )
    if hashlib.sha256(revealed).hexdigest() != draw.commitment:
        raise UserError(
            "What is revealed is not what was sealed: its SHA-256 is not {commitment}.",
            commitment=draw.commitment,
        )


def _is_text(text: str) -> bool:
    return bool(text.strip()) and len(text.strip()) <= _LONGEST and "\0" not in text


def _is_digest(text: str) -> bool:
    return len(text) == hashlib.sha256().digest_size * 2 and set(text) <= set("0123456789abcdef")


def _select(
    connection: psycopg.Connection, *, year: int | None = None, draw_id: int | None = None
) -> list[Draw]:
    with connection.cursor(row_factory=class_row(Draw)) as cursor:
        return cursor.execute(_SELECT, {"year": year, "id": draw_id}).fetchall()
