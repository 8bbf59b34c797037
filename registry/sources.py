"""Sources: how a platform declares the format of its messages, version by version, and ends it.

A version never changes, for messages were read by it: what is declared again under the same name is
the next one, and is in force from then on.
"""

from typing import Final, NamedTuple

import psycopg

from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.sources.formats import Format, compile_format, read_format, write_format
from jieru.sources.topics import SOURCE_NAME
from jieru.sparkplug.topics import SPARKPLUG_SOURCE
from jieru.wire import PLATFORM_CODE
from registry.changes import Outlived
from registry.refusals import (
    ConflictError,
    NotRegisteredError,
    WrongColumn,
    WrongColumnsError,
)

__all__ = ["FORMAT_LIMIT_BYTES", "SourceAddress", "declare_source", "end_source", "usable_format"]

FORMAT_LIMIT_BYTES: Final = 256 * 1024
"""Of a declared format, with the names of its devices."""
# Who declares waits for whoever declares another version, and hinders no registration of a device.
_LOCK_PLATFORM: Final = """
    SELECT id, ended_on FROM platforms
    WHERE code = %(platform)s AND (%(own)s::text IS NULL OR code = %(own)s)
    FOR NO KEY UPDATE
"""
_NEWEST: Final = """
    SELECT sources.id, version, sha256, ended_at IS NOT NULL
    FROM sources JOIN platforms ON platforms.id = platform_id
    WHERE platforms.code = %(platform)s AND sources.name = %(name)s
    ORDER BY version DESC LIMIT 1
"""
_INSERT: Final = """
    INSERT INTO sources (platform_id, name, version, format, sha256, declared_by)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
_END: Final = "UPDATE sources SET ended_by = %s, ended_at = now() WHERE id = %s"


class SourceAddress(NamedTuple):
    """How a source is named: its platform's code and its own name there."""

    platform: str
    name: str


def usable_format(content: bytes, *, takes_receipt_time: bool = False) -> tuple[str, Format]:
    """A declared format in its canonical form, and what reads messages by it.

    Args:
        content: the format, in JSON.
        takes_receipt_time: whether the policy allows rows without a time of their own.

    Raises:
        UserError: it cannot be read, contradicts itself, or takes what no message can tell.
    """
    if len(content) > FORMAT_LIMIT_BYTES:
        raise UserError(
            _("The format has {bytes} bytes; it may have {limit}."),
            bytes=f"{len(content):,}",
            limit=f"{FORMAT_LIMIT_BYTES:,}",
        )
    declared = read_format(content)
    compiled = compile_format(declared)
    if compiled.takes_receipt and not takes_receipt_time:
        raise UserError(
            _(
                "The policy does not take the time of receipt for that of a heartbeat, since a "
                "message may have waited: say where the time stands."
            )
        )
    text = write_format(declared).decode()
    if "\0" in text or "\\u0000" in text:
        raise UserError(_("The format may not hold the character U+0000."))
    return text, compiled


def declare_source(
    connection: psycopg.Connection,
    address: SourceAddress,
    content: bytes,
    *,
    declared_by: str,
    own_platform: str | None = None,
    takes_receipt_time: bool = False,
) -> int:
    """Declare a source, or its next version; the number of the version.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        address: of the source.
        content: the format, in JSON.
        declared_by: who says so.
        own_platform: the code of an operator's only platform.
        takes_receipt_time: whether the policy allows rows without a time of their own.

    Raises:
        WrongColumnsError: something of it is wrong.
        ConflictError: the version in force says the same, or the platform has an end.
    """
    wrong: list[WrongColumn] = []
    text, sha256 = "", ""
    if not SOURCE_NAME.fullmatch(address.name):
        reason = UserError(
            _(
                "{name} is no name of a source: 2 to 32 of a-z, 0-9 and hyphens, and not in, own, "
                "via or heartbeat."
            ),
            name=address.name,
        )
        wrong.append(WrongColumn("name", reason))
    try:
        text, compiled = usable_format(content, takes_receipt_time=takes_receipt_time)
        sha256 = compiled.sha256
        if (compiled.sparkplug is not None) != (address.name == SPARKPLUG_SOURCE):
            reason = UserError(
                _(
                    "The name {name} is that of the source in the format sparkplug_b, and it has "
                    "no other: its topics name none."
                ),
                name=SPARKPLUG_SOURCE,
            )
            wrong.append(WrongColumn("name", reason))
    except UserError as error:
        wrong.append(WrongColumn("format", error))
    values = {**address._asdict(), "own": own_platform}
    found = None
    if PLATFORM_CODE.fullmatch(address.platform):  # the database takes no text with U+0000
        found = connection.execute(_LOCK_PLATFORM, values).fetchone()
    if found is None:
        reason = UserError(_("There is no platform {platform}."), platform=address.platform)
        wrong.append(WrongColumn("platform", reason))
    if wrong or found is None:
        raise WrongColumnsError(wrong)
    platform_id, ended_on = found
    if ended_on is not None:
        reason = Outlived("platform", (address.platform,), ended_on).reason(address.platform)
        raise ConflictError(reason.message, **reason.values)
    newest = connection.execute(_NEWEST, address._asdict()).fetchone()
    version = 1 if newest is None else newest[1] + 1
    if newest is not None and newest[2] == sha256 and not newest[3]:
        raise ConflictError(
            _("Version {version} says the same already, and is in force."), version=newest[1]
        )
    connection.execute(_INSERT, (platform_id, address.name, version, text, sha256, declared_by))
    return int(version)


def end_source(connection: psycopg.Connection, address: SourceAddress, *, ended_by: str) -> None:
    """End a source: its messages are refused from now on, until it is declared again.

    Raises:
        NotRegisteredError: there is no such source.
        ConflictError: it has ended already.
    """
    connection.execute(_LOCK_PLATFORM, {"platform": address.platform, "own": None})
    newest = connection.execute(_NEWEST, address._asdict()).fetchone()
    if newest is None:
        raise NotRegisteredError
    if newest[3]:
        raise ConflictError(_("The source has ended already."))
    connection.execute(_END, (ended_by, newest[0]))
