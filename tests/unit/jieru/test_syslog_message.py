"""Messages of syslog about entries."""

from datetime import datetime, timedelta, timezone

import pytest

from jieru.syslog.message import AccessRow, AuditRow, access_message, audit_message

AT = datetime(2026, 11, 25, 16, 20, 11, 123456, timezone(timedelta(hours=8)))
AUDIT = AuditRow(7, AT, "user:chen", "203.0.113.7", "change", "devices", 17, "9c" * 32)
ACCESS = AccessRow(8, AT, "export", "user:chen", "203.0.113.7", "/api/v1/devices.csv")


def test_an_entry_of_the_audit_is_one_message() -> None:
    """To the byte: header, structured data, text with its mark (RFC 5424, section 6)."""
    assert audit_message(AUDIT, "console", 99) == (
        b"<109>1 2026-11-25T08:20:11.123456Z console jieru 99 audit "
        b'[jieru@32473 number="7" actor="user:chen" origin="203.0.113.7" action="change" '
        b'recordKind="devices" recordId="17" hash="' + b"9c" * 32 + b'"] '
        b"\xef\xbb\xbfuser:chen change devices 17"
    )


@pytest.mark.parametrize(
    ("kind", "priority"),
    [("export", 86), ("sign_in", 86), ("sign_in_failed", 84), ("code_failed", 84)],
)
def test_a_failure_is_a_warning(kind: str, priority: int) -> None:
    """Of the facility of authentication, as every access is."""
    message = access_message(ACCESS._replace(kind=kind), "console", 99)
    assert message.startswith(f"<{priority}>1 ".encode())


def test_what_strangers_say_breaks_no_message() -> None:
    """Quotes, brackets, line ends, lone surrogates, and what is very long."""
    origin = '"]\\\n\r\0\ud800' + "x" * 10_000
    message = access_message(ACCESS._replace(origin=origin), "con sole\n\u6885", 99)
    assert b'origin="\\"\\]\\\\    ' in message
    assert b"\n" not in message
    assert b" console jieru " in message
    assert len(message) < 2_000
    message.decode("utf-8")
