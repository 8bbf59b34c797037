"""Every step x every person: who may take it is written out here by hand, step by step.

Each column is a person who did one thing in the count, and each cell is tried by the pure rule,
by the procedure on a database, past the programs, and by the API with that person's session.
`+` stands for a person who may, `-` for one who may not. Roles are tried there too.
"""

import html
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.app import create_app
from api.web.clock import Clock
from jieru.database import connect, open_pool
from jieru.errors import UserError
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.count_people import COUNTED, PEOPLE, WAITING, act_of, count_of_many
from tests.support.databases import DatabaseServer
from tests.support.people import session_of
from tests.support.procedure import AS_OF, HOLIDAYS, KEY, POLICY, TRUSTED, write_key
from tests.support.registry_files import uscc_of
from tests.support.visiting import add_person, form_token_of
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.procedure.closings import close_pending, withdraw_closing
from verifier.procedure.deeds import read_deeds
from verifier.procedure.objections import record_objection, resolve_objection
from verifier.procedure.overrides import (
    confirm_override,
    propose_override,
    withdraw_override,
)
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, find_count
from verifier.procedure.separation import Strictness, barring_deed
from verifier.procedure.statement_records import add_statement
from verifier.procedure.states import RULES, State, Step
from verifier.procedure.steps import discard_count, publish_count, return_count, take_step

