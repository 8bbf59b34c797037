"""What all records of the registry share: parts of their bodies and answers, and refusals."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, Final, LiteralString

import psycopg
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from api.web.civil import CivilDate
from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.kinds import Relation
from registry.records import Reading, find_meeting
from registry.rows import FileRow

__all__ = [
    "REVISION",
    "USCC",
    "WHOLE_NUMBER",
    "Body",
    "DateText",
    "Ending",
    "already_ended",
    "contradictions_refused",
    "is_record_id",
    "is_uscc",
    "left_out",
    "not_ended",
    "only_row",
    "require_later",
    "require_readable",
    "require_room",
    "require_within",
]

_INT32: Final = 2**31
_USCC_FORM: Final = re.compile(r"[0-9A-HJ-NP-RTUWXY]{18}")

USCC: Final = Field(description="Unified social credit code (GB 32100-2015).")
REVISION: Final = Field(description="Grows with every change; the ETag is the same in quotes.")

DateText = Annotated[
    str, Field(max_length=100), WithJsonSchema({"type": "string", "format": "date"})
]
"""A date in a body: text, for the cell readers say best what is wrong with it."""


def _no_boolean(value: object) -> object:
    if isinstance(value, bool | float):  # pydantic would take them for 0, 1 and whole numbers
        raise PydanticCustomError("int_type", "must be a whole number")
    return value


WHOLE_NUMBER: Final = BeforeValidator(_no_boolean)
"""Marks a number in a body, or in the text that a form sends."""


class Body(BaseModel):
    """A body that takes no field which it does not know: a slip must not go unnoticed."""

    model_config = ConfigDict(extra="forbid")


class Ending(Body):
    """When a record ends."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2026-12-31"}]})

    on: CivilDate = Field(
        description="The first day that is no longer included.",
        ge=date(1900, 1, 1),
        le=date(2099, 12, 31),
    )


def left_out(default: object = None) -> Any:  # noqa: ANN401 - stands for any type, as Field does
    """A field of a change that may be left out; what it then defaults to is looked at by nobody."""
    return Field(default=default, json_schema_extra=_without_default)


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


def is_record_id(number: int) -> bool:
    """Whether a number in an address can be the id of a record (a PostgreSQL integer)."""
    return 0 < number < _INT32


def is_uscc(text: str) -> bool:
    """Whether a text in an address can be the code of a registered enterprise."""
    return _USCC_FORM.fullmatch(text) is not None


def require_readable(
    reading: Reading,
    *,
    among: Collection[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Check that a record was read without errors.

    Args:
        reading: what was read.
        among: the columns that are being changed; None: all.
        names: the fields of the body whose name is not that of their column, by column.

    Raises:
        Problem: fields are wrong; it names each.
    """
    fields = [
        WrongField((names or {}).get(error.column, error.column), error.reason)
        for error in reading.errors
        if among is None or any(name in among for name in error.column.split(", "))
    ]
    if fields:
        raise Problem(Kind.INVALID_REQUEST).about(fields)


def require_room(
    connection: psycopg.Connection, relation: Relation, row: FileRow, *, is_new: bool
) -> None:
    """Check that no registered record is in the way of this one.

    Raises:
        Problem: one is; the message says which.
    """
    meeting = find_meeting(connection, relation, row, is_new=is_new)
    if meeting is None:
        return
    if meeting.is_same and meeting.start is None:
        message = _("It is registered already.")
    elif meeting.is_same:
        message = _("One that begins on {start} is registered already.")
    elif meeting.end is None:
        message = _(
            "Its period overlaps the one registered from {start}, which is open: end that one "
            "first, or choose other dates."
        )
    else:
        message = _(
            "Its period overlaps the one registered from {start} until {end}: choose other dates."
        )
    raise Problem(Kind.CONFLICT, message, start=meeting.start, end=meeting.end)


def require_within(end: date | None, name: str, ended_on: date | None) -> None:
    """Check that a period is over when the record ends that it hangs on.

    Args:
        end: of the period, exclusive; None: open.
        name: of the record.
        ended_on: of the record; None: it has not ended.

    Raises:
        Problem: it is not over then.
    """
    if ended_on is not None and (end is None or end > ended_on):
        raise Problem(
            Kind.CONFLICT,
            _("{name} ended on {ended_on}: nothing that hangs on it can last longer."),
            name=name,
            ended_on=ended_on,
        )


def require_later(on: date, start: date) -> None:
    """Check that an end, exclusive, leaves something of the period.

    Raises:
        Problem: it does not; it names the field `on`.
    """
    if on <= start:
        reason = UserError(
            "{last} is not after {first}, when it begins; an end is the first day that is no "
            "longer included.",
            last=on.isoformat(),
            first=start.isoformat(),
        )
        raise Problem(Kind.INVALID_REQUEST).about([WrongField("on", reason)])


def already_ended(ended_on: date) -> Problem:
    """The answer to whoever ends a record again."""
    return Problem(Kind.CONFLICT, _("It has an end already: {ended_on}."), ended_on=ended_on)


def not_ended() -> Problem:
    """The answer to whoever reopens a record that is open."""
    return Problem(Kind.CONFLICT, _("It has no end that could be taken back."))


def only_row(connection: psycopg.Connection, statement: LiteralString, *values: object) -> Any:  # noqa: ANN401 - what its columns are
    """The row of a statement that always gives one, such as `INSERT ... RETURNING`."""
    row = connection.execute(statement, values).fetchone()
    assert row is not None, statement  # noqa: S101 - the caller made sure
    return row


@contextmanager
def contradictions_refused() -> Iterator[None]:
    """Let the database's constraints have the last word, as a conflict.

    Raises:
        Problem: what was written contradicts what another one wrote at the same time.
    """
    try:
        yield
    except (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation):
        raise Problem(Kind.CONFLICT) from None
