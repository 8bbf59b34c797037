"""Whoever has the database changes rows of a frozen count: no step is taken by them, and it shows.

Each forgery is made as the database's superuser, past all triggers, as nobody could prevent it.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.types.json import Jsonb

from jieru.audit import Actor, changing
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import (
    CHECKER,
    HOLIDAYS,
    KEY,
    MAKER,
    POLICY,
    TRUSTED,
    frozen,
    frozen_with_award,
    payable,
    published,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.award import AwardLine
from verifier.counting.decisions import record_decision
from verifier.policy import load_policy
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.freezing import freeze_count
from verifier.procedure.objections import record_objection
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, count_by_id, read_document
from verifier.procedure.signing import SigningKey
from verifier.procedure.statement_records import list_statements
from verifier.procedure.statements import said_by
from verifier.procedure.steps import publish_count
from verifier.procedure.trusted_keys import NOBODY, TrustedKey, TrustedKeys
from verifier.procedure.verifying import faults

_AFTER_NOTICE: Final = Act(
    Actor("user:chen", "127.0.0.1"), "chen", datetime(2027, 5, 21, 1, tzinfo=UTC)
)
_OTHER: Final = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))

Forgery = Callable[[psycopg.Connection, CountRecord], None]


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A database with a platform that earns 10,000 yuan in 2026."""
    with connect(database_url) as connection:
        registry = RegistryBuilder(connection)
        registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
        connection.commit()
        yield connection


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _past_all_triggers(connection: psycopg.Connection, statement: str, *values: object) -> None:
    connection.execute("SET session_replication_role = replica")
    assert connection.execute(statement.encode(), values).rowcount > 0
    connection.execute("SET session_replication_role = origin")


def _more_money(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "UPDATE count_documents SET head = jsonb_set(jsonb_set(head,"
        " '{platforms,0,lines,0,amount_yuan}', '150000'), '{platforms,0,award_yuan}', '150000')"
        " WHERE count_id = %s",
        record.id,
    )


def _another_digest(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET digest = repeat('a', 64) WHERE id = %s", record.id
    )


def _another_signature(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET signature = %s WHERE id = %s", bytes(64), record.id
    )


def _another_key(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET public_key = %s WHERE id = %s", _OTHER.public_key, record.id
    )


def _all_of_it_by_another_key(connection: psycopg.Connection, record: CountRecord) -> None:
    _more_money(connection, record)
    content = canonical_bytes(read_document(connection, record))
    _past_all_triggers(
        connection,
        "UPDATE counts SET digest = %s, signature = %s, public_key = %s WHERE id = %s",
        sha256_of(json.loads(content)),
        _OTHER.sign(content),
        _OTHER.public_key,
        record.id,
    )


def _one_enterprise_otherwise(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "UPDATE count_determinations SET entry = jsonb_set(entry, '{connected_on}', %s)"
        " WHERE count_id = %s",
        Jsonb("2026-03-01"),
        record.id,
    )


def _an_enterprise_of_no_platform(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "INSERT INTO count_determinations (count_id, platform, entry)"
        " SELECT count_id, 'zeta', entry FROM count_determinations WHERE count_id = %s",
        record.id,
    )


def _another_policy(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "UPDATE count_documents SET policy_source = replace(policy_source, '10000', '20000')"
        " WHERE count_id = %s",
        record.id,
    )