_REAL: Final = """
                 drafter submitter decider withdrawer waiver confirmer closer reopener freezer approver payer stranger
draft            +       +         +       +          +      +         +      +        +       +        +     +
submit           +       +         +       +          +      +         +      +        +       +        +     +
return           +       +         +       +          +      +         +      +        +       +        +     +
discard          +       +         +       +          +      +         +      +        +       +        +     +
freeze           -       -         -       -          -      +         -      -        +       +        +     +
publish          +       +         +       +          +      +         +      +        +       +        +     +
object           +       +         +       +          +      +         +      +        +       +        +     +
resolve          +       +         +       +          +      +         +      +        +       +        +     +
propose_override -       -         -       -          -      +         -      -        +       +        +     +
withdraw_override +      +         +       +          +      +         +      +        +       +        +     +
override         -       -         -       -          -      +         -      -        +       +        +     +
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
discard          +       +         +       +          +      +         +      +        +       +        +     +
freeze           +       -         +       +          +      +         +      +        +       +        +     +
publish          +       +         +       +          +      +         +      +        +       +        +     +
object           +       +         +       +          +      +         +      +        +       +        +     +
resolve          +       +         +       +          +      +         +      +        +       +        +     +
propose_override +       -         +       +          +      +         +      +        +       +        +     +
withdraw_override +      +         +       +          +      +         +      +        +       +        +     +
override         +       -         +       +          +      +         +      +        +       +        +     +
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
    "discard": State.IN_REVIEW,
    "freeze": State.IN_REVIEW,
    "publish": State.FROZEN,
    "object": State.PUBLISHED,
    "resolve": State.PUBLISHED,
    "propose_override": State.PUBLISHED,
    "withdraw_override": State.PUBLISHED,
    "override": State.PUBLISHED,
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
    found: dict[Cell, set[bool]] = {}
    for step in (Step(each) for each in _WHERE if each in set(Step)):
        with connect(counts(strictness, _WHERE[step.value])) as connection:
            deeds = read_deeds(connection, _only_count(connection))
        for person in PEOPLE:
            for spelling in (person, person.upper(), f" {person} ", f"user:{person}"):
                may = barring_deed(step, spelling, deeds, strictness) is None
                found.setdefault((strictness, step.value, person), set()).add(may)
    assert found == {cell: {may} for cell, may in _EXPECTED.items() if cell in found}


def _only_count(connection: psycopg.Connection) -> CountRecord:
    return find_count(connection, 2026, 1)


# --- The procedure on a database ------------------------------------------------------------------


def _submitted(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    """What submitting writes last; whether the draft is fresh is the same for everybody."""
    columns = {"submitted_at": act.at, "submitted_by": act.name}
    take_step(connection, record, Step.SUBMIT, act, columns=columns)


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
    publish_count(
        connection, record, act, trusted=TRUSTED, key=KEY, notice_days=5, holidays=HOLIDAYS
    )


def _objected(connection: psycopg.Connection, record: CountRecord, act: Act) -> int:
    return record_objection(
        connection, record, act, trusted=TRUSTED, key=KEY, name="群众", statement="已停产"
    )


def _resolved(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    number = _objected(connection, record, act_of("somebody", act.at))
    resolve_objection(
        connection,
        record,
        number,
        act,
        trusted=TRUSTED,
        key=KEY,
        outcome="dismissed",
        resolution="无误",
    )


def _upheld(connection: psycopg.Connection, record: CountRecord, at: datetime) -> int:
    number = _objected(connection, record, act_of("somebody", at))
    resolve_objection(
        connection,
        record,
        number,
        act_of("somebody", at),
        trusted=TRUSTED,
        key=KEY,
        outcome="upheld",
        resolution="属实",
    )
    return number


def _override_proposed(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    number = _upheld(connection, record, act.at)
    propose_override(connection, record, number, act, trusted=TRUSTED, key=KEY, reason="不影响结果")


def _override_withdrawn(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    """Proposed before whoever it was had another part in the count, which bars proposing only."""
    number = _upheld(connection, record, act.at)
    values = {"objection": number, "by": act.name, "at": act.at, "count": record.id}
    connection.execute("SET LOCAL session_replication_role = replica")
    connection.execute(
        "INSERT INTO objection_overrides (objection_id, reason, proposed_by, proposed_at)"
        " VALUES (%(objection)s, 'x', %(by)s, %(at)s)",
        values,
    )
    connection.execute(
        "INSERT INTO count_steps (count_id, step, state, taken_by, taken_at)"
        " VALUES (%(count)s, 'propose_override', 'published', %(by)s, %(at)s)",
        values,
    )
    connection.execute("SET LOCAL session_replication_role = origin")
    says = {"objection": number, "reason": "x"}
    add_statement(
        connection, record, Step.PROPOSE_OVERRIDE, act, key=KEY, trusted=TRUSTED, says=says
    )
    withdraw_override(connection, record, number, act, trusted=TRUSTED, key=KEY, reason="另查")


def _overridden(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    number, proposer = _upheld(connection, record, act.at), act_of("somebody", act.at)
    propose_override(
        connection, record, number, proposer, trusted=TRUSTED, key=KEY, reason="不影响结果"
    )
    confirm_override(connection, record, number, act, trusted=TRUSTED, key=KEY)


def _paid(connection: psycopg.Connection, record: CountRecord, act: Act) -> None:
    record_payment(
        connection,
        record,
        COUNTED[1],
        act,
        trusted=TRUSTED,
        key=KEY,
        reference="国库-2",
        paid_on=date(2027, 6, 1),
    )


def _decided(connection: psycopg.Connection, _record: CountRecord, act: Act) -> None:
    record_decision(
        connection, "hold", "alpha", uscc_of(1), reason="x", decided_by=act.name, policy=POLICY
    )


_TAKE: Final[dict[str, Callable[[psycopg.Connection, CountRecord, Act], object]]] = {
    "draft": lambda connection, record, act: take_step(connection, record, Step.DRAFT, act),
    "submit": _submitted,
    "return": lambda connection, record, act: return_count(connection, record, act, reason="x"),
    "discard": lambda connection, record, act: discard_count(connection, record, act, reason="x"),
    "freeze": _frozen,
    "publish": _published,
    "object": _objected,
    "resolve": _resolved,
    "approve_payment": lambda connection, record, act: approve_payment(
        connection, record, act, TRUSTED, key=KEY
    ),
    "propose_override": _override_proposed,
    "withdraw_override": _override_withdrawn,
    "override": _overridden,
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
        record = _only_count(connection)
        for person in PEOPLE:
            refusal = _refusal_of_step(connection, step, record, person)
            connection.rollback()
            may = _EXPECTED[strictness, step, person]
            assert (refusal is None) is may, (person, refusal)
            if step in {"freeze", "approve_payment", "pay"} and refusal is not None:
                assert _without_today(refusal) == _REFUSED[person]


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


# --- The API and the console ----------------------------------------------------------------------

_PROGRAM: Final = "key"


class Desks:
    """The console on a database, and everybody's session."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: dict[str, str]) -> None:
        """Nobody is signed in yet."""
        self._client, self._url, self._key = client, url, key
        self._sessions: dict[str, dict[str, str]] = {}

    async def ask(self, who: str, method: str, path: str, body: object = None) -> httpx.Response:
        """What a person is answered in English, or a program with an administrator's key."""
        headers = self._key if who == _PROGRAM else await self._session(who)
        headers = {"accept-language": "en", **headers}
        return await self._client.request(method, path, headers=headers, json=body)

    async def send(self, who: str, path: str, **fields: object) -> httpx.Response:
        """What the console answers to a form."""
        session = await self._session(who)
        values = {**fields, "form_token": session["x-form-token"]}
        return await self._client.post(path, headers={"cookie": session["cookie"]}, data=values)

    async def take(self, who: str, step: str, content_sha256: str = "") -> httpx.Response:
        """What the API answers to a step."""
        path, body = _requests(content_sha256)[step]
        return await self.ask(who, "POST", f"/api/v1/counts/{path}", body)

    async def _session(self, who: str) -> dict[str, str]:
        if who not in self._sessions:
            with connect(self._url) as connection:
                cookie = {"cookie": f"jieru_session={session_of(connection, who)}"}
            page = await self._client.get("/counts", headers=cookie)
            self._sessions[who] = {**cookie, "x-form-token": form_token_of(page)}
        return self._sessions[who]


