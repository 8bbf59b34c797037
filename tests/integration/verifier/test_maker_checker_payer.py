"""Every step x every person: who may take it is written out here by hand, step by step.

Each column is a person who did one thing in the count, and each cell is tried by the pure rule,
by the procedure on a database, past the programs, and by the API with that person's session.
`+` stands for a person who may, `-` for one who may not. Roles are tried there too.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.app import create_app
from api.web.clock import current_instant
from jieru.database import connect, open_pool
from jieru.errors import UserError
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.count_people import COUNTED, PEOPLE, WAITING, act_of, count_of_many
from tests.support.databases import DatabaseServer
from tests.support.people import session_of
from tests.support.procedure import AS_OF, HOLIDAYS, POLICY, TRUSTED, write_key
from tests.support.registry_files import uscc_of
from tests.support.visiting import add_person, form_token_of
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.procedure.closings import close_pending, withdraw_closing
from verifier.procedure.deeds import read_deeds
from verifier.procedure.objections import record_objection, resolve_objection
from verifier.procedure.overview import offered_steps
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, find_count
from verifier.procedure.separation import Strictness, barring_deed
from verifier.procedure.states import RULES, State, Step
from verifier.procedure.steps import publish_count, return_count, submit_count, take_step

_REAL: Final = """
                 drafter submitter decider withdrawer waiver confirmer closer reopener freezer approver payer stranger
draft            +       +         +       +          +      +         +      +        +       +        +     +
submit           +       +         +       +          +      +         +      +        +       +        +     +
return           +       +         +       +          +      +         +      +        +       +        +     +
freeze           -       -         -       -          -      +         -      -        +       +        +     +
publish          +       +         +       +          +      +         +      +        +       +        +     +
object           +       +         +       +          +      +         +      +        +       +        +     +
resolve          +       +         +       +          +      +         +      +        +       +        +     +
approve_payment  -       -         -       -          -      +         -      -        +       +        +     +
pay              +       +         +       +          +      +         +      +        -       -        +     +
decide           +       +         +       +          +      +         +      +        +       +        +     +
confirm          +       +         +       +          -      +         +      +        +       +        +     +
withdraw         +       +         +       +          +      +         +      +        +       +        +     +
close            +       +         +       +          +      +         +      +        +       +        +     +
reopen           +       +         +       +          +      +         +      +        +       +        +     +
"""  # noqa: E501 - a table
# Where one name suffices; nothing waits for a second person, so there is nothing to confirm.
_SIMULATION: Final = """
                 drafter submitter decider withdrawer waiver confirmer closer reopener freezer approver payer stranger
draft            +       +         +       +          +      +         +      +        +       +        +     +
submit           +       +         +       +          +      +         +      +        +       +        +     +
return           +       +         +       +          +      +         +      +        +       +        +     +
freeze           +       -         +       +          +      +         +      +        +       +        +     +
publish          +       +         +       +          +      +         +      +        +       +        +     +
object           +       +         +       +          +      +         +      +        +       +        +     +
resolve          +       +         +       +          +      +         +      +        +       +        +     +
approve_payment  +       -         +       +          +      +         +      +        +       +        +     +
pay              +       +         +       +          +      +         +      +        +       +        +     +
decide           +       +         +       +          +      +         +      +        +       +        +     +
confirm          -       -         -       -          -      -         -      -        -       -        -     -
withdraw         +       +         +       +          +      +         +      +        +       +        +     +
close            +       +         +       +          +      +         +      +        +       +        +     +
reopen           +       +         +       +          +      +         +      +        +       +        +     +
"""  # noqa: E501 - a table
_ROLES: Final = """
                 operator verifier auditor admin key
