"""Recognitions as callers see and change them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final

import psycopg
from fastapi import Query
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.recognitions.answers import (
    NewRecognition,
    RecognitionChange,
    RecognitionPage,
    RecognitionRecord,
)
from api.web.filters import PlatformFilter, State, StateFilter, TextFilter, contains
from api.web.listing import Where
from api.web.reading import Records
from api.web.records import is_record_id, refusals_answered
from api.web.revisions import ExpectedRevision
from jieru.i18n import marked as _
from registry import recognitions
from verifier.policy import Level

__all__ = [
    "RECOGNITIONS",
    "RecognitionFilter",
    "change_recognition",
    "create_recognition",
    "end_recognition",
]

LevelFilter = Annotated[Level | None, Query(description=_("A level."))]


@dataclass(frozen=True, slots=True)
class RecognitionFilter:
    """Which recognitions a list holds; None: all."""

    platform: PlatformFilter = None
    level: LevelFilter = None
    text: TextFilter = None
    """Part of the platform's code or name."""
    state: StateFilter = State.OPEN


RECOGNITIONS: Final = Records(
    table="recognitions",
    order={"id": int},
    end="revoked_on",
    select="""
        SELECT recognitions.id, platforms.code AS platform, level, recognised_on, revoked_on,
               recognitions.revision
        FROM recognitions JOIN platforms ON platforms.id = platform_id
    """,
    visible=Where(SQL("recognitions.platform_id = %(own)s")),
    address="recognitions.id = %(id)s",
    parts={"id": is_record_id},
    missing=_("There is no recognition {id}."),
    filters={
        "platform": Where(
            SQL("recognitions.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
        ),
        "level": Where(SQL("recognitions.level = %(level)s")),
        "text": Where(
            contains((Identifier("platforms", "code"), Identifier("platforms", "name"))),
            joins=(SQL("JOIN platforms ON platforms.id = recognitions.platform_id"),),
        ),
    },
    build=lambda row, _now: RecognitionRecord.model_validate(row),
    listed=RecognitionPage,
    export_kind="recognitions",
    export_select="""
        SELECT platforms.code AS platform, level, recognised_on, revoked_on
        FROM recognitions JOIN platforms ON platforms.id = platform_id
        WHERE recognitions.id = ANY (%(ids)s) ORDER BY recognitions.id
    """,
)
"""In the order of their registration; an operator sees those of the own platform."""


@refusals_answered()
def create_recognition(
    connection: psycopg.Connection, caller: Caller, new: NewRecognition, *, now: datetime
) -> RecognitionRecord:
    """Register a recognition (`registry.recognitions`), in a transaction of changes."""
    recognition_id = recognitions.create_recognition(
        connection, new.model_dump(), own_platform=caller.platform_code
    )
    return RECOGNITIONS.one(connection, caller.platform_id, now, id=recognition_id)


@refusals_answered()
def change_recognition(
    connection: psycopg.Connection,
    caller: Caller,
    recognition_id: int,
    change: RecognitionChange,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> RecognitionRecord:
    """Change what `change` names of a recognition that the caller sees."""
    RECOGNITIONS.row(connection, caller.platform_id, now, id=recognition_id)
    changes = change.model_dump(exclude_unset=True)
    recognitions.change_recognition(connection, recognition_id, changes, expected.revisions)
    return RECOGNITIONS.one(connection, caller.platform_id, now, id=recognition_id)


@refusals_answered()
def end_recognition(
    connection: psycopg.Connection,
    caller: Caller,
    recognition_id: int,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> RecognitionRecord:
    """Revoke a recognition that the caller sees."""
    RECOGNITIONS.row(connection, caller.platform_id, now, id=recognition_id)
    recognitions.end_recognition(connection, recognition_id, on, expected.revisions)
    return RECOGNITIONS.one(connection, caller.platform_id, now, id=recognition_id)
