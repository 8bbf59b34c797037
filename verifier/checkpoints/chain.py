"""Which statement may follow which: whoever keeps statements refuses one that rewrites. Pure."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from jieru.errors import UserError
from verifier.checkpoints.statement import StatedArchive, StatedSignals, Statement
from verifier.procedure.canonical import sha256_of

__all__ = ["StatementChain", "archives_sha256", "month_sha256", "written"]


def month_sha256(day_digests: Iterable[str]) -> str:
    """The digest of the stated days of a month, from theirs, in their order."""
    return hashlib.sha256(b"".join(bytes.fromhex(each) for each in day_digests)).hexdigest()


def archives_sha256(archives: Iterable[StatedArchive]) -> str:
    """The digest of all archive files."""
    return sha256_of(sorted(archives, key=lambda each: each.file))


class StatementChain:
    """All statements so far, as far as the next one has to fit them."""

    def __init__(self) -> None:
        """None yet."""
        self.last: Statement | None = None
        self.days: dict[date, str] = {}
        """Digest of each stated day."""
        self.archives: dict[str, StatedArchive] = {}

    def copy(self) -> "StatementChain":
        """As it is now, to try what would follow."""
        same = StatementChain()
        same.last = self.last
        same.days = dict(self.days)
        same.archives = dict(self.archives)
        return same

    def months(self) -> dict[date, list[str]]:
        """Digests of the stated days of each month, in their order."""
        found: dict[date, list[str]] = {}
        for day in sorted(self.days):
            found.setdefault(day.replace(day=1), []).append(self.days[day])
        return found

    def add(self, statement: Statement) -> list[UserError]:
        """Take the next statement, whatever is wrong with it.

        Returns:
            What is wrong: none, where it extends what was there.
        """
        found = [*self._wrong_order(statement), *self._wrong_audit(statement)]
        found += self._wrong_days(statement)
        self.days |= {each.day: each.sha256 for each in statement.days}
        found += self._wrong_months(statement)
        found += self._wrong_archives(statement)
        found += self._wrong_signals(statement)
        self.archives |= {each.file: each for each in statement.archives}
        self.last = statement
        return found

    def _wrong_order(self, statement: Statement) -> Iterator[UserError]:
        last = self.last
        expected = 1 if last is None else last.number + 1
        if statement.number != expected:
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}): number {expected} was expected.",
                **_name(statement),
                expected=expected,
            )
        if statement.previous_sha256 != (None if last is None else last.sha256()):
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}) does not follow the one before it.",
                **_name(statement),
            )
        if last is None:
            return
        if (statement.installation, statement.is_simulation) != (
            last.installation,
            last.is_simulation,
        ):
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}) is of another database.", **_name(statement)
            )
        if statement.at < last.at:
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}) is earlier than the one before it ({before}).",
                **_name(statement),
                before=written(last.at),
            )

    def _wrong_audit(self, statement: Statement) -> Iterator[UserError]:
        if self.last is None:
            return
        before, now = self.last.audit, statement.audit
        if now.number < before.number:
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}): the audit ends with entry {now}, and ended "
                "with entry {before} before.",
                **_name(statement),
                now=now.number,
                before=before.number,
            )
        elif now.before != before.hash or (now.number == before.number and now.hash != before.hash):
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}): entry {number} of the audit is not the one "
                "that the checkpoint before it states; the audit was written anew.",
                **_name(statement),
                number=before.number,
            )

    def _wrong_days(self, statement: Statement) -> Iterator[UserError]:
        last = self.last
        closed = None if last is None else last.closed_through
        days = [each.day for each in statement.days]
        if days != sorted(set(days)) or any(closed is not None and day <= closed for day in days):
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}) states days anew that were closed before.",
                **_name(statement),
            )
        if closed is not None and (
            statement.closed_through is None or statement.closed_through < closed
        ):
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}): fewer days are closed than before.",
                **_name(statement),
            )

    def _wrong_months(self, statement: Statement) -> Iterator[UserError]:
        if not statement.months:
            return
        stated = {each.month: each.sha256 for each in statement.months}
        expected = {month: month_sha256(days) for month, days in self.months().items()}
        for month in sorted(stated.keys() | expected.keys()):
            if stated.get(month) != expected.get(month):
                yield UserError(
                    "Checkpoint {checkpoint} ({made_at}): presence of {month} was not what earlier "
                    "checkpoints state of its days.",
                    **_name(statement),
                    month=f"{month:%Y-%m}",
                )

    def _wrong_archives(self, statement: Statement) -> Iterator[UserError]:
        for each in statement.archives:
            if each.file in self.archives:
                yield UserError(
                    "Checkpoint {checkpoint} ({made_at}) states the archive file {file} anew.",
                    **_name(statement),
                    file=each.file,
                )
        all_files = {**self.archives, **{each.file: each for each in statement.archives}}
        if archives_sha256(all_files.values()) != statement.archives_sha256:
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}): the archive was not the one that earlier "
                "checkpoints state.",
                **_name(statement),
            )

    def _wrong_signals(self, statement: Statement) -> Iterator[UserError]:
        before = None if self.last is None else self.last.signals
        now = statement.signals
        if not isinstance(before, StatedSignals) or now == before:
            return
        if not isinstance(now, StatedSignals) or now.run <= before.run:
            yield UserError(
                "Checkpoint {checkpoint} ({made_at}): run {run} of the signals is not the one that "
                "the checkpoint before it states.",
                **_name(statement),
                run=before.run,
            )


def written(at: datetime) -> str:
    """An instant as findings say it."""
    return f"{at:%Y-%m-%d %H:%M}Z"


def _name(statement: Statement) -> dict[str, object]:
    return {"checkpoint": statement.number, "made_at": written(statement.at)}
