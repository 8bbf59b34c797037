"""What processes say of themselves when they start: version, policy, settings without secrets."""

import socket
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.settings import Settings
from jieru.shown_settings import shown_settings

__all__ = ["ToldProcess", "read_processes", "tell_process"]

_TELL: Final = """
    INSERT INTO processes (kind, name, host, version, policy, policy_sha256, settings, started_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, now())
    ON CONFLICT (kind, name, host) DO UPDATE
    SET version = EXCLUDED.version, policy = EXCLUDED.policy,
        policy_sha256 = EXCLUDED.policy_sha256, settings = EXCLUDED.settings,
        started_at = EXCLUDED.started_at
"""
_SELECT: Final = """
    SELECT kind, name, host, version, policy, policy_sha256, settings, started_at
    FROM processes ORDER BY kind, name, host
"""
_LONGEST: Final = 128

_log = structlog.get_logger()


class ToldProcess(NamedTuple):
    """One process, as it said at its last start."""

    kind: str
    """Of its command."""
    name: str
    """Of an ingester; else empty."""
    host: str
    version: str
    policy: str
    policy_sha256: str
    """Empty: it reads none."""
    settings: Mapping[str, str]
    started_at: datetime


def tell_process(kind: str, settings: Settings, *, name: str = "", policy_sha256: str = "") -> None:
    """Say what this process is; a database that does not take it keeps nobody from working."""
    row = (
        kind,
        name[:_LONGEST],
        socket.gethostname()[:_LONGEST],
        version("jieru"),
        settings.policy[:200],
        policy_sha256,
        Jsonb(dict(shown_settings(settings))),
    )
    try:
        with connect(settings.require_database_url(), autocommit=True) as connection:
            connection.execute(_TELL, row)
    except (psycopg.Error, UserError, WorldError) as error:
        _log.warning("process_not_told", error=" ".join(str(error).split()))


def read_processes(connection: psycopg.Connection) -> list[ToldProcess]:
    """What each process said at its last start, by kind."""
    with connection.cursor(row_factory=class_row(ToldProcess)) as cursor:
        return cursor.execute(_SELECT).fetchall()
