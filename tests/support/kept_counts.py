"""Counts of the small city that are kept: one of each kind of state worth looking at."""

from datetime import date
from typing import Final

import psycopg

from jieru.audit import changing
from tests.support.procedure import CHECKER, KEY, MAKER, POLICY, TRUSTED, published, submitted
from tests.support.registry_files import uscc_of
from tests.support.small_city import AS_OF, COUNTED_ON_XIELIAN, HELD
from verifier.counting.decisions import record_decision, withdraw_decision
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import freeze_count
from verifier.procedure.objections import record_objection, resolve_objection
from verifier.procedure.submitting import submit_count

__all__ = ["keep_counts"]

_HOLD_ID: Final = 1
_EARLIER_AS_OF: Final = date(2026, 6, 30)


def keep_counts(connection: psycopg.Connection) -> None:
    """A frozen count of 2025, a published one of 2026 with objections, its correction in review.

    The correction has a hold, a pending enterprise and one that fell away.
    """
    connection.commit()
    earlier = draft_count(connection, MAKER, 2025, as_of=_EARLIER_AS_OF, policy=POLICY)
    earlier = submit_count(connection, earlier, MAKER)
    with changing(connection, MAKER.actor):
        withdraw_decision(connection, _HOLD_ID, reason="核查无误", withdrawn_by="zheng")
    freeze_count(connection, earlier, CHECKER, KEY, trusted=TRUSTED)
    record = freeze_count(connection, submitted(connection), CHECKER, KEY, trusted=TRUSTED)
    record = published(connection, record)
    with changing(connection, MAKER.actor):
        first = record_objection(
            connection,
            record,
            MAKER,
            name="某某机械有限公司",
            statement="本公司设备未计入",
            trusted=TRUSTED,
            key=KEY,
        )
        record_objection(
            connection,
            record,
            MAKER,
            name="群众来电",
            statement="第1鞋厂已停产",
            trusted=TRUSTED,
            key=KEY,
        )
        resolve_objection(
            connection,
            record,
            first,
            CHECKER,
            outcome="dismissed",
            resolution="核查无误",
            trusted=TRUSTED,
            key=KEY,
        )
        for kind, number in (("hold", HELD), ("exclude", COUNTED_ON_XIELIAN)):
            record_decision(
                connection,
                kind,  # type: ignore[arg-type]
                "xielian",
                uscc_of(number),
                reason="举报待核",
                decided_by="zheng",
                policy=POLICY,
                attachment="莆工信核〔2027〕3 号",
            )
    submitted(connection, as_of=AS_OF, reason="举报第17鞋厂不实")
