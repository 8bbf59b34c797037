"""Cases in the database: opened by runs, taken step by step, and never without their two people."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import HOLIDAYS, POLICY
from tests.support.registry_builder import RegistryBuilder
from tests.support.signal_runs import insert_run, with_holds_proposed
from verifier.counting.decisions import list_decisions
from verifier.trust.cases.records import (
    find_case_record,
    open_case,
    open_cases_of_run,
    read_signals,
    read_steps,
    taken,
)
from verifier.trust.cases.states import (
    CaseState,
    CaseStep,
    HoldBySignals,
    refusal_of,
    state_of,
)
from verifier.trust.cases.taking import NewStep, take_step
from verifier.trust.signal import Kind

_S: Final = CaseStep
_PROPOSING: Final = with_holds_proposed(POLICY)
_HOLD_BY_THE_PROPOSER: Final = """
    INSERT INTO case_steps (case_id, step, taken_by, text, decision_id)
    VALUES (%s, 'hold_decided', ' LIN', 'r', %s)
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def uscc(database: psycopg.Connection, registry: RegistryBuilder) -> str:
    """A served enterprise on alpha."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    return uscc


@pytest.fixture
def case_id(database: psycopg.Connection, uscc: str) -> int:
    """A case that one hard signal opened."""
    run = insert_run(database, [(Kind.COUNTER_FELL, "alpha", uscc)])
    (found,) = open_cases_of_run(database, run, "command:jieru")
    return found


def _take(database: psycopg.Connection, case_id: int, step: CaseStep, **said: Any) -> int:  # noqa: ANN401
    policy = said.pop("policy", POLICY)
    new = NewStep(**{"step": step, "by": "lin", "text": "见附件", **said})
    return take_step(database, case_id, new, policy=policy, holidays=HOLIDAYS)


def _state(database: psycopg.Connection, case_id: int) -> CaseState:
    return find_case_record(database, case_id).state


def test_a_run_opens_what_it_calls_for_once(database: psycopg.Connection, uscc: str) -> None:
    """The next night finds the same, and opens nothing."""
    first = insert_run(database, [(Kind.COUNTER_FELL, "alpha", uscc)])
    (case_id,) = open_cases_of_run(database, first, "command:jieru")
    again = insert_run(database, [(Kind.COUNTER_FELL, "alpha", uscc)])
    assert open_cases_of_run(database, again, "command:jieru") == []
    case = find_case_record(database, case_id)
    assert (case.cause, case.run_id, case.state) == ("signals", first, CaseState.OPEN)
    assert [each.signal.kind for each in read_signals(database, case)] == [Kind.COUNTER_FELL]


def test_one_soft_signal_opens_nothing(database: psycopg.Connection, uscc: str) -> None:
    """And two kinds do."""
    one = insert_run(database, [(Kind.NOT_LIVE, "alpha", uscc)])
    assert open_cases_of_run(database, one, "command:jieru") == []
    two = insert_run(
        database, [(Kind.NOT_LIVE, "alpha", uscc), (Kind.REQUIRED_HOURS, "alpha", uscc)]
    )
    assert len(open_cases_of_run(database, two, "command:jieru")) == 1


def test_what_was_cleared_opens_again_for_what_is_new(
    database: psycopg.Connection, uscc: str, case_id: int
) -> None:
    """The same signal does not, another one does."""
    _take(database, case_id, _S.CLEARED)
    database.commit()
    same = insert_run(database, [(Kind.COUNTER_FELL, "alpha", uscc)])
    assert open_cases_of_run(database, same, "command:jieru") == []
    other = insert_run(
        database,
        [(Kind.COUNTER_FELL, "alpha", uscc), (Kind.COUNTER_CONTINUED, "alpha", uscc)],
    )
    assert len(open_cases_of_run(database, other, "command:jieru")) == 1


def test_a_run_goes_on_where_an_older_case_was_opened_anew(
    database: psycopg.Connection, uscc: str, case_id: int
) -> None:
    """A newer one that is concluded does not hide it; nothing else of the run is lost."""
    _take(database, case_id, _S.CLEARED)
    newer = open_case(
        database, *_platform_and_enterprise(database, case_id), cause="verifier", by="lin"
    )
    _take(database, newer, _S.CLEARED)
    _take(database, case_id, _S.REOPENED)
    database.commit()
    run = insert_run(database, [(Kind.COUNTER_CONTINUED, "alpha", uscc)])
    assert open_cases_of_run(database, run, "command:jieru") == []


def _platform_and_enterprise(database: psycopg.Connection, case_id: int) -> tuple[int, int]:
    case = find_case_record(database, case_id)
    return case.platform_id, case.enterprise_id


def test_from_question_to_decision(database: psycopg.Connection, uscc: str, case_id: int) -> None:
    """Asked with a day, answered, upheld with the decision that follows."""
    _take(database, case_id, _S.ASKED_OPERATOR)
    case = find_case_record(database, case_id)
    assert case.state is CaseState.ASKED
    assert case.due_on is not None
    assert case.due_on > date.today()  # noqa: DTZ011 - some day to come
    _take(database, case_id, _S.OPERATOR_ANSWERED, by="key:7")
    assert _state(database, case_id) is CaseState.ANSWERED
    _take(database, case_id, _S.UPHELD, leads_to="exclude")
    assert _state(database, case_id) is CaseState.UPHELD
    (decision,) = list_decisions(database, "alpha", uscc)
    assert (decision.decision.kind, decision.decision.reason) == ("exclude", "见附件")
    assert read_steps(database, case_id)[-1].decision_id == decision.decision.id


def test_a_whole_bank_that_was_elsewhere_first_opens_a_case_by_itself(
    database: psycopg.Connection, uscc: str
) -> None:
    """What the signal says of who came later goes with it; of who was first none is opened."""
    bank, alike = ("CNC-1", "CNC-2", "CNC-3"), [(Kind.RHYTHM_ALIKE, "alpha", uscc)]
    first = insert_run(database, alike, serials=bank, detail={"came_later": "other"})
    assert open_cases_of_run(database, first, "command:jieru") == []
    later = insert_run(database, alike, serials=bank, detail={"came_later": "self"})
    assert len(open_cases_of_run(database, later, "command:jieru")) == 1


def test_where_signals_propose_a_hold_rests_on_plain_ones_or_on_a_visit(
    database: psycopg.Connection, uscc: str, case_id: int
) -> None:
    """A counter that fell suffices for a case only; a bank's counters that went on for a hold."""
    with pytest.raises(UserError, match="for a case and for no hold"):
        _take(database, case_id, _S.HOLD_PROPOSED, policy=_PROPOSING)
    newest = [(Kind.COUNTER_CONTINUED, "alpha", uscc)]
    insert_run(database, newest, serials=("CNC-1", "CNC-2", "CNC-3"))
    with pytest.raises(UserError, match="on trial this year"):
        _take(database, case_id, _S.HOLD_PROPOSED)
    _take(database, case_id, _S.HOLD_PROPOSED, policy=_PROPOSING)
    _take(database, case_id, _S.HOLD_DECLINED, by="chen")
    insert_run(database, [(Kind.COUNTER_FELL, "alpha", uscc)])
    _take(database, case_id, _S.VISITED, visited_on=date(2026, 6, 1))
    _take(database, case_id, _S.HOLD_PROPOSED, policy=_PROPOSING)


