"""Long steps as the database keeps them: seen by every `jieru serve`, and told after a restart.

The server that takes a step is heard every few seconds; where it was not heard for half a minute,
it is gone, and the step is told as interrupted by whoever is asked, and may be begun again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import psycopg

from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _
from verifier.counting.progress import Phase
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.staleness import StaleDraftError
from verifier.procedure.states import Step

__all__ = [
    "Ending",
    "KeptStep",
    "begin_kept",
    "end_kept",
    "find_newest",
    "find_news",
    "hear_kept",
    "interrupt_kept",
    "running_person",
]

_SILENT_AFTER: Final = "interval '30 seconds'"
_INTERRUPTED: Final = _(
    "The server that took this step was stopped, or was not heard for half a minute. Look at the "
    "count: where it has not gone on, nothing was kept of the step; then begin it again."
)
_TOLD_CHANGES: Final = 100
"""Changes of a stale draft that are kept; the page shows fewer."""

_RELEASE: Final = f"""
    UPDATE long_steps SET ended_at = now(), ending = 'interrupted'
    WHERE year = %s AND ended_at IS NULL AND heard_at < now() - {_SILENT_AFTER}
"""  # noqa: S608 - our own constant
_INSERT: Final = """
    INSERT INTO long_steps (year, step, person, phase) VALUES (%s, %s, %s, %s)
    ON CONFLICT (year) WHERE ended_at IS NULL DO NOTHING RETURNING id
"""
_HEAR: Final = """
    UPDATE long_steps SET heard_at = now(), phase = %s, fraction = %s
    WHERE id = %s AND ended_at IS NULL
"""
# Whoever took it to its end knows better than one that no longer heard of it.
_END: Final = """
    UPDATE long_steps SET ended_at = now(), ending = %s, told = %s
    WHERE id = %s AND (ended_at IS NULL OR ending = 'interrupted')
"""
_INTERRUPT: Final = """
    UPDATE long_steps SET ended_at = now(), ending = 'interrupted'
    WHERE id = ANY (%s) AND ended_at IS NULL
"""
_SELECT_RUNNING: Final = f"""
    SELECT person FROM long_steps
    WHERE year = %s AND ended_at IS NULL AND heard_at >= now() - {_SILENT_AFTER}
"""  # noqa: S608 - our own constant
_SELECT_NEWEST: Final = f"""
    SELECT id, step, person, started_at, phase, fraction, told,
           coalesce(ending, CASE WHEN heard_at < now() - {_SILENT_AFTER} THEN 'interrupted' END)
    FROM long_steps WHERE year = %s ORDER BY id DESC LIMIT 1
"""  # noqa: S608 - our own constant

_SELECT_NEWS: Final = """
    SELECT ended_at IS NULL OR ending <> 'done' AND ended_at > now() - interval '1 day'
    FROM long_steps WHERE year = %s ORDER BY id DESC LIMIT 1
"""


class Ending(StrEnum):
    """How a step ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class KeptStep:
    """A long step, wherever it is taken."""

    number: int
    step: Step
    person: str
    started_at: datetime
    reached: tuple[Phase, float]
    ending: Ending | None
    """None: it runs."""
    refusal: UserError | WorldError | None
    """Why it was not done, for whoever waits."""
    changes: Sequence[Hindrance] = ()
    """What made a draft stale."""


def begin_kept(connection: psycopg.Connection, year: int, step: Step, person: str) -> int | None:
    """Note that a step begins; in the caller's transaction.

    Returns:
        Its number; None where another one of the year runs.
    """
    connection.execute(_RELEASE, (year,))
    values = (year, step.value, person, Phase.REGISTRY.value)
    row = connection.execute(_INSERT, values).fetchone()
    return None if row is None else int(row[0])


def hear_kept(connection: psycopg.Connection, number: int, reached: tuple[Phase, float]) -> None:
    """Note that whoever takes a step still does, and how far it is."""
    phase, fraction = reached
    connection.execute(_HEAR, (phase.value, fraction, number))


def end_kept(
    connection: psycopg.Connection, number: int, refusal: UserError | WorldError | None
) -> None:
    """Note how a step ended, with the sentence for whoever waits: None where it was done."""
    ending = (
        Ending.DONE
        if refusal is None
        else Ending.REFUSED
        if isinstance(refusal, UserError)
        else Ending.FAILED
    )
    told = None if refusal is None else json.dumps(_told(refusal), ensure_ascii=False)
    connection.execute(_END, (ending.value, told, number))


def interrupt_kept(connection: psycopg.Connection, numbers: Sequence[int]) -> None:
    """Note that nobody takes these steps any more."""
    connection.execute(_INTERRUPT, (list(numbers),))


def running_person(connection: psycopg.Connection, year: int) -> str | None:
    """Who takes a long step of a year at this moment, anywhere."""
    row = connection.execute(_SELECT_RUNNING, (year,)).fetchone()
    return None if row is None else str(row[0])


def find_newest(connection: psycopg.Connection, year: int) -> KeptStep | None:
    """The step of a year that was begun last."""
    row = connection.execute(_SELECT_NEWEST, (year,)).fetchone()
    if row is None:
        return None
    number, step, person, started_at, phase, fraction, told, ending = row
    refusal: UserError | WorldError | None = None
    if ending == Ending.INTERRUPTED:
        refusal = WorldError(_INTERRUPTED)
    elif told is not None:
        kind = UserError if ending == Ending.REFUSED else WorldError
        refusal = kind(told["message"], **told["values"])
    return KeptStep(
        number,
        Step(step),
        person,
        started_at,
        (Phase(phase), fraction),
        None if ending is None else Ending(ending),
        refusal,
        [Hindrance(*each) for each in (told or {}).get("changes", ())],
    )


def find_news(connection: psycopg.Connection, year: int) -> KeptStep | None:
    """The newest step of a year, while it runs, and for a day where it was not done."""
    if connection.execute(_SELECT_NEWS, (year,)).fetchone() != (True,):
        return None
    return find_newest(connection, year)


def _told(refusal: UserError | WorldError) -> dict[str, Any]:
    found = refusal.found if isinstance(refusal, StaleDraftError) else ()
    return {
        "message": refusal.message,
        "values": _plain(refusal.values),
        "changes": [
            [each.code, each.message, _plain(each.values)] for each in found[:_TOLD_CHANGES]
        ],
    }


def _plain(values: Any) -> dict[str, object]:  # noqa: ANN401 - a mapping of whatever a sentence names
    """What JSON can keep of a sentence's values, which are only ever written into it."""
    return {
        name: value if isinstance(value, int | float | str) else str(value)
        for name, value in values.items()
    }
