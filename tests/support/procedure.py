"""Three people and the steps they take, for tests of the annual count as a procedure."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jieru.audit import Actor, changing
from tests.support.heard import vouch_for_evidence
from verifier.counting.award import AwardLine
from verifier.policy import Policy, load_policy
from verifier.procedure.canonical import canonical_bytes, sha256_of
from verifier.procedure.code_version import code_version
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import freeze_count
from verifier.procedure.holidays import load_holidays
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, read_document, store_content
from verifier.procedure.signing import SigningKey
from verifier.procedure.states import Step
from verifier.procedure.steps import publish_count, take_step
from verifier.procedure.submitting import submit_count
from verifier.procedure.trusted_keys import TrustedKeys

__all__ = [
    "APPROVER",
    "AS_OF",
    "CHECKER",
    "HOLIDAYS",
    "HOLIDAYS_OF_2027",
    "KEY",
    "MAKER",
    "PAYER",
    "POLICY",
    "TRUSTED",
    "drafted",
    "frozen",
    "frozen_with_award",
    "later",
    "payable",
    "published",
    "submitted",
    "write_key",
]

HOLIDAYS: Final = load_holidays()
"""As they come with Jieru: nothing is known of 2027."""
HOLIDAYS_OF_2027: Final = """\
years:
  2027:
    notices:
      - title: 国务院办公厅关于2027年部分节假日安排的通知
        number: 国办发明电〔2026〕99号
        issued_on: 2026-11-05
    days_off: [2027-05-01, 2027-05-02, 2027-05-03, 2027-05-04, 2027-05-05]
    worked_weekends: [2027-05-08]
"""
"""An installation's own file, made up: five working days after Thursday 6 May end on the 12th."""
POLICY: Final = load_policy("putian-2026")
AS_OF: Final = date(2027, 4, 5)
"""Every window of 2026 can be complete by then."""
_PRIVATE_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY: Final = SigningKey(_PRIVATE_KEY)
TRUSTED: Final = TrustedKeys(own_key=KEY.public_key)

_MAY: Final = datetime(2027, 5, 6, 1, tzinfo=UTC)


def write_key(path: Path) -> Path:
    """The file of that key, for an installation that signs with it and so trusts it."""
    path.write_bytes(_PRIVATE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def _act(name: str, at: datetime = _MAY) -> Act:
    return Act(Actor(f"user:{name}", "127.0.0.1"), name, at)


MAKER: Final = _act("lin")
CHECKER: Final = _act("chen")
APPROVER: Final = _act("chen", datetime(2027, 5, 21, 1, tzinfo=UTC))
PAYER: Final = replace(_act("zhao"), at=APPROVER.at)


def drafted(
    connection: psycopg.Connection,
    *,
    as_of: date = AS_OF,
    policy: Policy = POLICY,
    reason: str | None = None,
    maker: Act = MAKER,
) -> CountRecord:
    """The count of 2026, drafted; with a reason, in June, after all that was done before."""
    connection.commit()
    return draft_count(
        connection,
        _acting(connection, maker, reason),
        2026,
        as_of=as_of,
        policy=policy,
        reason=reason,
    )


def submitted(
    connection: psycopg.Connection,
    *,
    as_of: date = AS_OF,
    policy: Policy = POLICY,
    reason: str | None = None,
    maker: Act = MAKER,
) -> CountRecord:
    """The count of 2026, in review."""
    record = drafted(connection, as_of=as_of, policy=policy, reason=reason, maker=maker)
    vouch_for_evidence(connection)
    return submit_count(connection, record, _after(record, maker, reason))


def later(connection: psycopg.Connection, act: Act) -> Act:
    """An act ten days after all that was done with counts before."""
    row = connection.execute("SELECT max(taken_at) FROM count_steps").fetchone()
    assert row is not None
    connection.commit()
    return replace(act, at=row[0] + timedelta(days=10))


def _after(record: CountRecord, act: Act, reason: str | None) -> Act:
    """On the day of the draft, where that is a correction."""
    return (
        act if reason is None or record.drafted_at is None else replace(act, at=record.drafted_at)
    )


def _acting(connection: psycopg.Connection, act: Act, reason: str | None) -> Act:
    return act if reason is None else later(connection, act)


def frozen(
    connection: psycopg.Connection, *, policy: Policy = POLICY, reason: str | None = None
) -> CountRecord:
    """The count of 2026, frozen."""
    record = submitted(connection, policy=policy, reason=reason)
    return freeze_count(connection, record, _after(record, CHECKER, reason), KEY, trusted=TRUSTED)


def frozen_with_award(
    connection: psycopg.Connection, platform: str, line: AwardLine
) -> CountRecord:
    """The count of 2026, frozen with an award of a clause that no rule of today computes."""
    record = submitted(connection)
    document = read_document(connection, record)
    for each in document["platforms"]:
        if each["platform"] == platform:
            each["lines"].append(asdict(line))
            each["award_yuan"] += line.amount_yuan
    document["total_yuan"] += line.amount_yuan
    document |= {
        "frozen_at": CHECKER.at.isoformat(),
        "frozen_by": CHECKER.name,
        "code_version": code_version(),
    }
    content = canonical_bytes(document)
    columns = {
        "frozen_at": CHECKER.at,
        "frozen_by": CHECKER.name,
        "code_version": document["code_version"],
        "digest": sha256_of(document),
        "signature": KEY.sign(content),
        "public_key": KEY.public_key,
    }
    with changing(connection, CHECKER.actor):
        store_content(connection, record.id, document)
        return take_step(connection, record, Step.FREEZE, CHECKER, columns=columns)


def published(connection: psycopg.Connection, record: CountRecord) -> CountRecord:
    """A frozen count, published on the day of its freezing."""
    assert record.frozen_at is not None
    with changing(connection, MAKER.actor):
        return publish_count(
            connection,
            record,
            replace(MAKER, at=record.frozen_at),
            notice_days=5,
            holidays=HOLIDAYS,
            notice_ends_on=record.frozen_at.date() + timedelta(days=14),
            trusted=TRUSTED,
            key=KEY,
        )


def payable(
    connection: psycopg.Connection, record: CountRecord, *paid_platforms: str
) -> CountRecord:
    """A frozen count, payable, with these platforms paid, all on the day after its notice."""
    record = published(connection, record)
    assert record.notice_ends_on is not None
    day = record.notice_ends_on + timedelta(days=1)
    at = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    approver, payer = replace(APPROVER, at=at), replace(PAYER, at=at)
    with changing(connection, approver.actor):
        record = approve_payment(connection, record, approver, trusted=TRUSTED, key=KEY)
    with changing(connection, payer.actor):
        for platform in paid_platforms:
            record = record_payment(
                connection,
                record,
                platform,
                payer,
                reference=f"国库 {platform}",
                paid_on=day,
                trusted=TRUSTED,
                key=KEY,
            )
    return record
