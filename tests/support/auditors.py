"""The role of auditors, logged in as, and a database in which everything secret is marked."""

from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from jieru.auditor.fence import ROLE

__all__ = ["AUDITOR_PASSWORD", "SECRET", "auditor_address", "plant_secrets"]

AUDITOR_PASSWORD: Final = "sieht-nur-was-er-darf"  # noqa: S105 - of test databases
SECRET: Final = "geheim"  # noqa: S105 - a word
"""What every value contains that no auditor may read."""

_STATEMENTS: Final = """
    INSERT INTO platforms (code, name) VALUES ('alpha', '平台');
    INSERT INTO enterprises (uscc, name, district)
    VALUES ('91350302MA0TAL2M8N', '鞋厂', 'licheng');
    INSERT INTO connections (platform_id, enterprise_id, from_date) VALUES (1, 1, '2026-01-01');
    INSERT INTO devices (platform_id, serial) VALUES (1, 'CNC-01');
    INSERT INTO assignments (device_id, enterprise_id, from_date) VALUES (1, 1, '2026-01-01');
    INSERT INTO presence (device_id, month, hours) VALUES (1, '2026-03-01', ~0::bit(744));
    INSERT INTO device_states VALUES (1, now(), 'running');
    INSERT INTO heartbeats (device_id, time, received_at, metrics)
    VALUES (1, now(), now(), '{"geheim": 1}');
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes) VALUES
        (now(), 'unknown_device', 'jieru/v1/alpha/x/heartbeat', convert_to('geheim', 'UTF8'), 6),
        (now(), 'bad_topic', 'elsewhere', convert_to('geheim', 'UTF8'), 6);
    INSERT INTO users (name, display_name, role, password_hash, oidc_subject)
    VALUES ('lin', 'geheim', 'verifier', 'geheim', 'geheim');
    UPDATE users SET display_name = 'geheim 2', password_hash = 'geheim 2';
    INSERT INTO sessions (token_hash, user_id, created_at, last_used_at, expires_at, origin,
                          user_agent)
    VALUES (convert_to(rpad('geheim', 32), 'UTF8'), 1, now(), now(), now(), 'geheim', 'geheim');
    INSERT INTO sign_in_failures VALUES ('user:geheim', 1, now());
    INSERT INTO api_keys (key_id, secret_hash, name, role, created_by, expires_at)
    VALUES ('geheim00', convert_to(rpad('geheim', 32), 'UTF8'), 'geheim', 'auditor', 'lin', now());
    INSERT INTO api_key_uses VALUES (1, now(), 'geheim');
    INSERT INTO credentials (platform_id, username, salt, password_hash)
    VALUES (1, 'geheim', 'geheim000000', convert_to(rpad('geheim', 64), 'UTF8'));
    INSERT INTO imports (kind, file_name, sha256, size_bytes, uploaded_by, outcome, content,
                         errors, failed_rows)
    VALUES ('devices', 'geheim', sha256('x'), 1, 'lin', 'checked', convert_to('geheim', 'UTF8'),
            convert_to('geheim', 'UTF8'), convert_to('geheim', 'UTF8'));
    INSERT INTO counts (year, revision, opened_by) VALUES (2026, 1, 'lin');
    INSERT INTO objections (count_id, name, statement, recorded_by, recorded_at)
    VALUES (1, 'geheim', 'geheim', 'lin', now());
    SELECT lo_from_bytea(0, convert_to('geheim', 'UTF8'));
"""


def auditor_address(database_url: str) -> str:
    """The address of a database for whoever logs in as the auditors' role."""
    return make_conninfo(database_url, user=ROLE, password=AUDITOR_PASSWORD)


def plant_secrets(connection: psycopg.Connection) -> None:
    """Put a row into every table that holds something no auditor may read."""
    connection.execute(_STATEMENTS)
