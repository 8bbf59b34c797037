"""Whoever has the database changes rows of a frozen count: no step is taken by them, and it shows.

Each forgery is made as the database's superuser, past all triggers, as nobody could prevent it.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
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
    payable,
    published,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.decisions import record_decision
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.freezing import freeze_count
from verifier.procedure.objections import record_objection
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, count_by_id, read_document
from verifier.procedure.signing import SigningKey
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
