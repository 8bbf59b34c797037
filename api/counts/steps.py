"""The steps of a count, as a person in the console or with a session takes them.

What a step needs is checked by the procedure itself (`verifier.procedure`); here stands who asks,
and that the count is still the one that was read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final

import psycopg
from fastapi import Depends

from api.access.caller import Caller, CurrentCaller
from api.access.people_only import StepInstant, require_person
from api.counts.checkpoints import state_in_checkpoint
from api.counts.long_steps import Work
from api.counts.procedure_source import Procedure, ProcedureSource
from api.counts.step_bodies import (
    Drafting,
    Freezing,
    NewClosing,
    NewDecision,
    NewObjection,
    NewPayment,
    Publishing,
    Resolution,
    Submission,
)
from api.counts.visible_counts import person_name, refusals
from api.web.bounds.bounds import Bounds
from api.web.bounds.heavy import HeavyQueue
from api.web.bounds.running_work import current_work
from api.web.database import Database, RequestDatabase
from api.web.problems import Kind, Problem, WrongField
from api.web.services import service
from jieru.calendar import civil_date
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.counting.progress import Phase, Progress
from verifier.policy import WAIVABLE
from verifier.procedure.closings import close_pending, withdraw_closing
from verifier.procedure.decided_since import list_kept
from verifier.procedure.deeds import require_permitted
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import freeze_count
from verifier.procedure.hindrances import hindrances
from verifier.procedure.objections import record_objection, resolve_objection
from verifier.procedure.overrides import confirm_override, propose_override, withdraw_override
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, find_count, standing_count
from verifier.procedure.staleness import is_certainly_fresh
from verifier.procedure.states import RULES, Step, require_step
from verifier.procedure.steps import discard_count, publish_count, return_count
from verifier.procedure.submitting import require_submittable, submit_count

__all__ = ["CurrentStepTaker", "StepTaker", "require_person"]

_LARGEST_ID: Final = 2**31 - 1
_STEP_KIND: Final = "POST /counts/{year}/{step}"


@dataclass(frozen=True, slots=True)
class StepTaker:
    """Somebody who takes steps, at one moment."""

    caller: Caller
    database: RequestDatabase
    source: ProcedureSource
    now: datetime
    """By the database's clock, as all steps."""
    heavy: HeavyQueue

    @property
    def act(self) -> Act:
        """Who, and when."""
        return Act(self.caller.actor, person_name(self.caller), self.now)

    def begin_draft(self, year: int, drafting: Drafting, as_of: date) -> Work:
        """Count a year anew in a thread of its own.

        Raises:
            Problem: another long step of the year runs, or a correction has no reason.
        """
        with self.database.reading() as connection:
            self._require_reason(connection, year, drafting)
        return self.source.works.begin(
            self.database,
            year,
            Step.DRAFT,
            self.act.name,
            self._in_its_turn(lambda progress: self._draft(year, drafting, as_of, progress)),
        )

    def draft(self, year: int, drafting: Drafting, as_of: date) -> CountRecord:
        """Count a year anew and wait for the result."""
        with refusals():
            return self._draft(year, drafting, as_of, current_work().tell)

    def begin_submit(self, year: int, submission: Submission) -> Work | None:
        """Hand the running count over for review.

        Returns:
            The computation in a thread of its own that must find the same first; None where nothing
            can have changed since the draft, and it is done.

        Raises:
            Problem: it may not be submitted, as far as that is known before it is computed.
        """
        self.source.works.require_idle(self.database, year)
        with refusals(), self.database.reading() as connection:
            with connection.transaction():
                record = find_count(connection, year, is_running=True)
            _require_same(record, submission.content_sha256)
            record = require_submittable(connection, record, self.act)
            if is_certainly_fresh(connection, record):
                submit_count(connection, record, self.act, note=submission.note)
                return None
        return self.source.works.begin(
            self.database,
            year,
            Step.SUBMIT,
            self.act.name,
            self._in_its_turn(lambda progress: self._submit(year, submission, progress)),
        )

    def submit(self, year: int, submission: Submission) -> CountRecord:
        """Hand the running count over for review and wait for the result."""
        with refusals():
            return self._submit(year, submission, current_work().tell)

    def send_back(self, year: int, reason: str) -> CountRecord:
        """Return the count in review to be drafted anew."""
        with refusals(), self.database.changing(self.caller.actor) as connection:
            record = find_count(connection, year, is_running=True)
            return return_count(connection, record, self.act, reason=reason)

    def discard(self, year: int, reason: str) -> CountRecord:
        """Give up the running count.

        Raises:
            Problem: it is being drafted or frozen at this moment.
        """
        self.source.works.require_idle(self.database, year)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            record = find_count(connection, year, is_running=True)
            return discard_count(connection, record, self.act, reason=reason)

    def begin_freeze(self, year: int, freezing: Freezing) -> Work:
        """Freeze the count in review in a thread of its own.

        Raises:
            Problem: it may not be frozen, as far as that is known before it is computed.
        """
        self._require_freezable(year, freezing)
        return self.source.works.begin(
            self.database,
            year,
            Step.FREEZE,
            self.act.name,
            self._in_its_turn(lambda progress: self._freeze(year, freezing, progress)),
        )

    def freeze(self, year: int, freezing: Freezing) -> CountRecord:
        """Freeze the count in review and wait for the result."""
        self._require_freezable(year, freezing)
        with refusals():
            return self._freeze(year, freezing, current_work().tell)

    def publish(self, year: int, publishing: Publishing) -> CountRecord:
        """Publish the frozen count.

        Raises:
            Problem: it may not be published, or its notice would not end when it was said to.
        """
        shown, named = publishing.last_day_shown, publishing.notice_ends_on
        last_day = self.source.notice_end(civil_date(self.now)).last_day
        if named is None and shown not in {None, last_day}:
            raise Problem(
                Kind.CONFLICT,
                _("The notice would end on {day} by now: look at it and publish once more."),
                day=last_day.isoformat(),
            )
        with refusals(), self.database.changing(self.caller.actor) as connection:
            record = find_count(connection, year)
            published = publish_count(
                connection,
                record,
                self.act,
                trusted=self.source.trusted,
                key=self.source.signing_key(),
                notice_days=self.source.settings.notice_working_days,
                holidays=self.source.holidays,
                notice_ends_on=named,
            )
        state_in_checkpoint(self.source.settings, f"publish {published.count_id}")
        return published

    def record_objection(self, year: int, new: NewObjection) -> int:
        """Record an objection to the published count."""
        with refusals(), self.database.changing(self.caller.actor) as connection:
            record = find_count(connection, year)
            return record_objection(
                connection,
                record,
                self.act,
                trusted=self.source.trusted,
                key=self.source.signing_key(),
                name=new.name,
                statement=new.statement,
            )

    def resolve_objection(self, year: int, objection_id: int, resolution: Resolution) -> None:
        """Say what came of an objection."""
        _require_id(objection_id)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            record = find_count(connection, year)
            resolve_objection(
                connection,
                record,
                objection_id,
                self.act,
                trusted=self.source.trusted,
                key=self.source.signing_key(),
                outcome=resolution.outcome,
                resolution=resolution.resolution,
            )

    def propose_override(self, year: int, objection_id: int, reason: str) -> None:
        """Propose to pay in spite of an objection that was upheld."""
        _require_id(objection_id)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            propose_override(
                connection,
                find_count(connection, year),
                objection_id,
                self.act,
                trusted=self.source.trusted,
                key=self.source.signing_key(),
                reason=reason,
            )

    def withdraw_override(self, year: int, objection_id: int, reason: str) -> None:
        """Withdraw what this person proposed."""
        _require_id(objection_id)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            withdraw_override(
                connection,
                find_count(connection, year),
                objection_id,
                self.act,
                trusted=self.source.trusted,
                key=self.source.signing_key(),
                reason=reason,
            )

    def confirm_override(self, year: int, objection_id: int) -> None:
        """Confirm what another person proposed."""
        _require_id(objection_id)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            confirm_override(
                connection,
                find_count(connection, year),
                objection_id,
                self.act,
                trusted=self.source.trusted,
                key=self.source.signing_key(),
            )

    def approve_payment(self, year: int) -> CountRecord:
        """Make the published count payable."""
        with refusals(), self.database.changing(self.caller.actor) as connection:
            record = find_count(connection, year)
            self._require_unhindered(connection, record, Step.APPROVE_PAYMENT)
            approved = approve_payment(
                connection,
                record,
                self.act,
                self.source.trusted,
                key=self.source.signing_key(),
            )
        state_in_checkpoint(self.source.settings, f"approve {approved.count_id}")
        return approved

    def record_payment(self, year: int, new: NewPayment) -> CountRecord:
        """Record that a platform was paid."""
        with refusals(), self.database.changing(self.caller.actor) as connection:
            record = find_count(connection, year)
            paid = record_payment(
                connection,
                record,
                new.platform,
                self.act,
                trusted=self.source.trusted,
                key=self.source.signing_key(),
                reference=new.reference,
                paid_on=new.paid_on,
            )
        state_in_checkpoint(self.source.settings, f"pay {paid.count_id} {new.platform}")
        return paid

    def decide(self, new: NewDecision) -> int:
        """Record a decision.

        Raises:
            Problem: a field is wrong, or contradicts the others.
        """
        waiver = _waiver_of(new)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            return self._record(connection, new, waiver)

    def keep(self, year: int, seen: Sequence[NewDecision]) -> None:
        """Note that an enterprise stays on each of its platforms in a year, all at once."""
        with refusals(), self.database.changing(self.caller.actor) as connection:
            kept = {each.platform for each in list_kept(connection, year, uscc=seen[0].uscc)}
            missing = [each for each in seen if each.platform not in kept]
            for each in missing or seen:  # which all stand: refused as the same one twice
                self._record(connection, each, None)

    def _record(
        self, connection: psycopg.Connection, new: NewDecision, waiver: tuple[str, int] | None
    ) -> int:
        return record_decision(
            connection,
            new.kind,
            new.platform,
            new.uscc,
            reason=new.reason,
            decided_by=self.act.name,
            waiver=waiver,
            policy=self.source.policy,
            attachment=new.attachment,
        )

    def confirm_decision(self, decision_id: int) -> None:
        """Let a decision that waits for a second person take effect."""
        _require_id(decision_id)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            confirm_decision(connection, decision_id, confirmed_by=self.act.name)

    def withdraw_decision(self, decision_id: int, reason: str) -> None:
        """Withdraw a decision; it stays on record."""
        _require_id(decision_id)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            withdraw_decision(connection, decision_id, reason=reason, withdrawn_by=self.act.name)

    def close_pending(self, year: int, new: NewClosing) -> int:
        """Do not wait for a pending enterprise."""
        with refusals(), self.database.changing(self.caller.actor) as connection:
            return close_pending(
                connection, year, new.platform, new.uscc, reason=new.reason, by=self.act.name
            )

    def withdraw_closing(self, closing_id: int, reason: str) -> None:
        """Wait for a pending enterprise again that was closed."""
        _require_id(closing_id)
        with refusals(), self.database.changing(self.caller.actor) as connection:
            withdraw_closing(connection, closing_id, reason=reason, by=self.act.name)

    def _in_its_turn(
        self, do: Callable[[Progress], CountRecord]
    ) -> Callable[[Progress], CountRecord]:
        """The same, when a place of heavy work is free for this caller."""

        def do_in_turn(progress: Progress) -> CountRecord:
            with self.heavy.place("large", self.caller.sender, _STEP_KIND) as work:

                def tell(phase: Phase, fraction: float) -> None:
                    progress(phase, fraction)
                    work.tell(phase, fraction)

                return do(tell)

        return do_in_turn

    def _submit(self, year: int, submission: Submission, progress: Progress) -> CountRecord:
        with self.database.reading() as connection:
            with connection.transaction():
                record = find_count(connection, year, is_running=True)
            _require_same(record, submission.content_sha256)
            return submit_count(
                connection, record, self.act, note=submission.note, progress=progress
            )

    def _draft(self, year: int, drafting: Drafting, as_of: date, progress: Progress) -> CountRecord:
        with self.database.reading() as connection:
            return draft_count(
                connection,
                self.act,
                year,
                as_of=as_of,
                policy=self.source.policy,
                reason=drafting.reason or None,
                progress=progress,
            )

    def _require_reason(
        self, connection: psycopg.Connection, year: int, drafting: Drafting
    ) -> None:
        """Say at once what a thread could only say later."""
        with refusals():
            try:
                running = find_count(connection, year, is_running=True)
            except UserError:
                if standing_count(connection, year) is not None and not drafting.reason:
                    reason = UserError("is required")
                    raise Problem(
                        Kind.INVALID_REQUEST,
                        _("This year is frozen already: say why it is counted again."),
                    ).about([WrongField("reason", reason)]) from None
                return
            require_step(Step.DRAFT, running.count_id, running.state)

    def _require_freezable(self, year: int, freezing: Freezing) -> None:
        with refusals(), self.database.reading() as connection:
            self.source.signing_key()
            record = find_count(connection, year, is_running=True)
            require_step(Step.FREEZE, record.count_id, record.state)
            require_permitted(connection, record, Step.FREEZE, self.act.name)
            _require_same(record, freezing.content_sha256)
            self._require_unhindered(connection, record, Step.FREEZE)

    def _freeze(self, year: int, freezing: Freezing, progress: Progress) -> CountRecord:
        key = self.source.signing_key()
        with self.database.reading() as connection:
            with connection.transaction():
                record = find_count(connection, year, is_running=True)
            _require_same(record, freezing.content_sha256)
            frozen = freeze_count(connection, record, self.act, key, self.source.trusted, progress)
        state_in_checkpoint(self.source.settings, f"freeze {frozen.count_id}")
        return frozen

    def _require_unhindered(
        self, connection: psycopg.Connection, record: CountRecord, step: Step
    ) -> None:
        """Name everything that is missing, each in the reader's language."""
        if record.state not in RULES[step].start:
            return  # which the step itself says better
        found = hindrances(connection, record, step, self.now, self.source.trusted)
        if found:
            raise Problem(
                Kind.CONFLICT,
                _("{count} is not ready for this step: {number} things are in the way."),
                count=record.count_id,
                number=len(found),
            ).about(
                [WrongField(each.code, UserError(each.message, **each.values)) for each in found]
            )


