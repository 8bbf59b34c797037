"""Messages of syslog (RFC 5424) about entries of audit and access log. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, NamedTuple

__all__ = ["AccessRow", "AuditRow", "access_message", "audit_message"]

_APPLICATION: Final = "jieru"
_DATA_ID: Final = "jieru@32473"
"""Structured data of ours: the enterprise number that RFC 5612 keeps for documents."""
_BOM: Final = b"\xef\xbb\xbf"
"""Says that the text is UTF-8 (RFC 5424, 6.4)."""
_LONGEST_VALUE: Final = 500
_LONGEST_HOST: Final = 255
_TO_ESCAPE: Final = re.compile(r'(["\\\]])')
_NO_HOST: Final = re.compile(r"[^\x21-\x7e]")
_FAILURES: Final = frozenset({"sign_in_failed", "code_failed"})


class _Facility(IntEnum):
    AUTHENTICATION = 10
    AUDIT = 13


class _Severity(IntEnum):
    WARNING = 4
    NOTICE = 5
    INFO = 6


class AuditRow(NamedTuple):
    """What is said of an entry of the audit: which it is, and by its hash what it holds."""

    number: int
    at: datetime
    actor: str
    origin: str
    action: str
    record_kind: str
    record_id: int
    hash: str
    """Of this entry and all before it: a copy that nobody at the database can change."""


class AccessRow(NamedTuple):
    """An entry of the access log."""

    number: int
    at: datetime
    kind: str
    actor: str | None
    origin: str
    record: str


def audit_message(row: AuditRow, host: str, process_id: int) -> bytes:
    """What is sent of an entry of the audit."""
    data = {
        "number": str(row.number),
        "actor": row.actor,
        "origin": row.origin,
        "action": row.action,
        "recordKind": row.record_kind,
        "recordId": str(row.record_id),
        "hash": row.hash,
    }
    text = f"{row.actor} {row.action} {row.record_kind} {row.record_id}"
    head = _head(_Facility.AUDIT, _Severity.NOTICE, row.at, host, process_id, "audit")
    return head + _structured(data) + _text(text)


def access_message(row: AccessRow, host: str, process_id: int) -> bytes:
    """What is sent of an entry of the access log."""
    actor = row.actor or "-"
    data = {
        "number": str(row.number),
        "kind": row.kind,
        "actor": actor,
        "origin": row.origin,
        "record": row.record,
    }
    severity = _Severity.WARNING if row.kind in _FAILURES else _Severity.INFO
    head = _head(_Facility.AUTHENTICATION, severity, row.at, host, process_id, "access")
    return head + _structured(data) + _text(f"{actor} {row.kind} {row.record}".rstrip())


def _head(
    facility: _Facility,
    severity: _Severity,
    at: datetime,
    host: str,
    process_id: int,
    message_id: str,
) -> bytes:
    instant = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    name = _NO_HOST.sub("", host)[:_LONGEST_HOST] or "-"
    priority = facility * 8 + severity
    head = f"<{priority}>1 {instant} {name} {_APPLICATION} {process_id} {message_id} "
    return head.encode("ascii")


def _structured(data: Mapping[str, str]) -> bytes:
    pairs = "".join(f' {name}="{_value(value)}"' for name, value in data.items())
    return f"[{_DATA_ID}{pairs}]".encode()


def _value(text: str) -> str:
    """Escaped, and on one line for whoever reads lines."""
    return _TO_ESCAPE.sub(r"\\\1", _line(text))


def _text(text: str) -> bytes:
    return b" " + _BOM + _line(text).encode()


def _line(text: str) -> str:
    shown = "".join(each if each.isprintable() else " " for each in text[:_LONGEST_VALUE])
    return shown.encode(errors="replace").decode()
