"""The review of a draft: what was decided since, and what was looked at and stays."""

from datetime import date
from typing import Final

import psycopg
import pytest

from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import POLICY, drafted, frozen, submitted
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.counting.registry import DecisionKind
from verifier.procedure.closings import close_pending, withdraw_closing
from verifier.procedure.decided_since import decided_since
from verifier.procedure.overview import ReviewItem, review_queue
from verifier.procedure.records import CountRecord

BOTH: Final = uscc_of(1)
"""It counts on alpha and on beta."""
ONCE: Final = uscc_of(2)
PENDING: Final = uscc_of(3)
_PENDING_AS_OF: Final = date(2026, 5, 1)


@pytest.fixture(autouse=True)
def _city(database: psycopg.Connection, registry: RegistryBuilder) -> None:
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    registry.platform("beta")
    registry.connection("beta", BOTH, date(2026, 1, 1))
    for serial in ("x", "y", "z"):
        registry.presence(registry.device("beta", serial, BOTH), WORKED_EXAMPLE)
    registry.served_enterprise(2, "beta", WORKED_EXAMPLE)
    database.commit()


def _decide(
    connection: psycopg.Connection, kind: DecisionKind, platform: str, uscc: str = BOTH
) -> int:
    waiver = ("active_devices_min", 1) if kind == "waive" else None
    return record_decision(
        connection,
        kind,
        platform,
        uscc,
        reason="走访",
        decided_by="zheng",
        policy=POLICY,
        waiver=waiver,
    )


def _confirmed(connection: psycopg.Connection, number: int) -> None:
    confirm_decision(connection, number, confirmed_by="wu")


def _opened_on(connection: psycopg.Connection, record: CountRecord, day: date) -> None:
    """Decisions are made at the database's time, the counts of these tests in May 2027."""
    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE counts SET opened_at = %s WHERE id = %s", (day, record.id))
    connection.execute("SET session_replication_role = origin")


def _of_kind(connection: psycopg.Connection, record: CountRecord, kind: str) -> list[ReviewItem]:
    found = review_queue(connection, record, date(2027, 5, 6))
    return [each for each in found if each.kind == kind]


@pytest.mark.parametrize("is_submitted", [False, True])
def test_a_decision_is_in_the_review_the_moment_it_is_made(
    database: psycopg.Connection, *, is_submitted: bool
) -> None:
    """Next to what the draft says, until it is drafted again (finding U2)."""
    record = submitted(database) if is_submitted else drafted(database)
    assert _of_kind(database, record, "decided") == []
    number = _decide(database, "exclude", "beta", ONCE)
    _confirmed(database, _decide(database, "waive", "beta", ONCE))
    (item,) = _of_kind(database, record, "decided")
    assert (item.platforms, item.uscc) == (("beta",), ONCE)
    exclusion, waiver = item.since
    assert (exclusion.number, exclusion.kind, exclusion.by) == (number, "exclude", "zheng")
    assert (exclusion.outcome, exclusion.reason, exclusion.is_withdrawn) == (
        "counted",
        "走访",
        False,
    )
    assert (waiver.criterion, waiver.value) == ("active_devices_min", 1)


def test_what_the_draft_knows_is_not_shown_as_decided_since(database: psycopg.Connection) -> None:
    """Its withdrawal is, and after the next draft no more."""
    number = _decide(database, "exclude", "beta", ONCE)
    record = drafted(database)
    assert decided_since(database, record) == []
    withdraw_decision(database, number, reason="属实", withdrawn_by="wu")
    (withdrawal,) = decided_since(database, record)
    assert (withdrawal.is_withdrawn, withdrawal.by, withdrawal.reason) == (True, "wu", "属实")
    assert withdrawal.outcome == "excluded"
    assert decided_since(database, drafted(database)) == []


def test_a_waiver_is_in_the_review_once_it_is_confirmed(database: psycopg.Connection) -> None:
    """Made before the draft or after it; until then it waits, and is listed as that."""
    record = drafted(database)
    early = _decide(database, "waive", "beta", ONCE)
    assert decided_since(database, record) == []
    assert [each.decision_id for each in _of_kind(database, record, "waiting")] == [early]
    record = drafted(database)
    assert decided_since(database, record) == []
    _confirmed(database, early)
    assert [each.number for each in decided_since(database, record)] == [early]
    assert _of_kind(database, record, "waiting") == []
    record = drafted(database)
    assert decided_since(database, record) == []
    withdraw_decision(database, early, reason="属实", withdrawn_by="wu")
    (withdrawal,) = decided_since(database, record)
    assert withdrawal.is_withdrawn


