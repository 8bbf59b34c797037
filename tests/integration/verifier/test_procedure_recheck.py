"""Recheck: a frozen count against today's data, each difference with its cause."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

import verifier.counting.determination
import verifier.procedure.recheck
from jieru.database import connect
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import AS_OF, POLICY, frozen
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.decisions import record_decision
from verifier.policy import Policy, load_policy
from verifier.procedure.causes import Cause, Difference
from verifier.procedure.closings import close_pending
from verifier.procedure.comparison import PlatformChange
from verifier.procedure.recheck import Recheck, recheck_count
from verifier.procedure.records import standing_count

# An hour of a Sunday on which nothing else was heard.
_FLIP_A_BIT = """
    UPDATE presence SET hours = set_bit(hours, 96, 1 - get_bit(hours, 96))
    WHERE device_id = 1 AND month = '2026-04-01'
"""


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated TimescaleDB."""
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def uscc(database: psycopg.Connection, registry: RegistryBuilder) -> str:
    """An enterprise that counts on alpha; one that was never heard is connected too."""
    counted = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    registry.served_enterprise(2, "alpha", [])
    frozen(database)
    return counted


def _recheck(database: psycopg.Connection, policy: Policy = POLICY) -> Recheck:
    record = standing_count(database, 2026)
    assert record is not None
    database.commit()
    return recheck_count(database, record, policy)


def _only(recheck: Recheck) -> Difference:
    (difference,) = recheck.differences
    assert recheck.has_difference
    return difference


@pytest.mark.usefixtures("uscc")
def test_a_count_that_follows_from_the_data_shows_no_difference(
    database: psycopg.Connection,
) -> None:
    """Neither in its content nor in its signature."""
    recheck = _recheck(database)
    assert not recheck.has_difference
    assert recheck.to_json_object()["differences"] == []
    assert recheck.is_document_intact


def test_one_bit_of_presence_is_found_though_no_outcome_changes(
    database: psycopg.Connection, uscc: str
) -> None:
    """And the device whose presence it is."""
    database.execute(_FLIP_A_BIT)
    found = _only(_recheck(database))
    assert (found.platform, found.uscc, found.causes) == ("alpha", uscc, (Cause.PRESENCE,))
    assert (found.outcome_before, found.outcome_after) == ("counted", "counted")
    assert found.devices == ("m1-0",)
    assert found.keys == ("devices", "presence_sha256")