every            -        +        -       +     -
"""
_NOW: Final = datetime(2027, 6, 1, 3, tzinfo=UTC)
_WHERE: Final = {
    "draft": State.DRAFT,
    "submit": State.DRAFT,
    "return": State.IN_REVIEW,
    "freeze": State.IN_REVIEW,
    "publish": State.FROZEN,
    "object": State.PUBLISHED,
    "resolve": State.PUBLISHED,
    "approve_payment": State.PUBLISHED,
    "pay": State.PAYABLE,
    "decide": State.IN_REVIEW,
    "confirm": State.IN_REVIEW,
    "withdraw": State.IN_REVIEW,
    "close": State.IN_REVIEW,
    "reopen": State.IN_REVIEW,
}
"""In which state of the count each step is tried."""
_REFUSED: Final = {
    "drafter": "drafter drafted the count 2026-1 on 2027-05-06: another person must check it.",
    "submitter": "submitter submitted the count 2026-1: another person must check it.",
    "decider": f"decider decided on 第2鞋厂 ({uscc_of(2)}) on alpha on {{today}} (decision 2): "
    "another person must check the count 2026-1.",
    "withdrawer": f"withdrawer withdrew decision 3 on 第3鞋厂 ({uscc_of(3)}) on alpha on "
    "{today}: another person must check the count 2026-1.",
    "waiver": f"waiver decided on 第1鞋厂 ({uscc_of(1)}) on alpha on {{today}} (decision 1): "
    "another person must check the count 2026-1.",
    "closer": f"closer closed the pending 第4鞋厂 ({uscc_of(4)}) on alpha on {{today}}: "
    "another person must check the count 2026-1.",
    "reopener": f"reopener withdrew the closing of 第4鞋厂 ({uscc_of(4)}) on alpha on {{today}}: "
    "another person must check the count 2026-1.",
    "freezer": "freezer froze the count 2026-1 on 2027-05-06: another person must record its "
    "payments.",
    "approver": "approver approved the payment of 2026-1 on 2027-06-01: another person must "
    "record it.",
}
"""Why somebody may not take a step of a checker or a payer; `{today}` is the database's day."""

Cell = tuple[Strictness, str, str]


def _cells(table: str) -> dict[tuple[str, str], bool]:
    head, *lines = table.strip("\n").splitlines()
    names = head.split()
    cells = {}
    for line in lines:
        step, *marks = line.split()
        for name, mark in zip(names, marks, strict=True):
            assert mark in {"+", "-"}
            cells[step, name] = mark == "+"
    return cells


_EXPECTED: Final[dict[Cell, bool]] = {
    (strictness, *cell): may
    for strictness, table in (
        (Strictness.SEVERAL_PEOPLE, _REAL),
        (Strictness.ONE_NAME, _SIMULATION),
    )
    for cell, may in _cells(table).items()
}


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


Counts = Callable[[Strictness, State], str]


@pytest.fixture(scope="module")
def counts(embedded_server: DatabaseServer) -> Iterator[Counts]:
    """Addresses of databases that hold the count of many, one for each state, made when wanted."""
    made: dict[tuple[Strictness, State], str] = {}
    with ExitStack() as databases:

        def of(strictness: Strictness, state: State) -> str:
            if (strictness, state) not in made:
                is_simulation = strictness is Strictness.ONE_NAME
                url = databases.enter_context(embedded_server.database())
                migrate(url, simulation=is_simulation)
                with connect(url) as connection:
                    count_of_many(connection, state, is_simulation=is_simulation)
                made[strictness, state] = url
            return made[strictness, state]

        yield of


def test_the_tables_leave_nobody_and_no_step_out() -> None:
    """A step that the procedure gains needs its line."""
    of_themselves = {Step.FINISH_PAYMENT, Step.SUPERSEDE}
    decisions = {"decide", "confirm", "withdraw", "close", "reopen"}
    steps = {each.value for each in RULES if each not in of_themselves} | decisions
    assert {step for _strictness, step, _person in _EXPECTED} == steps
    assert set(_WHERE) == steps
    for strictness in Strictness:
        for step in steps:
            people = {who for each, what, who in _EXPECTED if (each, what) == (strictness, step)}
            assert people == set(PEOPLE)