def test_a_closing_is_in_the_review_the_moment_it_is_made(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """And its withdrawal; one made and withdrawn since the draft is nothing."""
    heard = [day for day in WORKED_EXAMPLE if day <= _PENDING_AS_OF]
    registry.served_enterprise(3, "alpha", heard)
    record = drafted(database, as_of=_PENDING_AS_OF)
    number = close_pending(database, 2026, "alpha", PENDING, reason="停产", by="wu")
    close_pending(database, 2027, "alpha", PENDING, reason="停产", by="wu")
    pending = {each.uscc: each for each in _of_kind(database, record, "pending")}
    (closing,) = pending[PENDING].since
    assert (closing.kind, closing.number, closing.by) == ("close", number, "wu")
    record = drafted(database, as_of=_PENDING_AS_OF)
    assert decided_since(database, record) == []
    withdraw_closing(database, number, reason="复产", by="wu")
    (withdrawal,) = decided_since(database, record)
    assert withdrawal.is_withdrawn
    record = drafted(database, as_of=_PENDING_AS_OF)
    number = close_pending(database, 2026, "alpha", PENDING, reason="停产", by="wu")
    withdraw_closing(database, number, reason="误", by="wu")
    assert decided_since(database, record) == []


def test_a_frozen_count_has_nothing_decided_since(database: psycopg.Connection) -> None:
    """What comes then is a correction's."""
    record = frozen(database)
    _decide(database, "exclude", "beta", ONCE)
    assert decided_since(database, record) == []


def test_an_overlap_is_settled_when_it_was_seen_and_stays_on_each_platform(
    database: psycopg.Connection,
) -> None:
    """By whom and why; a withdrawal opens it again. No draft becomes stale of it."""
    record = drafted(database)
    _opened_on(database, record, date(2026, 1, 1))
    (overlap,) = _of_kind(database, record, "overlap")
    assert (overlap.platforms, overlap.kept, overlap.is_settled) == (("alpha", "beta"), (), False)
    _decide(database, "keep", "alpha")
    (overlap,) = _of_kind(database, record, "overlap")
    assert ([each.platform for each in overlap.kept], overlap.is_settled) == (["alpha"], False)
    number = _decide(database, "keep", "beta")
    (overlap,) = _of_kind(database, record, "overlap")
    assert overlap.is_settled
    assert [(each.by, each.reason) for each in overlap.kept] == [("zheng", "走访")] * 2
    assert _of_kind(database, record, "decided") == []
    assert drafted(database).content_sha256 == record.content_sha256
    withdraw_decision(database, number, reason="另查", withdrawn_by="wu")
    (overlap,) = _of_kind(database, record, "overlap")
    assert not overlap.is_settled


def test_a_further_platform_opens_a_settled_overlap_again(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """What was seen were two, and they are three now."""
    _opened_on(database, drafted(database), date(2026, 1, 1))
    for platform in ("alpha", "beta"):
        _decide(database, "keep", platform)
    registry.platform("gamma")
    registry.connection("gamma", BOTH, date(2026, 1, 1))
    for serial in ("u", "v", "w"):
        registry.presence(registry.device("gamma", serial, BOTH), WORKED_EXAMPLE)
    (overlap,) = _of_kind(database, drafted(database), "overlap")
    assert (overlap.platforms, overlap.is_settled) == (("alpha", "beta", "gamma"), False)


def test_what_was_kept_before_a_years_count_was_opened_settles_nothing_in_it(
    database: psycopg.Connection,
) -> None:
    """Another year is other evidence: it is looked at again, and noted again."""
    for platform in ("alpha", "beta"):
        _decide(database, "keep", platform)
    with pytest.raises(UserError, match="已有相同裁定"):
        _decide(database, "keep", "alpha")
    record = drafted(database)
    (overlap,) = _of_kind(database, record, "overlap")
    assert (overlap.kept, overlap.is_settled) == ((), False)
    for platform in ("alpha", "beta"):
        _decide(database, "keep", platform)