@pytest.mark.parametrize("bit", [0, 5 * 24 - 1])
@pytest.mark.usefixtures("uscc")
def test_a_bit_of_the_last_day_of_evidence_is_found(
    database: psycopg.Connection, registry: RegistryBuilder, bit: int
) -> None:
    """2027-04-05 is the fifth day of its month."""
    registry.presence(1, [date(2027, 4, bit // 24 + 1)], [bit % 24])
    assert _only(_recheck(database)).causes == (Cause.PRESENCE,)


@pytest.mark.usefixtures("uscc")
def test_what_is_heard_after_the_last_day_of_evidence_is_no_difference(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Neither later in its month nor in the next, nor what came too late."""
    registry.presence(1, [date(2027, 4, 6), date(2027, 5, 1)], range(24))
    registry.presence(1, [AS_OF], range(24), is_late=True)
    assert not _recheck(database).has_difference


@pytest.mark.usefixtures("uscc")
def test_presence_of_a_device_that_was_silent_is_found(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """And named, also where the enterprise does not count."""
    registry.presence(4, [date(2026, 8, 1)], [3])
    found = _only(_recheck(database))
    assert (found.causes, found.outcome_after) == ((Cause.PRESENCE,), "not_effective")
    assert found.devices == ("m2-0",)


def test_a_registry_that_changed_is_told_from_presence(
    database: psycopg.Connection, uscc: str
) -> None:
    """An assignment changes the case's digest of presence, but no device's."""
    database.execute("UPDATE assignments SET to_date = '2026-05-01' WHERE device_id = 1")
    found = _only(_recheck(database))
    assert (found.uscc, found.causes) == (uscc, (Cause.REGISTRY,))
    assert found.outcome_after == "not_effective"
    database.execute(_FLIP_A_BIT)
    database.execute("UPDATE assignments SET to_date = '2027-05-01' WHERE device_id = 1")
    assert _only(_recheck(database)).causes == (Cause.PRESENCE, Cause.REGISTRY)


def test_a_connection_that_came_or_went_is_a_change_of_the_registry(
    database: psycopg.Connection, registry: RegistryBuilder, uscc: str
) -> None:
    """An enterprise that is listed now was not listed then."""
    registry.served_enterprise(3, "alpha", WORKED_EXAMPLE)
    recheck = _recheck(database)
    found = _only(recheck)
    assert (found.causes, found.outcome_before, found.outcome_after) == (
        (Cause.REGISTRY,),
        None,
        "counted",
    )
    assert found.uscc != uscc
    assert recheck.platforms == (PlatformChange("alpha", "1.2", 1, 2, 10_000, 20_000),)


def test_a_decision_of_today_is_a_cause(database: psycopg.Connection, uscc: str) -> None:
    """It did not hold when the count was frozen."""
    record_decision(database, "exclude", "alpha", uscc, reason="x", decided_by="lin", policy=POLICY)
    found = _only(_recheck(database))
    assert (found.causes, found.outcome_after) == ((Cause.DECISION,), "excluded")


def test_a_session_in_another_time_zone_makes_no_difference(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Instants of decisions and closings stand in the document in UTC, whoever reads them."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    said = {"reason": "x", "decided_by": "lin", "policy": POLICY}
    record_decision(database, "exclude", "alpha", uscc, **said)  # type: ignore[arg-type]
    close_pending(database, 2026, "alpha", uscc, reason="x", by="lin")
    frozen(database)
    database.execute("SET timezone = 'Asia/Shanghai'")
    assert not _recheck(database).has_difference


def test_another_policy_is_a_cause_of_what_it_changes(
    database: psycopg.Connection, uscc: str, tmp_path: Path
) -> None:
    """One that changes nothing is named, and is no difference."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.source + "# another version\n", encoding="utf-8")
    recheck = _recheck(database, load_policy(str(file)))
    assert recheck.policy_before != recheck.policy_after
    assert not recheck.has_difference
    file.write_text(POLICY.source.replace("value: 60", "value: 79"), encoding="utf-8")
    found = _only(_recheck(database, load_policy(str(file))))
    assert (found.uscc, found.causes) == (uscc, (Cause.POLICY,))
    assert found.outcome_after == "not_effective"


def test_a_program_that_decides_otherwise_is_a_cause(
    database: psycopg.Connection, uscc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing changed that the determination rests on, and its name is another."""
    monkeypatch.setattr(verifier.counting.determination, "is_in_scope", lambda _results: False)
    monkeypatch.setattr(verifier.procedure.recheck, "code_version", lambda: "0.1.0+ffffffffffff")
    recheck = _recheck(database)
    assert {each.causes for each in recheck.differences} == {(Cause.CODE,)}
    assert uscc in {each.uscc for each in recheck.differences}


def test_a_program_of_the_same_name_is_no_cause(
    database: psycopg.Connection, uscc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where something else computes otherwise, a library for instance, that is not blamed on it."""
    monkeypatch.setattr(verifier.counting.determination, "is_in_scope", lambda _results: False)
    recheck = _recheck(database)
    assert recheck.code_before == recheck.code_after
    assert {each.causes for each in recheck.differences} == {(Cause.UNEXPLAINED,)}
    assert uscc in {each.uscc for each in recheck.differences}


def test_a_change_on_a_platform_that_the_count_does_not_list_is_a_cause(
    database: psycopg.Connection, registry: RegistryBuilder, tmp_path: Path
) -> None:
    """Once in the city: it counts on alpha until beta, left long ago, proves to be the earlier."""
    file = tmp_path / "policy.yaml"
    source = POLICY.source.replace("value: platform", "value: city")
    file.write_text(source.replace("value: 2026-01-01", "value: 2025-01-01"), encoding="utf-8")
    city = load_policy(str(file))
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    registry.connection(
        registry.platform("beta"), uscc, from_date=date(2025, 1, 1), to_date=date(2026, 1, 1)
    )
    devices = [registry.device("beta", serial, uscc) for serial in ("x", "y", "z")]
    frozen(database, policy=city)
    for device in devices:
        registry.presence(device, [day.replace(year=2025) for day in WORKED_EXAMPLE])
    recheck = _recheck(database, city)
    assert recheck.code_before == recheck.code_after
    found = _only(recheck)
    assert (found.platform, found.causes) == ("alpha", (Cause.OTHER_PLATFORM,))
    assert found.outcome_after == "counted_elsewhere"


def test_a_change_on_another_platform_is_a_cause(
    database: psycopg.Connection, registry: RegistryBuilder, tmp_path: Path
) -> None:
    """Once in the city: it counts on beta when it no longer counts on alpha."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.source.replace("value: platform", "value: city"), encoding="utf-8")
    city = load_policy(str(file))
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    registry.connection(registry.platform("beta"), uscc)
    for serial in ("x", "y", "z"):
        registry.presence(registry.device("beta", serial, uscc), WORKED_EXAMPLE)
    frozen(database, policy=city)
    record_decision(database, "exclude", "alpha", uscc, reason="x", decided_by="l", policy=city)
    assert [
        (each.platform, each.causes, each.outcome_after)
        for each in _recheck(database, city).differences
    ] == [("alpha", (Cause.DECISION,), "excluded"), ("beta", (Cause.OTHER_PLATFORM,), "counted")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE count_determinations SET entry = jsonb_set(entry, '{district}', '\"xiuyu\"')",
        "UPDATE count_documents SET policy_source = policy_source || ' '",
        "UPDATE counts SET signature = set_byte(signature, 0, 255 - get_byte(signature, 0))",
        "UPDATE counts SET digest = repeat('0', 64)",
    ],
)
@pytest.mark.usefixtures("uscc")
def test_a_frozen_count_that_was_tampered_with_is_found(
    database: psycopg.Connection, statement: str
) -> None:
    """By whoever switches the database's own guards off."""
    database.execute("SET session_replication_role = replica")
    database.execute(statement.encode())
    recheck = _recheck(database)
    assert not recheck.is_document_intact
    assert recheck.has_difference
    assert {each.causes for each in recheck.differences} <= {(Cause.DOCUMENT,)}