@asynccontextmanager
async def _desks(server: DatabaseServer, template: str, key_file: Path) -> AsyncIterator[Desks]:
    """The console on a copy of a database; all who did something are verifiers."""
    with server.database(template=template) as url:
        with connect(url) as connection:
            for person in PEOPLE:
                add_person(connection, person, Role.VERIFIER)
            for role in Role:
                platform = "alpha" if role is Role.OPERATOR else None
                add_person(connection, f"an-{role}", role, platform=platform)
            key = bearer(connection, Role.ADMIN)
        with open_pool(url, size=4) as pool:
            settings = Settings(signing_key_file=str(write_key(key_file)))
            clock = Clock(lambda: _NOW, lambda: _NOW)
            app = create_app(settings, pool, as_of=lambda: AS_OF, year=2026, clock=clock)
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://jieru.test"
            ) as client:
                yield Desks(client, url, key)


@pytest.mark.parametrize("strictness", Strictness)
@pytest.mark.parametrize("step", ["freeze", "approve_payment", "pay"])
async def test_the_console_offers_a_step_to_whom_the_table_lets(
    embedded_server: DatabaseServer,
    counts: Counts,
    strictness: Strictness,
    step: str,
    tmp_path: Path,
) -> None:
    """Everybody else is told what they did, and is refused; then the stranger takes it."""
    template = counts(strictness, _WHERE[step])
    async with _desks(embedded_server, template, tmp_path / "key.pem") as desks:
        content_sha256 = ""
        for person in PEOPLE:
            detail = (await desks.ask(person, "GET", "/api/v1/counts/2026/procedure")).json()
            content_sha256 = detail["content_sha256"]
            (offer,) = (each for each in detail["offers"] if each["step"] == step)
            page = html.unescape((await desks.ask(person, "GET", "/counts/2026")).text)
            form = html.unescape((await desks.ask(person, "GET", f"/counts/2026/{step}")).text)
            link = f'href="/counts/2026/{step}'
            if _EXPECTED[strictness, step, person]:
                assert (offer["is_open"], offer["is_for_another"]) == (True, False), person
                assert offer["for_another_because"] is None
                assert link in page
                assert f'action="/counts/2026/{step}"' in form
                continue
            assert (offer["is_open"], offer["is_for_another"]) == (False, True), person
            assert _without_today(offer["for_another_because"]) == _REFUSED[person]
            assert link not in page
            assert f'action="/counts/2026/{step}"' not in form
            on_page = _REFUSED[person]
            if person == "submitter":
                on_page = "You submitted this count: another person must check it."
            assert on_page in _without_today(page)
            assert on_page in _without_today(form)
            refused = await desks.take(person, step, content_sha256)
            assert refused.status_code == 409
            assert _without_today(refused.json()["detail"]) == _REFUSED[person]
        taken = await desks.take("stranger", step, content_sha256)
        assert taken.status_code == 200, taken.text


@pytest.mark.parametrize("state", sorted({*_WHERE.values()}))
async def test_roles_without_a_part_in_the_procedure_take_no_step(
    embedded_server: DatabaseServer, counts: Counts, state: State, tmp_path: Path
) -> None:
    """Nor does a program, whatever its key; the bodies are such that nothing is done."""
    template = counts(Strictness.SEVERAL_PEOPLE, state)
    expected = _cells(_ROLES)
    async with _desks(embedded_server, template, tmp_path / "key.pem") as desks:
        for step in (each for each, where in _WHERE.items() if where is state):
            if step in {"freeze", "approve_payment", "pay", "confirm"}:
                roles = [Role.OPERATOR, Role.AUDITOR, _PROGRAM]  # the others would take it
            else:
                roles = [*Role, _PROGRAM]
            for role in roles:
                who = role if role == _PROGRAM else f"an-{role}"
                answer = await desks.take(who, step)
                may = answer.status_code != 403
                assert may is expected["every", str(role)], (step, role, answer.text)