@pytest.mark.parametrize("strictness", Strictness)
def test_the_rule_answers_as_the_table_says(counts: Counts, strictness: Strictness) -> None:
    """From nothing but what each person did; another spelling of a name is no other person."""
    found = {}
    for step in (Step(each) for each in _WHERE if each in set(Step)):
        with connect(counts(strictness, _WHERE[step.value])) as connection:
            deeds = read_deeds(connection, find_count_of(connection))
        for person in PEOPLE:
            for spelling in (person, person.upper(), f" {person} ", f"user:{person}"):
                may = barring_deed(step, spelling, deeds, strictness) is None
                found.setdefault((strictness, step.value, person), set()).add(may)
    assert found == {cell: {may} for cell, may in _EXPECTED.items() if cell in found}


def find_count_of(connection: psycopg.Connection) -> CountRecord:
    """The only count there is."""
    return find_count(connection, 2026, 1)


# --- The procedure on a database ------------------------------------------------------------------


def _frozen(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    """What freezing writes last; computing and signing before it are the same for everybody."""
    columns = {
        "frozen_at": act.at,
        "frozen_by": act.name,
        "code_version": "x",
        "digest": "0" * 64,
        "signature": bytes(64),
        "public_key": bytes(32),
    }
    take_step(connection, record, Step.FREEZE, act, columns=columns)


def _published(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    publish_count(connection, record, act, trusted=TRUSTED, notice_days=5, holidays=HOLIDAYS)


def _objected(connection: psycopg.Connection, record: CountRecord, act: Act) -> int:
    return record_objection(
        connection, record, act, trusted=TRUSTED, name="群众", statement="已停产"
    )


def _resolved(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    number = _objected(connection, record, act_of("somebody", act.at))
    resolve_objection(
        connection, record, number, act, trusted=TRUSTED, outcome="dismissed", resolution="无误"
    )


def _paid(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    record_payment(
        connection,
        record,
        COUNTED[1],
        act,
        trusted=TRUSTED,
        reference="国库-2",
        paid_on=date(2027, 6, 1),
    )


def _decided(connection: psycopg.Connection, _record: CountRecord, act: Act) -> None:
    record_decision(
        connection, "hold", "alpha", uscc_of(1), reason="x", decided_by=act.name, policy=POLICY
    )


_TAKE: Final[dict[str, Callable[[psycopg.Connection, CountRecord, Act], object]]] = {
    "draft": lambda connection, record, act: take_step(connection, record, Step.DRAFT, act),
    "submit": submit_count,
    "return": lambda connection, record, act: return_count(connection, record, act, reason="x"),
    "freeze": _frozen,
    "publish": _published,
    "object": _objected,
    "resolve": _resolved,
    "approve_payment": lambda connection, record, act: approve_payment(
        connection, record, act, TRUSTED
    ),
    "pay": _paid,
    "decide": _decided,
    "confirm": lambda connection, _record, act: confirm_decision(
        connection, WAITING, confirmed_by=act.name
    ),
    "withdraw": lambda connection, _record, act: withdraw_decision(
        connection, 2, reason="x", withdrawn_by=act.name
    ),
    "close": lambda connection, _record, act: close_pending(
        connection, 2026, "alpha", uscc_of(1), reason="x", by=act.name
    ),
    "reopen": lambda connection, _record, act: withdraw_closing(
        connection,
        close_pending(connection, 2026, "alpha", uscc_of(1), reason="x", by="somebody"),
        reason="x",
        by=act.name,
    ),
}


@pytest.mark.parametrize("strictness", Strictness)
@pytest.mark.parametrize("step", list(_WHERE))
def test_the_procedure_takes_a_step_of_whom_the_table_lets(
    counts: Counts, strictness: Strictness, step: str
) -> None:
    """Each in a transaction that is rolled back; a refusal says what the person did."""
    with connect(counts(strictness, _WHERE[step])) as connection:
        record = find_count_of(connection)
        for person in PEOPLE:
            refusal = _refusal_of_step(connection, step, record, person)
            connection.rollback()
            may = _EXPECTED[strictness, step, person]
            assert (refusal is None) is may, (person, refusal)
            if step in {"freeze", "approve_payment", "pay"} and refusal is not None:
                assert _without_today(refusal) == _REFUSED[person]
        (today,) = connection.execute(
            "SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date"
        ).fetchone() or (None,)
        assert isinstance(today, date)


def _refusal_of_step(
    connection: psycopg.Connection, step: str, record: CountRecord, person: str
) -> str | None:
    try:
        _TAKE[step](connection, record, act_of(person, _NOW))
    except UserError as error:
        return str(error)
    return None


def _without_today(refusal: str) -> str:
    """A refusal with the day on which the test runs taken out."""
    return re.sub(
        r"on (\d{4}-\d{2}-\d{2})",
        lambda day: day[0] if day[1].startswith("2027-0") else "on {today}",
        refusal,
    )


_PAST_THE_PROGRAMS: Final = {
    "freeze": "UPDATE counts SET state = 'frozen', frozen_by = %s, frozen_at = now(),"
    " code_version = 'x', digest = repeat('0', 64), signature = decode(repeat('00', 64), 'hex'),"
    " public_key = decode(repeat('00', 32), 'hex')",
    "approve_payment": "UPDATE counts SET state = 'payable', payable_by = %s, payable_at = now()",
    "pay": "INSERT INTO count_payments (count_id, platform_id, clause, amount_yuan, paid_on,"
    " reference, recorded_by, recorded_at)"
    " SELECT 1, id, '1.2', 1, now(), 'x', %s, now() FROM platforms WHERE code = 'beta'",
    "confirm": "UPDATE decisions SET confirmed_at = now(), confirmed_by = %s WHERE id = 4",
}


@pytest.mark.parametrize("strictness", Strictness)
@pytest.mark.parametrize("step", list(_PAST_THE_PROGRAMS))
def test_the_database_itself_holds_to_the_table(
    counts: Counts, strictness: Strictness, step: str
) -> None:
    """Whoever writes past the programs is stopped too, under every spelling."""
    with connect(counts(strictness, _WHERE[step])) as connection:
        for person in PEOPLE:
            wide = "".join(chr(ord(each) + 0xFEE0) for each in person)
            for spelling in (person, person.title(), f"user:{person}", f"{person} ", wide):
                try:
                    connection.execute(_PAST_THE_PROGRAMS[step].encode(), (spelling,))
                    is_taken = True
                except psycopg.errors.CheckViolation:
                    is_taken = False
                connection.rollback()
                expected = _EXPECTED[strictness, step, person]
                if strictness is Strictness.ONE_NAME and not expected and spelling != person:
                    continue  # there the check of 0021 knows small and capital letters only
                assert is_taken is expected, spelling


# --- The API --------------------------------------------------------------------------------------


def _requests(content_sha256: str) -> dict[str, tuple[str, dict[str, object] | None]]:
    case = {"platform": "alpha", "uscc": uscc_of(1), "reason": "x"}
    return {
        "draft": ("2026/draft", {"as_of": str(AS_OF), "reason": ""}),
        "submit": ("2026/submit", {"content_sha256": "0" * 64}),
        "return": ("2026/return", {"reason": " "}),
        "freeze": ("2026/freeze", {"content_sha256": content_sha256}),
        "publish": ("2026/publish", {"last_day_shown": "2000-01-01"}),
        "object": ("2026/objections", {"name": " ", "statement": "x"}),
        "resolve": ("2026/objections/99/resolve", {"outcome": "dismissed", "resolution": "x"}),
        "approve_payment": ("2026/approve-payment", None),
        "pay": (
            "2026/payments",
            {"platform": "beta", "reference": "国库-2", "paid_on": "2027-06-01"},
        ),
        "decide": ("decisions", {**case, "kind": "hold", "reason": " "}),
        "confirm": (f"decisions/{WAITING}/confirm", None),
        "withdraw": ("decisions/99/withdraw", {"reason": "x"}),
        "close": ("2026/closings", {**case, "reason": " "}),
        "reopen": ("closings/99/withdraw", {"reason": "x"}),
    }