def _step_taker(
    caller: CurrentCaller,
    database: Database,
    source: Procedure,
    now: StepInstant,
    bounds: Annotated[Bounds, Depends(service(Bounds))],
) -> StepTaker:
    require_person(caller)
    return StepTaker(caller, database, source, now, bounds.heavy)


CurrentStepTaker = Annotated[StepTaker, Depends(_step_taker)]


def _require_same(record: CountRecord, content_sha256: str | None) -> None:
    """Refuse a step of a count that was drafted anew since it was read."""
    if content_sha256 is not None and content_sha256 != record.content_sha256:
        raise Problem(Kind.CHANGED_MEANWHILE)


def _waiver_of(new: NewDecision) -> tuple[str, int] | None:
    if new.kind != "waive":
        wrong = [name for name in ("criterion", "value") if getattr(new, name) is not None]
        reason = UserError("belongs to a waiver only")
    else:
        wrong = [name for name in ("criterion", "value") if getattr(new, name) is None]
        reason = UserError("is required")
    if wrong:
        raise Problem(Kind.INVALID_REQUEST).about([WrongField(name, reason) for name in wrong])
    if new.criterion is None or new.value is None:
        return None
    if new.criterion not in WAIVABLE:
        known = UserError("must be one of {expected}", expected=", ".join(WAIVABLE))
        raise Problem(Kind.INVALID_REQUEST).about([WrongField("criterion", known)])
    return new.criterion, new.value


def _require_id(number: int) -> None:
    if not 0 < number <= _LARGEST_ID:
        raise Problem(Kind.NOT_FOUND)