def _another_year(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(connection, "UPDATE counts SET year = 2025 WHERE id = %s", record.id)


def _another_revision(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET revision = 7, supersedes_id = id WHERE id = %s", record.id
    )


def _frozen_by_another(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET frozen_by = 'mallory' WHERE id = %s", record.id
    )


def _another_end_of_evidence(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET as_of = '2027-01-01' WHERE id = %s", record.id
    )


_FORGERIES: Final[dict[str, tuple[Forgery, str]]] = {
    "more money": (_more_money, "neither its digest nor its signature fits"),
    "digest": (_another_digest, "is not that of what was signed"),
    "signature": (_another_signature, "does not fit what the database holds"),
    "key": (_another_key, "does not fit what the database holds"),
    "all, signed anew": (_all_of_it_by_another_key, "by a key that nobody vouches for"),
    "an enterprise": (_one_enterprise_otherwise, "neither its digest nor its signature fits"),
    "an enterprise more": (_an_enterprise_of_no_platform, "that were not frozen with it"),
    "policy": (_another_policy, "neither its digest nor its signature fits"),
    "year": (_another_year, "its year is 2025; what was signed says 2026"),
    "revision": (_another_revision, "its revision is 7; what was signed says 1"),
    "who froze it": (_frozen_by_another, "its frozen_by is mallory; what was signed says chen"),
    "evidence": (_another_end_of_evidence, "its as_of is 2027-01-01"),
}


def _publish(connection: psycopg.Connection, record: CountRecord) -> None:
    publish_count(
        connection, record, CHECKER, trusted=TRUSTED, notice_days=5, holidays=HOLIDAYS, key=KEY
    )


def _object(connection: psycopg.Connection, record: CountRecord) -> None:
    record_objection(
        connection, record, CHECKER, trusted=TRUSTED, name="协联", statement="漏计一家", key=KEY
    )


def _approve(connection: psycopg.Connection, record: CountRecord) -> None:
    approve_payment(connection, record, _AFTER_NOTICE, TRUSTED, key=KEY)


def _pay(connection: psycopg.Connection, record: CountRecord) -> None:
    record_payment(
        connection,
        record,
        "alpha",
        _AFTER_NOTICE,
        trusted=TRUSTED,
        reference="国库-1",
        paid_on=date(2027, 5, 21),
        key=KEY,
    )


Preparation = Callable[[psycopg.Connection, CountRecord], CountRecord]

_STEPS: Final[dict[str, tuple[Preparation, Forgery]]] = {
    "publish": (lambda _connection, record: record, _publish),
    "object": (published, _object),
    "approve": (published, _approve),
    "pay": (payable, _pay),
}


@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.parametrize("forgery", _FORGERIES)
def test_no_step_is_taken_by_what_was_changed(
    database: psycopg.Connection, forgery: str, step: str
) -> None:
    """Publishing, an objection, approval, payment: each refuses, and says what differs."""
    (forge, said), (prepare, take) = _FORGERIES[forgery], _STEPS[step]
    record = prepare(database, frozen(database))
    assert faults(database, record, TRUSTED) == []
    forge(database, record)
    forged = count_by_id(database, record.id)
    with pytest.raises(UserError) as refused, changing(database, CHECKER.actor):
        take(database, forged)
    assert said in str(refused.value)
    assert said in " ".join(map(str, faults(database, forged, TRUSTED)))


def _earlier_end_of_notice(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET notice_ends_on = '2027-05-07' WHERE id = %s", record.id
    )


def _published_by_another(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE counts SET published_by = 'mallory' WHERE id = %s", record.id
    )


def _published_earlier(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "UPDATE counts SET published_at = published_at - interval '1 day' WHERE id = %s",
        record.id,
    )


def _fewer_days_of_notice(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(connection, "UPDATE counts SET notice_days = 1 WHERE id = %s", record.id)


def _no_statements(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(connection, "DELETE FROM count_statements WHERE count_id = %s", record.id)


def _no_first_statement(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "DELETE FROM count_statements WHERE count_id = %s AND number = 1", record.id
    )


def _no_last_statement(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "DELETE FROM count_statements WHERE count_id = %s AND number ="
        " (SELECT max(number) FROM count_statements)",
        record.id,
    )


def _no_statement_between(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "DELETE FROM count_statements WHERE count_id = %s AND number = 2", record.id
    )


def _statements_in_another_order(connection: psycopg.Connection, record: CountRecord) -> None:
    for before, after in ((1, 99), (2, 1), (99, 2)):
        _past_all_triggers(
            connection,
            "UPDATE count_statements SET number = %s WHERE count_id = %s AND number = %s",
            after,
            record.id,
            before,
        )


def _another_text(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "UPDATE count_statements SET content = replace(content, '2027-05-20', '2027-05-07')"
        " WHERE count_id = %s AND number = 1",
        record.id,
    )


def _another_text_by_another_key(connection: psycopg.Connection, record: CountRecord) -> None:
    """A forger with a key of his own rewrites the whole chain, and the row with it."""
    _earlier_end_of_notice(connection, record)
    _another_text(connection, record)
    previous = None
    for number, content in connection.execute(
        "SELECT number, content FROM count_statements WHERE count_id = %s ORDER BY number",
        (record.id,),
    ).fetchall():
        forged = canonical_bytes({**json.loads(content), "previous": previous})
        previous = hashlib.sha256(forged).hexdigest()
        _past_all_triggers(
            connection,
            "UPDATE count_statements SET content = %s, signature = %s, public_key = %s"
            " WHERE count_id = %s AND number = %s",
            forged.decode(),
            _OTHER.sign(forged),
            _OTHER.public_key,
            record.id,
            number,
        )


def _no_objection(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(connection, "DELETE FROM objections WHERE count_id = %s", record.id)


def _dismissed_by_nobody(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "UPDATE objections SET outcome = 'dismissed', resolution = '不成立', resolved_by = 'chen',"
        " resolved_at = recorded_at WHERE count_id = %s",
        record.id,
    )


def _another_objection(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "UPDATE objections SET statement = '无' WHERE count_id = %s", record.id
    )


def _no_step(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection, "DELETE FROM count_steps WHERE count_id = %s AND step = 'publish'", record.id
    )


def _approved_by_nobody(connection: psycopg.Connection, record: CountRecord) -> None:
    _past_all_triggers(
        connection,
        "UPDATE counts SET state = 'payable', payable_at = '2027-05-21 01:00+00',"
        " payable_by = 'chen' WHERE id = %s",
        record.id,
    )


_AFTER_PUBLICATION: Final[dict[str, tuple[Forgery, str]]] = {
    "end of the notice": (
        _earlier_end_of_notice,
        "publish, that its notice_ends_on is 2027-05-07; what was signed says 2027-05-20",
    ),
    "who published it": (_published_by_another, "its by is mallory; what was signed says lin"),
    "when": (_published_earlier, "publish, that its at is 2027-05-05"),
    "days": (_fewer_days_of_notice, "its notice_days is 1; what was signed says 5"),
    "no statements": (_no_statements, "The database says of 2026-1: publish; and nothing"),
    "no first statement": (_no_first_statement, "are no chain at number 1"),
    "no last statement": (_no_last_statement, "says of 2026-1: object 1; and nothing"),
    "another order": (_statements_in_another_order, "are no chain at number 1"),
    "another text": (_another_text, "Statement 1 of 2026-1 is not what was signed"),
    "another key": (_another_text_by_another_key, "is signed by a key that nobody vouches for"),
    "no objection": (_no_objection, "What was signed says of 2026-1: object 1"),
    "a resolution": (_dismissed_by_nobody, "says of 2026-1: resolve 1; and nothing"),
    "another objection": (_another_objection, "its text is 无; what was signed says 漏计一家"),
    "no step": (_no_step, "What was signed says of 2026-1: publish (lin, 2027-05-06"),
    "approval": (_approved_by_nobody, "says of 2026-1: approve_payment; and nothing"),
}


@pytest.mark.parametrize("forgery", _AFTER_PUBLICATION)
def test_what_was_done_with_a_published_count_is_not_rewritten(
    database: psycopg.Connection, forgery: str
) -> None:
    """Notice, objections, steps, their signed statements: the next step refuses and names it."""
    forge, said = _AFTER_PUBLICATION[forgery]
    record = published(database, frozen(database))
    with changing(database, CHECKER.actor):
        _object(database, record)
    assert faults(database, count_by_id(database, record.id), TRUSTED) == []
    forge(database, record)
    forged = count_by_id(database, record.id)
    step = _pay if forged.state == "payable" else _object
    with pytest.raises(UserError) as refused, changing(database, CHECKER.actor):
        step(database, forged)
    assert said in str(refused.value)


def _sql(statement: str) -> Forgery:
    return lambda connection, record: _past_all_triggers(connection, statement, record.id)


_OF_PAYMENTS: Final[dict[str, tuple[Forgery, str]]] = {
    "less": (
        _sql("UPDATE count_payments SET amount_yuan = 1 WHERE count_id = %s"),
        "pay alpha 1.2, that its amount_yuan is 1; what was signed says 10000",
    ),
    "reference": (
        _sql("UPDATE count_payments SET reference = '国库-9' WHERE count_id = %s"),
        "its reference is 国库-9; what was signed says 国库 alpha",
    ),
    "day": (
        _sql("UPDATE count_payments SET paid_on = '2027-05-22' WHERE count_id = %s"),
        "its paid_on is 2027-05-22; what was signed says 2027-05-21",
    ),
    "who recorded it": (
        _sql("UPDATE count_payments SET recorded_by = 'mallory' WHERE count_id = %s"),
        "its by is mallory; what was signed says zhao",
    ),
    "payee": (
        _sql(
            "UPDATE count_payments SET platform_id = (SELECT id FROM platforms WHERE code = 'beta')"
            " WHERE count_id = %s"
        ),
        "says of 2026-1: pay beta 1.2; and nothing that was signed says so",
    ),
    "clause": (
        _sql("UPDATE count_payments SET clause = '1.1' WHERE count_id = %s"),
        "What was signed says of 2026-1: pay alpha 1.2; and the database no longer does",
    ),
    "gone": (
        _sql("DELETE FROM count_payments WHERE count_id = %s"),
        "What was signed says of 2026-1: pay alpha 1.2; and the database no longer does",
    ),
    "one more": (
        _sql(
            "INSERT INTO count_payments (count_id, platform_id, clause, amount_yuan, paid_on,"
            " reference, recorded_by, recorded_at) SELECT %s, id, '1.2', 10000, '2027-05-21', '1',"
            " 'chen', now() FROM platforms WHERE code = 'beta'"
        ),
        "says of 2026-1: pay beta 1.2; and nothing that was signed says so",
    ),
    "gone with its statement": (
        _sql(
            "WITH gone AS (DELETE FROM count_payments WHERE count_id = %s RETURNING count_id)"
            " DELETE FROM count_statements s USING gone WHERE s.count_id = gone.count_id"
            " AND number = (SELECT max(number) FROM count_statements)"
        ),
        "says of 2026-1: pay (zhao, 2027-05-21",
    ),
    "who approved it": (
        _sql("UPDATE counts SET payable_by = 'mallory' WHERE id = %s"),
        "approve_payment, that its by is mallory; what was signed says chen",
    ),
    "the statement between": (_no_statement_between, "are no chain at number 2"),
    "paid to the end": (
        _sql("UPDATE counts SET state = 'paid' WHERE id = %s"),
        "The database says that 2026-1 is paid; by what was signed it is payable",
    ),
}


@pytest.fixture
def two_platforms(database: psycopg.Connection) -> psycopg.Connection:
    """That database, where a second platform, beta, earns as much."""
    registry = RegistryBuilder(database)
    registry.served_enterprise(2, registry.platform("beta"), WORKED_EXAMPLE)
    database.commit()
    return database


@pytest.mark.parametrize("forgery", _OF_PAYMENTS)
def test_a_payment_is_as_it_was_signed(two_platforms: psycopg.Connection, forgery: str) -> None:
    """Amount, payee, reference, day, person, or one less or more: the next payment is refused."""
    forge, said = _OF_PAYMENTS[forgery]
    record = payable(two_platforms, frozen(two_platforms), "alpha")
    assert record.state == "payable"
    assert faults(two_platforms, record, TRUSTED) == []
    forge(two_platforms, record)
    forged = count_by_id(two_platforms, record.id)
    found = " ".join(map(str, faults(two_platforms, forged, TRUSTED)))
    assert said in found
    with pytest.raises(UserError), changing(two_platforms, _AFTER_NOTICE.actor):
        record_payment(
            two_platforms,
            forged,
            "beta",
            _AFTER_NOTICE,
            trusted=TRUSTED,
            reference="国库-2",
            paid_on=date(2027, 5, 21),
            key=KEY,
        )


def test_statements_of_another_count_are_known_as_such(database: psycopg.Connection) -> None:
    """Genuine, and of a document that is not this one: also what was paid before a correction."""
    first = payable(database, frozen(database), "alpha")
    second = published(database, frozen(database, reason="复核"))
    assert faults(database, second, TRUSTED) == []
    _past_all_triggers(database, "DELETE FROM count_statements WHERE count_id = %s", second.id)
    _past_all_triggers(
        database,
        "INSERT INTO count_statements (count_id, number, content, signature, public_key)"
        " SELECT %s, number, content, signature, public_key FROM count_statements"
        " WHERE count_id = %s AND number = 1",
        second.id,
        first.id,
    )
    (found,) = faults(database, count_by_id(database, second.id), TRUSTED)
    assert "was made of 2026-1" in str(found)


def test_a_payment_under_a_count_that_was_corrected_is_not_rewritten(
    database: psycopg.Connection,
) -> None:
    """Less than was paid there would be due here: the correction takes no step either."""
    first = payable(database, frozen(database), "alpha")
    second = frozen(database, reason="复核")
    assert faults(database, second, TRUSTED) == []
    _past_all_triggers(
        database, "UPDATE count_payments SET amount_yuan = 1 WHERE count_id = %s", first.id
    )
    with pytest.raises(UserError, match="its amount_yuan is 1"), changing(database, CHECKER.actor):
        published(database, second)


def test_a_count_that_nothing_supersedes_is_not_put_aside(database: psycopg.Connection) -> None:
    """Superseded by nobody, and a new count that corrects nothing: it would be paid once more."""
    first = payable(database, frozen(database), "alpha")
    another = "INSERT INTO counts (year, revision, opened_by) VALUES (2026, 2, 'mallory')"
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute(another)
    _past_all_triggers(database, "UPDATE counts SET state = 'superseded' WHERE id = %s", first.id)
    (found,) = faults(database, count_by_id(database, first.id), TRUSTED)
    assert found.code == "state_changed"
    _past_all_triggers(database, another)
    second = frozen(database)
    assert second.supersedes_id is None
    (found,) = faults(database, second, TRUSTED)
    assert str(found).startswith("The database says that 2026-1 is superseded; by what was signed")
    with pytest.raises(UserError, match="2026-1 is superseded"), changing(database, CHECKER.actor):
        published(database, second)


def test_a_superseded_count_is_as_good_as_the_one_that_supersedes_it(
    database: psycopg.Connection,
) -> None:
    """Found the moment that one is gone; payments under each earlier one are looked at too."""
    first = payable(database, frozen(database), "alpha")
    second, third = frozen(database, reason="复核"), frozen(database, reason="再核")
    for each in (first, second, third):
        assert faults(database, count_by_id(database, each.id), TRUSTED) == []
    _past_all_triggers(database, "UPDATE count_payments SET reference = 'x'")
    assert "its reference is x" in str(faults(database, third, TRUSTED)[0])
    _past_all_triggers(database, "UPDATE count_payments SET reference = '国库 alpha'")
    assert faults(database, third, TRUSTED) == []
    _past_all_triggers(database, "UPDATE counts SET supersedes_id = NULL WHERE id = %s", third.id)
    (found,) = faults(database, count_by_id(database, second.id), TRUSTED)
    assert found.code == "state_changed"


def test_a_superseded_count_does_not_stand_again(database: psycopg.Connection) -> None:
    """Its state forged back to standing, as if nothing had corrected it: found on its own."""
    first = payable(database, frozen(database), "alpha")
    frozen(database, reason="复核")
    database.execute("DROP INDEX one_standing_count_per_year")
    _past_all_triggers(database, "UPDATE counts SET state = 'payable' WHERE id = %s", first.id)
    (found,) = faults(database, count_by_id(database, first.id), TRUSTED)
    assert str(found).startswith("The database says that 2026-1 is payable; by what was signed")


def test_a_count_that_was_frozen_before_steps_were_signed_stays_valid(
    database: psycopg.Connection,
) -> None:
    """Its document demands no statements; those of steps that follow are verified all the same."""
    record = frozen_with_award(database, "alpha", AwardLine("2.2", 1, 5_000, 5_000))
    assert "steps_are_signed" not in read_document(database, record)
    record = published(database, record)
    _no_statements(database, record)
    assert faults(database, record, TRUSTED) == []
    with changing(database, CHECKER.actor):
        _object(database, record)
    assert faults(database, record, TRUSTED) == []
    _another_objection(database, record)
    assert "what was signed says 漏计一家" in str(faults(database, record, TRUSTED)[0])


def test_nothing_is_signed_by_a_key_that_nobody_vouches_for(database: psycopg.Connection) -> None:
    """It would hinder every step that follows."""
    record = frozen(database)
    with pytest.raises(UserError, match="not among the trusted keys"):
        publish_count(
            database,
            record,
            CHECKER,
            trusted=TRUSTED,
            notice_days=5,
            holidays=HOLIDAYS,
            key=_OTHER,
        )


def test_rules_that_were_changed_underneath_freeze_nothing(
    database: psycopg.Connection, tmp_path: Path
) -> None:
    """Neither the file, which is not read again, nor the copy of it that is kept with the draft."""
    file = tmp_path / "rules.yaml"
    file.write_text(POLICY.source, encoding="utf-8")
    record = submitted(database, policy=load_policy(str(file)))
    file.write_text(POLICY.source.replace("10000", "20000"), encoding="utf-8")
    _another_policy(database, record)
    database.commit()
    with pytest.raises(UserError, match="return it"):
        freeze_count(database, record, CHECKER, KEY, TRUSTED)
    _past_all_triggers(
        database,
        "UPDATE count_documents SET policy_source = %s WHERE count_id = %s",
        POLICY.source,
        record.id,
    )
    database.commit()
    document = read_document(database, freeze_count(database, record, CHECKER, KEY, TRUSTED))
    assert (document["total_yuan"], document["policy_source"]) == (10_000, POLICY.source)


def test_two_counts_that_are_swapped_are_found(database: psycopg.Connection) -> None:
    """Each is genuine, and neither is what its row says; so is the document of another year."""
    first = frozen(database)
    second = frozen(database, reason="复核")
    for table, column in (("count_documents", "count_id"), ("count_determinations", "count_id")):
        for before, after in ((first.id, 99), (second.id, first.id), (99, second.id)):
            _past_all_triggers(
                database,
                f"UPDATE {table} SET {column} = %s WHERE {column} = %s",  # noqa: S608 - above
                after,
                before,
            )
    _past_all_triggers(
        database,
        "UPDATE counts c SET digest = o.digest, signature = o.signature FROM counts o"
        " WHERE o.id <> c.id AND c.year = %s",
        2026,
    )
    for record, other in ((first, "2026-2"), (second, "2026-1")):
        said = str(faults(database, count_by_id(database, record.id), TRUSTED)[0])
        assert f"its count_id is {record.count_id}; what was signed says {other}" in said


def test_a_payment_beyond_the_award_is_found(database: psycopg.Connection) -> None:
    """Whoever recorded it; nothing more is paid until it is explained."""
    record = payable(database, frozen(database), "alpha")
    assert faults(database, record, TRUSTED) == []
    _past_all_triggers(
        database, "UPDATE count_payments SET amount_yuan = 150000 WHERE count_id = %s", record.id
    )
    beyond, differs = faults(database, record, TRUSTED)
    assert differs.code == "statement_differs"
    assert str(beyond) == (
        "To alpha 150000 yuan are recorded as paid under clause 1.2, and 2026-1 awards 10000: "
        "find out which payment is wrong."
    )


def test_a_recovery_that_is_gone_is_seen_though_all_was_well_before(
    database: psycopg.Connection,
) -> None:
    """What is remembered is of the recoveries too: without one, more is paid than is awarded."""
    payable(database, frozen(database), "alpha")
    with changing(database, MAKER.actor):
        row = database.execute("SELECT uscc FROM enterprises").fetchone()
        assert row is not None
        record_decision(
            database, "exclude", "alpha", row[0], reason="虚假", decided_by="lin", policy=POLICY
        )
    corrected = frozen(database, reason="复核")
    assert faults(database, corrected, TRUSTED) == []
    _past_all_triggers(database, "DELETE FROM recoveries WHERE count_id = %s", corrected.id)
    found = faults(database, corrected, TRUSTED)
    assert [each.code for each in found] == ["paid_beyond", "recovery_changed"]
    assert "10000 yuan (removed" in str(found[1])


def test_what_nobody_vouches_for_is_neither_frozen_nor_believed(
    database: psycopg.Connection,
) -> None:
    """A key that is not listed signs nothing; one that is revoked goes on vouching for before."""
    record = submitted(database)
    with pytest.raises(UserError, match="not among the trusted keys"):
        freeze_count(database, record, CHECKER, KEY, NOBODY)
    record = freeze_count(database, record, CHECKER, KEY, TRUSTED)
    (unknown,) = faults(database, record, NOBODY)
    assert unknown.code == "key_unknown"
    listed = TrustedKey(
        name="局",
        key=base64.b64encode(KEY.public_key).decode(),
        valid_from=date(2027, 1, 1),
        revoked_on=date(2027, 5, 7),
    )
    assert faults(database, record, TrustedKeys((listed,))) == []


def test_what_was_verified_is_verified_again_once_it_was_written(
    database: psycopg.Connection,
) -> None:
    """The memory is of the rows' versions: a change by any way is seen at the next look."""
    record = frozen(database)
    assert faults(database, record, TRUSTED) == []
    assert faults(database, record, TRUSTED) == []
    _one_enterprise_otherwise(database, record)
    assert faults(database, record, TRUSTED)
    _past_all_triggers(
        database,
        "UPDATE count_determinations SET entry = jsonb_set(entry, '{connected_on}', %s)"
        " WHERE count_id = %s",
        Jsonb("2026-03-02"),
        record.id,
    )
    assert faults(database, record, TRUSTED) == []


_NO_STATEMENTS: Final = [
    "no JSON",
    "{",
    '{"at":"2027-02-30T01:00:00+00:00","by":"zhao","kind":"pay"}',
    '{"at":"yesterday","by":"zhao","kind":"pay"}',
    '{"at":"2027-05-30T01:00:00+00:00","by":7,"kind":"pay"}',
    '["at","2027-05-30T01:00:00+00:00"]',
]


def test_auditors_see_each_statement_and_which_none_can_read(
    database: psycopg.Connection,
) -> None:
    """One that was forged as no JSON is a row that says so, and hides none of the others."""
    record = payable(database, frozen(database), "alpha")
    shown = "SELECT number, step, taken_by, taken_at, is_readable FROM audit.count_statements"
    said = [said_by(each) for each in list_statements(database, record)]
    assert len(said) == 3
    assert database.execute(f"{shown} ORDER BY number".encode()).fetchall() == [
        (each.number, each.kind, each.by, each.at, True) for each in said
    ]
    for content in _NO_STATEMENTS:
        _past_all_triggers(
            database, "UPDATE count_statements SET content = %s WHERE number = 2", content
        )
        rows = database.execute(f"{shown} ORDER BY number".encode()).fetchall()
        assert [row[-1] for row in rows] == [True, False, True], content
