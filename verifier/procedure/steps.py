"""Taking a step: what all of them have in common, and those that are nothing more."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

import psycopg
from psycopg import sql

from jieru.calendar import SHANGHAI, civil_date
from jieru.errors import UserError
from jieru.i18n import gettext as _
from verifier.procedure.deeds import require_permitted
from verifier.procedure.hindrance import require_no_hindrance
from verifier.procedure.hindrances import hindrances
from verifier.procedure.holidays import Holidays
from verifier.procedure.names import required_text
from verifier.procedure.notice_period import NoticeEnd, earliest_notice_end, notice_end
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, count_by_id, record_step
from verifier.procedure.signing import SigningKey
from verifier.procedure.statement_records import add_statement
from verifier.procedure.states import Step, require_step
from verifier.procedure.trusted_keys import NOBODY, TrustedKeys

__all__ = ["discard_count", "publish_count", "return_count", "take_step"]

_LOCK = "SELECT FROM counts WHERE id = %s FOR UPDATE"
_SELECT_LAST_STEP = "SELECT max(taken_at) FROM count_steps WHERE count_id = %s"

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


def take_step(
    connection: psycopg.Connection,
    record: CountRecord,
    step: Step,
    act: Act,
    *,
    trusted: TrustedKeys = NOBODY,
    note: str | None = None,
    columns: Mapping[str, object] = _NOTHING,
) -> CountRecord:
    """Take one step of a count and record it; the caller commits.

    Args:
        connection: where to write.
        record: the count, as the caller knows it; looked at anew under a lock.
        step: what is done.
        act: who does it, and when.
        trusted: whose signature of a frozen count counts; a count that is not frozen needs none.
        note: what is to be said of it.
        columns: of `counts`, that the step sets.

    Returns:
        The count as it is afterwards.

    Raises:
        UserError: the count is elsewhere, another person must take it, or something is missing.
    """
    connection.execute(_LOCK, (record.id,))
    fresh = count_by_id(connection, record.id)
    state = require_step(step, fresh.count_id, fresh.state)
    _require_later(connection, fresh, act)
    require_no_hindrance(hindrances(connection, fresh, step, act.at, trusted))
    require_permitted(connection, fresh, step, act.name)
    values = {**columns} if state is fresh.state else {"state": state.value, **columns}
    if values:
        connection.execute(
            sql.SQL("UPDATE counts SET {} WHERE id = %s").format(
                sql.SQL(", ").join(
                    sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values
                )
            ),
            (*values.values(), record.id),
        )
    record_step(connection, record.id, step, state, act, note)
    return count_by_id(connection, record.id)


def _require_later(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    """Check that a step is not earlier than the one it follows: a clock went wrong.

    Raises:
        UserError: it is.
    """
    row = connection.execute(_SELECT_LAST_STEP, (record.id,)).fetchone()
    if row is not None and row[0] is not None and act.at < row[0]:
        raise UserError(
            "The clock says {now}, and the last step of {count} was taken at {last}: correct the "
            "clock of this machine, then try again.",
            now=_moment(act.at),
            count=record.count_id,
            last=_moment(row[0]),
        )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def return_count(
    connection: psycopg.Connection, record: CountRecord, act: Act, *, reason: str
) -> CountRecord:
    """Send a count in review back to be drafted anew; the caller commits.

    Raises:
        UserError: it is not in review, or no reason is given.
    """
    return take_step(connection, record, Step.RETURN, act, note=required_text(reason))


def discard_count(
    connection: psycopg.Connection, record: CountRecord, act: Act, *, reason: str
) -> CountRecord:
    """Give up a count that is not frozen, so that its year can be drafted afresh or not at all.

    It stays on record under its number, with what was drafted last. The caller commits.

    Raises:
        UserError: it is frozen, or no reason is given.
    """
    return take_step(connection, record, Step.DISCARD, act, note=required_text(reason))


def publish_count(
    connection: psycopg.Connection,
    record: CountRecord,
    act: Act,
    *,
    trusted: TrustedKeys,
    key: SigningKey,
    notice_days: int,
    holidays: Holidays,
    notice_ends_on: date | None = None,
) -> CountRecord:
    """Publish a frozen count: its public notice begins on the day after. The caller commits.

    What the last day rests on is kept with the step, where it is not the calendar alone.

    Args:
        connection: where to write.
        record: a frozen count.
        act: who publishes it, and when.
        trusted: whose signature counts.
        key: signs what is published.
        notice_days: working days of the notice.
        holidays: what is known of them.
        notice_ends_on: its last day, named by a person; None: by what is known of the holidays.

    Raises:
        UserError: it is not frozen, or the day that is named leaves fewer days than the notice
            must last.
    """
    published_on = civil_date(act.at)
    end = notice_end(published_on, notice_days, holidays)
    if notice_ends_on is not None and notice_ends_on < earliest_notice_end(
        published_on, notice_days, holidays
    ):
        raise UserError(
            "A notice of {days} working days after {published} cannot end on {day} already.",
            days=notice_days,
            published=published_on.isoformat(),
            day=notice_ends_on.isoformat(),
        )
    last_day = notice_ends_on or end.last_day
    columns = {
        "published_at": act.at,
        "published_by": act.name,
        "notice_days": notice_days,
        "notice_ends_on": last_day,
    }
    note = " ".join(_basis(end, notice_ends_on)) or None
    taken = take_step(
        connection, record, Step.PUBLISH, act, trusted=trusted, note=note, columns=columns
    )
    says = {"notice_days": notice_days, "notice_ends_on": last_day.isoformat()}
    add_statement(connection, taken, Step.PUBLISH, act, key=key, trusted=trusted, says=says)
    return taken


def _basis(end: NoticeEnd, named: date | None) -> Iterator[str]:
    """What whoever reads of the step later must know of its last day, in our own language."""
    if named is not None:
        yield _(
            "The last day, {day}, was named by a person; by the calendar it is {other}."
        ).format(day=named.isoformat(), other=end.last_day.isoformat())
    for year in end.unknown_years:
        yield _("The holidays of {year} were not known.").format(year=year)
