"""An enterprise that was asked, with codes that tests know, and an opening stock that waits."""

from datetime import timedelta
from typing import Final

import psycopg

from jieru.audit import Actor, changing
from registry.contacts import NewContact, enter_contact
from registry.spoken_codes import code_digest
from verifier.counting.opening_stocks import accept_opening_stock, withdraw_opening_stock

__all__ = ["CHALLENGE_CODE", "QUESTION_CODE", "ask_enterprise", "keep_opening_stocks"]

QUESTION_CODE: Final = "Q0Q1Q2Q3Q4Q5Q6Q7Q8Q9"
CHALLENGE_CODE: Final = "C0C1C2C3C4C5C6C7C8C9"
_BUREAU: Final = Actor("user:lin", "127.0.0.1")
_CONTACT: Final = NewContact(
    "林秋生（设备科）",
    email="shebei@factory.example",
    telephone="0594-2690001",
    postal_address="莆田市荔城区工业路 8 号",
)
_ASK: Final = """
    INSERT INTO confirmations (connection_id, contact_id, sent_by, contract_no, from_date,
                               token_sha256, asked_by, asked_at, expires_at)
    SELECT connections.id, %(contact)s, 'email', contract_no, from_date, %(digest)s, 'user:lin',
           now() - interval '2 days', now() + %(good)s
    FROM connections JOIN enterprises ON enterprises.id = enterprise_id
    WHERE uscc = %(uscc)s ORDER BY connections.id LIMIT 1
"""
_CHALLENGE: Final = """
    INSERT INTO challenges (connection_id, device_id, contact_id, token_sha256, issued_by,
                            issued_at, ends_at)
    SELECT connections.id, min(device_id), %(contact)s, %(digest)s, 'command:challenge',
           now() - %(ago)s::interval, now() - %(ago)s::interval + interval '1 hour'
    FROM connections
    JOIN enterprises ON enterprises.id = connections.enterprise_id
    JOIN assignments ON assignments.enterprise_id = enterprises.id
    WHERE uscc = %(uscc)s GROUP BY connections.id ORDER BY connections.id LIMIT 1
"""
_JUDGE: Final = """
    UPDATE challenges SET result = 'seen', ground = 'gap', judged_at = now(),
                          acknowledged_at = issued_at + interval '6 minutes',
                          acknowledged_from = '198.51.100.7'
    WHERE token_sha256 = %s
"""


def ask_enterprise(connection: psycopg.Connection, uscc: str) -> None:
    """Enter its contact, ask of its connection, challenge it twice; committed."""
    long_ago = code_digest("a challenge of last week")
    with changing(connection, _BUREAU):
        contact = enter_contact(connection, uscc, _CONTACT, by=_BUREAU.name)
        said = {"uscc": uscc, "contact": contact}
        good = timedelta(days=28)
        connection.execute(_ASK, {**said, "digest": code_digest(QUESTION_CODE), "good": good})
        connection.execute(_CHALLENGE, {**said, "digest": long_ago, "ago": "7 days"})
        connection.execute(_JUDGE, (long_ago,))
        digest = code_digest(CHALLENGE_CODE)
        connection.execute(_CHALLENGE, {**said, "digest": digest, "ago": "5 minutes"})
    connection.commit()


def keep_opening_stocks(connection: psycopg.Connection) -> None:
    """One that was withdrawn and one that stands; committed."""
    ((today,),) = connection.execute("SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date")
    with changing(connection, _BUREAU):
        wrong = accept_opening_stock(
            connection,
            "guolian",
            today - timedelta(days=40),
            reason="国联平台存量登记",
            decided_by="lin",
        )
        withdraw_opening_stock(connection, wrong, reason="登记日期有误，另行认可", by="chen")
        accept_opening_stock(
            connection,
            None,
            today - timedelta(days=30),
            reason="市工信局第 12 次办公会纪要：系统启用前的登记整体认可",
            decided_by="lin",
            attachment="莆工信〔2026〕88 号",
        )
    connection.commit()
