"""Reports of a count that was really made: what one part writes, the other reads."""

from datetime import UTC, date, datetime
from functools import partial
from itertools import product

import psycopg
import pytest

from jieru.i18n import LANGUAGES
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.debian_packages import ensure_debian_packages
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from tests.support.signed_counts import signed_file
from verifier.counting.decisions import confirm_decision, record_decision, withdraw_decision
from verifier.policy import load_policy
from verifier.procedure.closings import close_pending
from verifier.procedure.computing import compute_document
from verifier.procedure.document import Freezing, Identity
from verifier.reports import KINDS, SignedCount, make_report, read_signed_count

_POLICY = load_policy("putian-2026")
_PENDING = [day for day in WORKED_EXAMPLE if day >= date(2026, 5, 1)]


@pytest.fixture
def signed(database: psycopg.Connection, registry: RegistryBuilder) -> SignedCount:
    """Counted, excluded, closed, out of scope and counted twice, as a signed file has them."""
    ensure_debian_packages("fonts-noto-cjk")
    alpha = registry.platform("alpha", operator_uscc=uscc_of(90))
    beta = registry.platform("beta", level="national", recognised_on=date(2026, 2, 1))
    registry.platform("gamma", level=None)
    counted = registry.served_enterprise(1, alpha, WORKED_EXAMPLE)
    registry.served_enterprise(2, alpha, WORKED_EXAMPLE, devices=2)
    registry.served_enterprise(3, alpha, _PENDING)
    registry.served_enterprise(4, beta, WORKED_EXAMPLE, district="other")
    registry.served_enterprise(5, beta, WORKED_EXAMPLE)
    registry.connection(beta, counted)
    for place in range(3):
        device_id = registry.device(beta, f"x{place}", counted)
        registry.presence(device_id, WORKED_EXAMPLE)
    decide = partial(
        record_decision, database, reason="现场核查", decided_by="林核查", policy=_POLICY
    )
    waived = decide("waive", alpha, uscc_of(2), waiver=("active_devices_min", 2))
    confirm_decision(database, waived, confirmed_by="郑审核")
    decide("exclude", beta, uscc_of(5))
    held = decide("hold", alpha, counted)
    withdraw_decision(database, held, reason="已核实", withdrawn_by="林核查")
    close_pending(database, 2026, alpha, uscc_of(3), reason="申报截止", by="陈复核")
    database.commit()
    document = compute_document(
        database,
        2026,
        as_of=date(2026, 7, 1),
        policy=_POLICY,
        identity=Identity(2026, 2, "2026-1"),
        freezing=Freezing(datetime(2026, 7, 6, 1, 2, 3, 456, tzinfo=UTC), "陈复核", "0.1.0"),
    ).document
    return read_signed_count(signed_file(document))


def test_a_document_of_the_procedure_is_read_with_nothing_left_out(signed: SignedCount) -> None:
    """Every outcome, decision and closing is there."""
    alpha, beta, gamma = signed.document.platforms
    assert [each.outcome.value for each in alpha.enterprises] == ["counted", "counted", "pending"]
    assert {each.outcome.value for each in beta.enterprises} == {
        "counted",
        "excluded",
        "out_of_scope",
    }
    assert gamma.enterprises == []
    pending = alpha.enterprises[2]
    assert pending.closing is not None
    assert pending.closing.reason == "申报截止"
    assert [each.kind for each in alpha.enterprises[0].decisions] == ["hold"]
    assert [overlap.uscc for overlap in signed.document.overlaps] == [uscc_of(1)]
    assert [line.clause for line in beta.lines] == ["1.1", "1.2"]


def test_every_report_can_be_made_of_it(signed: SignedCount) -> None:
    """In both languages, and twice with the same bytes."""
    for kind, language in product(KINDS, LANGUAGES):
        first, second = (
            make_report(signed, kind, language, platform="alpha", uscc=uscc_of(2))
            for _time in range(2)
        )
        assert first.content
        assert first == second
