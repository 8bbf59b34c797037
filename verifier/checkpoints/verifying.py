"""Holding a database against all statements about it: what was rewritten, between which two."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, timedelta
from itertools import groupby
from typing import Final, NamedTuple

import psycopg

from archive.records import read_records
from jieru.audit_chain import BEGINNING
from jieru.database import read_installation
from jieru.errors import UserError
from jieru.i18n import gettext as _
from verifier.checkpoints.chain import StatementChain, month_sha256, written
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.presence_days import (
    changed_hours,
    day_rows,
    rows_as_stated,
    state_day,
    unpack_rows,
)
from verifier.checkpoints.statement import (
    CLOCK_AHEAD_MAX,
    Cosignature,
    StatedArchive,
    StatedDay,
    StatedSignals,
    Statement,
    check_signature,
)
from verifier.evidence.devices import names_of_devices
from verifier.evidence.hours import MonthOfPresence
from verifier.evidence.stored_hours import months_of_evidence, read_presence_of
from verifier.procedure.trusted_keys import TrustedKeys
from verifier.trust.records import sha256_of_run

__all__ = ["CheckedStatements", "check_database", "check_statements"]

_SELECT_HASH: Final = "SELECT hash FROM audit_entries WHERE number = %s"
_SELECT_RECORDED: Final = "SELECT number, sha256, written_at FROM checkpoints ORDER BY id"

_SEEN_SOON: Final = timedelta(days=2)
"""Whatever a witness signs later was brought late, or made late."""

_Report = Callable[[UserError], None]
_Stated = dict[date, tuple[StatedDay, Statement]]
"""Each day, and the statement that has it."""


class CheckedStatements(NamedTuple):
    """All statements of a folder that are signed as they must be, in their order."""

    statements: tuple[Statement, ...]
    seen_late: tuple[UserError, ...] = ()
    """Of those that a witness signed long after they say to be made: nothing proves their time."""


def check_statements(
    folder: CheckpointFolder,
    trusted: TrustedKeys,
    witnesses: Mapping[str, bytes],
    report: _Report,
) -> CheckedStatements:
    """Check the statements themselves: signatures, order, what witnesses signed.

    Args:
        folder: where they are.
        trusted: whose statements count.
        witnesses: name and key of each that must have signed every statement.
        report: called with one sentence for each finding.
    """
    chain = StatementChain()
    found: list[Statement] = []
    seen = _Seen(folder)
    for number in folder.numbers():
        try:
            signed = folder.read(number)
        except UserError as error:
            report(error)
            continue
        statement = signed.statement
        if statement.number != number:
            report(
                UserError(
                    "The file of checkpoint {number} holds checkpoint {other}.",
                    number=number,
                    other=statement.number,
                )
            )
        if wrong := check_signature(signed, trusted):
            report(wrong)
            continue  # what it says is nobody's word
        for finding in chain.add(statement):
            report(finding)
        for finding in seen.by(witnesses, statement):
            report(finding)
        found.append(statement)
    if not found:
        report(UserError("There is no checkpoint in {folder}.", folder=folder.path))
    return CheckedStatements(tuple(found), tuple(seen.late))


def check_database(
    connection: psycopg.Connection,
    folder: CheckpointFolder,
    checked: CheckedStatements,
    report: _Report,
) -> None:
    """Hold the audit, closed days and archive files against what was stated of them.

    Args:
        connection: inside a transaction that sees one moment.
        folder: with the rows of each day.
        checked: the statements.
        report: called with one sentence for each finding.
    """
    if not checked.statements:
        return
    installation = read_installation(connection)
    if checked.statements[0].installation != installation.created_at.astimezone(UTC):
        report(
            UserError("The checkpoints in {folder} are of another database.", folder=folder.path)
        )
        return
    for finding in _of_audit(connection, checked.statements):
        report(finding)
    for finding in _of_presence(connection, folder, checked.statements):
        report(finding)
    for finding in _of_archives(connection, checked.statements):
        report(finding)
    for finding in _of_signals(connection, checked.statements):
        report(finding)
    for finding in _of_recorded(connection, checked.statements, folder.numbers()[-1]):
        report(finding)


def _of_recorded(
    connection: psycopg.Connection, statements: tuple[Statement, ...], last: int
) -> Iterator[UserError]:
    """What the database itself says to have made: no proof, but a folder may have lost its end."""
    digests = {each.number: each.sha256() for each in statements}
    for number, sha256, at in connection.execute(_SELECT_RECORDED).fetchall():
        if number > last:
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}) was made and is not in the folder: the "
                "checkpoints end with {last}.",
                checkpoint=number,
                made_at=written(at),
                last=last,
            )
        elif digests.get(number, sha256) != sha256:
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}) is another one in the folder than the one "
                "that was made.",
                checkpoint=number,
                made_at=written(at),
            )


class _Seen:
    """Which statements witnesses signed, and when they saw each."""

    def __init__(self, folder: CheckpointFolder) -> None:
        self._folder = folder
        self._last: dict[str, Cosignature] = {}
        self.late: list[UserError] = []

    def by(self, witnesses: Mapping[str, bytes], statement: Statement) -> Iterator[UserError]:
        """What is wrong with the signatures of witnesses under the next statement."""
        for name, key in witnesses.items():
            try:
                cosignature = self._folder.cosignature(statement.number, key)
            except UserError as error:
                yield error
                continue
            if cosignature is None:
                yield UserError(
                    "Checkpoint {checkpoint} ({made_at}) was not signed by the witness {name}.",
                    checkpoint=statement.number,
                    made_at=written(statement.at),
                    name=name,
                )
            elif (
                cosignature.sha256 != statement.sha256()
                or cosignature.number != statement.number
                or check_signature(cosignature, TrustedKeys(own_key=key))
            ):
                yield UserError(
                    "The witness {name} signed another checkpoint {checkpoint} than the one of "
                    "{made_at}, or its signature does not fit.",
                    checkpoint=statement.number,
                    made_at=written(statement.at),
                    name=name,
                )
            else:
                yield from self._of_times(name, statement, cosignature)

    def _of_times(
        self, name: str, statement: Statement, cosignature: Cosignature
    ) -> Iterator[UserError]:
        before = self._last.get(name)
        self._last[name] = cosignature
        times = {
            "checkpoint": statement.number,
            "made_at": written(statement.at),
            "name": name,
            "seen_at": written(cosignature.at),
        }
        if statement.at - cosignature.at > CLOCK_AHEAD_MAX:
            yield UserError(
                "Checkpoint {checkpoint} says to be of {made_at}, and the witness {name} signed it "
                "at {seen_at}, before that.",
                **times,
            )
        if before is not None and before.at - cosignature.at > CLOCK_AHEAD_MAX:
            yield UserError(
                "The witness {name} signed checkpoint {checkpoint} ({made_at}) at {seen_at}, "
                "before the one before it: it was put there, or the witness's clock was set back.",
                **times,
            )
        if cosignature.at - statement.at > _SEEN_SOON:
            self.late.append(
                UserError(
                    "Checkpoint {checkpoint} says to be of {made_at}, and the witness {name} saw "
                    "it at {seen_at} only: nothing proves that it is older.",
                    **times,
                )
            )


def _of_audit(
    connection: psycopg.Connection, statements: tuple[Statement, ...]
) -> Iterator[UserError]:
    """Whether the chain went on from what was stated; the first entry that did not, and when."""
    departed = [each for each in statements if not _has_entry(connection, each)]
    if not departed:
        return
    first = departed[0]
    place = statements.index(first)
    untouched = 0 if place == 0 else statements[place - 1].audit.number
    after = next((each for each in statements[place:] if each.number > departed[-1].number), None)
    yield UserError(
        "The audit was written anew: an entry from {start} to {end} is not what checkpoint "
        "{checkpoint} ({made_at}) states, nor is anything after it; this was done {when}.",
        start=untouched + 1,
        end=first.audit.number,
        checkpoint=first.number,
        made_at=written(first.at),
        when=_when(departed[-1], after),
    )


def _has_entry(connection: psycopg.Connection, statement: Statement) -> bool:
    head = statement.audit
    if head.number == BEGINNING.number:
        return head.hash == BEGINNING.hash.hex()
    row = connection.execute(_SELECT_HASH, (head.number,)).fetchone()
    return row is not None and row[0].hex() == head.hash


def _of_presence(
    connection: psycopg.Connection, folder: CheckpointFolder, statements: tuple[Statement, ...]
) -> Iterator[UserError]:
    stated: _Stated = {}
    for statement in statements:
        for each in statement.days:
            stated.setdefault(each.day, (each, statement))
    closed = max((each.closed_through for each in statements if each.closed_through), default=None)
    for month, days in groupby(sorted(stated), key=lambda day: day.replace(day=1)):
        presence = read_presence_of(connection, month)
        of_month = list(days)
        when = _when_month_departed(month, stated, statements)
        for day in of_month:
            yield from _of_day(connection, folder, presence, *stated[day], when)
    if closed is not None:
        yield from _of_silent_days(connection, set(stated), closed)


def _of_day(
    connection: psycopg.Connection,
    folder: CheckpointFolder,
    presence: MonthOfPresence,
    stated: StatedDay,
    statement: Statement,
    when: str | None,
) -> Iterator[UserError]:
    rows = day_rows(presence, stated.day)
    if state_day(stated.day, rows_as_stated(rows, stated.sha256)) == stated:
        return
    when = when or _when(statement, None)
    before = unpack_rows(folder.day(stated), stated)
    if before is None:
        yield UserError(
            "Presence of {day} is not what checkpoint {checkpoint} states; it was changed {when}. "
            "The rows of the day, which would tell what, are missing beside the checkpoints.",
            day=stated.day.isoformat(),
            checkpoint=statement.number,
            when=when,
        )
        return
    changes = changed_hours(before, rows)
    names = names_of_devices(connection, [each.device_id for each in changes])
    for each in changes:
        known: dict[str, object] = {
            "device": names.get(each.device_id, f"#{each.device_id}"),
            "publisher": each.publisher_id,
            "day": stated.day.isoformat(),
            "checkpoint": statement.number,
            "when": when,
        }
        if each.added or each.removed:
            yield UserError(
                "Presence of {device} (publisher {publisher}) on {day} is not what checkpoint "
                "{checkpoint} states: hours added: {added}; hours removed: {removed}; changed "
                "{when}.",
                added=_hours(each.added),
                removed=_hours(each.removed),
                **known,
            )
        if each.live_added or each.live_removed:
            yield UserError(
                "Live hours of {device} (publisher {publisher}) on {day} are not what checkpoint "
                "{checkpoint} states: hours added: {added}; hours removed: {removed}; changed "
                "{when}.",
                added=_hours(each.live_added),
                removed=_hours(each.live_removed),
                **known,
            )


def _hours(hours: tuple[int, ...]) -> str:
    return ", ".join(f"{hour:02}" for hour in hours) or "-"


def _when_month_departed(
    month: date,
    stated: Mapping[date, tuple[StatedDay, Statement]],
    statements: tuple[Statement, ...],
) -> str | None:
    """Between which two checkpoints a month departed from what was stated; None: nobody tells."""
    last_fitting: Statement | None = None
    for statement in statements:
        said = {each.month: each.sha256 for each in statement.months}.get(month)
        if said is None:
            continue
        known = [
            stated[day][0].sha256
            for day in sorted(stated)
            if day.replace(day=1) == month and stated[day][1].number <= statement.number
        ]
        if said != month_sha256(known):
            return _when(last_fitting or statement, statement)
        last_fitting = statement
    return _when(last_fitting, None) if last_fitting else None


def _of_silent_days(
    connection: psycopg.Connection, stated: set[date], closed: date
) -> Iterator[UserError]:
    """Days that no statement has, since nothing was heard on them when they were closed."""
    for month in months_of_evidence(connection):
        if month > closed:
            return
        after = (month + timedelta(days=31)).replace(day=1)
        days = [month + timedelta(days=day) for day in range((after - month).days)]
        unstated = [day for day in days if day <= closed and day not in stated]
        presence = read_presence_of(connection, month) if unstated else None
        for day in unstated:
            if presence is not None and len(day_rows(presence, day)):
                yield UserError(
                    "Presence of {day} was added after that day was closed without any.",
                    day=day.isoformat(),
                )


def _of_archives(
    connection: psycopg.Connection, statements: tuple[Statement, ...]
) -> Iterator[UserError]:
    now = {
        each.content.file: StatedArchive(
            file=each.content.file,
            file_sha256=each.content.file_sha256,
            rows_sha256=each.content.rows_sha256,
            heartbeats=each.content.heartbeats,
        )
        for each in read_records(connection)
    }
    for statement in statements:
        for archived in statement.archives:
            if now.get(archived.file) != archived:
                yield UserError(
                    "The archive file {file} is not what checkpoint {checkpoint} ({made_at}) "
                    "states.",
                    file=archived.file,
                    checkpoint=statement.number,
                    made_at=written(statement.at),
                )


def _of_signals(
    connection: psycopg.Connection, statements: tuple[Statement, ...]
) -> Iterator[UserError]:
    """Runs of the signals whose rows are no longer what was stated; each is told once."""
    told: set[int] = set()
    for statement in statements:
        stated = statement.signals
        if not isinstance(stated, StatedSignals) or stated.run in told:
            continue
        told.add(stated.run)
        if _sha256_of_run(connection, stated.run) != stated.sha256:
            yield UserError(
                "Run {run} of the signals is not what checkpoint {checkpoint} ({made_at}) states.",
                run=stated.run,
                checkpoint=statement.number,
                made_at=written(statement.at),
            )


def _sha256_of_run(connection: psycopg.Connection, run_id: int) -> str | None:
    try:
        return sha256_of_run(connection, run_id)
    except ValueError:  # a kind that there is not
        return None


def _when(before: Statement, after: Statement | None) -> str:
    """Between two checkpoints, or after one."""
    if after is None or after.number <= before.number:
        return _("after checkpoint {number} ({at})").format(
            number=before.number, at=written(before.at)
        )
    return _("between checkpoint {number} ({at}) and checkpoint {later} ({later_at})").format(
        number=before.number, at=written(before.at), later=after.number, later_at=written(after.at)
    )