def test_an_upheld_case_names_what_follows(database: psycopg.Connection, case_id: int) -> None:
    """No conclusion against an enterprise without its decision."""
    with pytest.raises(UserError, match="Say what follows"):
        _take(database, case_id, _S.UPHELD)


def test_a_hold_takes_two_people(database: psycopg.Connection, uscc: str, case_id: int) -> None:
    """One proposes it after a visit, another decides it; neither program nor database skips one."""
    with pytest.raises(UserError, match="on trial this year"):
        _take(database, case_id, _S.HOLD_PROPOSED)
    _take(database, case_id, _S.VISITED, visited_on=date(2026, 6, 1))
    _take(database, case_id, _S.HOLD_PROPOSED)
    assert list_decisions(database, "alpha", uscc) == []
    with pytest.raises(UserError, match="lin proposed this hold"):
        _take(database, case_id, _S.HOLD_DECIDED, by="user:Lin")
    with database.transaction(force_rollback=True):
        row = database.execute(
            "INSERT INTO decisions (kind, platform_id, enterprise_id, reason, decided_by) "
            "SELECT 'hold', platform_id, enterprise_id, 'r', 'lin' FROM cases RETURNING id"
        ).fetchone()
        assert row is not None
        with pytest.raises(psycopg.errors.RestrictViolation, match="proposed this hold"):
            database.execute(_HOLD_BY_THE_PROPOSER, (case_id, row[0]))
    _take(database, case_id, _S.HOLD_DECIDED, by="chen")
    (found,) = list_decisions(database, "alpha", uscc)
    assert (found.decision.kind, found.decision.decided_by) == ("hold", "chen")