async def test_a_waiver_is_confirmed_by_another_person_over_the_api(
    embedded_server: DatabaseServer, counts: Counts, tmp_path: Path
) -> None:
    """By an administrator too, and once."""
    template = counts(Strictness.SEVERAL_PEOPLE, State.IN_REVIEW)
    async with _desks(embedded_server, template, tmp_path / "key.pem") as desks:
        refused = await desks.take("waiver", "confirm")
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "waiver made decision 4: another person must confirm it.",
        )
        assert (await desks.take("an-admin", "confirm")).json() == {"id": WAITING}
        again = await desks.take("stranger", "confirm")
        assert again.json()["detail"] == "an-admin confirmed decision 4 already."


def _requests(content_sha256: str) -> dict[str, tuple[str, dict[str, object] | None]]:
    """How each step is asked for; those that need no body of sense have none."""
    return {
        "draft": ("2026/draft", {"as_of": "never"}),
        "submit": ("2026/submit", {"content_sha256": "0" * 64}),
        "return": ("2026/return", {"reason": " "}),
        "discard": ("2026/discard", {"reason": " "}),
        "freeze": ("2026/freeze", {"content_sha256": content_sha256}),
        "publish": ("2026/publish", {"last_day_shown": "2000-01-01"}),
        "object": ("2026/objections", {"name": " ", "statement": "x"}),
        "resolve": ("2026/objections/99/resolve", {"outcome": "dismissed", "resolution": "x"}),
        "propose_override": ("2026/objections/99/override", {"reason": "x"}),
        "withdraw_override": ("2026/objections/99/override/withdraw", {"reason": "x"}),
        "override": ("2026/objections/99/override/confirm", None),
        "approve_payment": ("2026/approve-payment", None),
        "pay": (
            "2026/payments",
            {"platform": COUNTED[1], "reference": "国库-2", "paid_on": "2027-06-01"},
        ),
        "decide": ("decisions", {"kind": "hold", "reason": " "}),
        "confirm": (f"decisions/{WAITING}/confirm", None),
        "withdraw": ("decisions/99/withdraw", {"reason": "x"}),
        "close": ("2026/closings", {"reason": " "}),
        "reopen": ("closings/99/withdraw", {"reason": "x"}),
    }


async def test_the_console_leads_to_the_second_person(
    embedded_server: DatabaseServer, counts: Counts, tmp_path: Path
) -> None:
    """Review and enterprise list what waits; whoever granted it is offered no confirmation."""
    template = counts(Strictness.SEVERAL_PEOPLE, State.IN_REVIEW)
    async with _desks(embedded_server, template, tmp_path / "key.pem") as desks:
        waiver = {
            "kind": "waive",
            "platform": "alpha",
            "uscc": uscc_of(3),
            "reason": "单台大型设备",
            "criterion": "active_devices_min",
            "value": 1,
        }
        number = (await desks.ask("waiver", "POST", "/api/v1/counts/decisions", waiver)).json()[
            "id"
        ]
        link = f"act=confirm&number={number}"
        case = f"/counts/2026/alpha/{uscc_of(3)}"
        for path, said in (("/counts/2026/review", "Waits for a second person"), (case, "waits")):
            for person in ("waiver", "stranger"):
                page = html.unescape((await desks.ask(person, "GET", path)).text)
                assert said in page
                assert (link in page) is (person == "stranger"), (person, path)
        (item,) = (
            each
            for each in (await desks.ask("an-auditor", "GET", "/api/v1/counts/2026/review")).json()[
                "items"
            ]
            if each["kind"] == "waiting"
        )
        assert (item["decision_id"], item["decided_by"]) == (number, "waiver")
        sent = await desks.send("stranger", "/counts/2026/decision?act=confirm", number=number)
        assert sent.status_code == 303
        page = html.unescape((await desks.ask("waiver", "GET", case)).text)
        assert "in force; confirmed by stranger on" in page
        explained = (await desks.ask("waiver", "GET", f"/api/v1{case}")).json()
        assert explained["decisions"][-1]["confirmed_by"] == "stranger"