def test_steps_and_cases_are_for_good(database: psycopg.Connection, case_id: int) -> None:
    """Whoever writes past the programs is refused."""
    _take(database, case_id, _S.NOTED)
    database.commit()
    for statement in (
        "UPDATE case_steps SET text = 'x'",
        "DELETE FROM case_steps",
        "TRUNCATE case_steps",
        "DELETE FROM cases",
        "UPDATE documents SET name = 'x'",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            database.execute(statement)
        database.rollback()


def test_a_step_of_a_case_is_in_the_audit(database: psycopg.Connection, case_id: int) -> None:
    """With all that it says."""
    _take(database, case_id, _S.NOTED, text="电话核实")
    row = database.execute(
        "SELECT after ->> 'text' FROM audit_entries WHERE record_kind = 'case_steps'"
    ).fetchone()
    assert row == ("电话核实",)


def test_a_second_case_is_refused_while_one_is_open(
    database: psycopg.Connection, case_id: int
) -> None:
    """Also that which was concluded and is to be opened anew."""
    case = find_case_record(database, case_id)
    of = (case.platform_id, case.enterprise_id)
    with pytest.raises(UserError, match=f"Case {case_id} of this enterprise"):
        open_case(database, *of, cause="verifier", by="lin")
    _take(database, case_id, _S.CLEARED)
    open_case(database, *of, cause="verifier", by="lin")
    with pytest.raises(UserError, match="go on with that one"):
        _take(database, case_id, _S.REOPENED)


def test_a_document_that_is_not_kept_is_refused(database: psycopg.Connection, case_id: int) -> None:
    """A step names what the store has."""
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        _take(database, case_id, _S.NOTED, documents=[{"sha256": "0" * 64, "name": "a.pdf"}])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.sampled_from(CaseStep), max_size=8))
def test_the_view_says_of_a_case_what_the_rules_say(
    database: psycopg.Connection, case_id: int, steps: Sequence[CaseStep]
) -> None:
    """For every order of steps that is permitted; what is not, both refuse."""
    with database.transaction(force_rollback=True):
        for number, step in enumerate(steps):
            said = {"visited_on": date(2026, 6, 1)} if step is _S.VISITED else {}
            by = f"p{number % 2}"
            before = taken(read_steps(database, case_id))
            refusal = refusal_of(
                step, by, before, by_signals=HoldBySignals.ON_TRIAL, one_name_suffices=False
            )
            if refusal is None:
                _take(database, case_id, step, by=by, leads_to="exclude", **said)
                continue
            with pytest.raises(UserError) as refused:
                _take(database, case_id, step, by=by, leads_to="exclude", **said)
            assert refused.value.message == refusal.message
        case = find_case_record(database, case_id)
        assert case.state is state_of(taken(read_steps(database, case_id)))
        assert (case.due_on is not None) == (case.state is CaseState.ASKED)
