"""From the body of a request to heartbeats as they would have come by their own topics. Pure.

A body is one heartbeat, an array of them, or one on each line. Each has its device's `serial`
beside the keys of the contract; a device with a credential of its own may leave it out.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from ingest.decode import Rejection
from ingest.http.post import Reading
from ingest.message import Message
from ingest.source_rows import SourceRow
from jieru.credentials.usernames import EquipmentUser
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.refusals.said import Said, excerpt
from jieru.wire import PAYLOAD_LIMIT_BYTES, SERIAL, DeviceAddress, RejectionReason, heartbeat_topic

__all__ = ["ROWS_LIMIT", "ForeignDeviceError", "TooManyRowsError", "read_heartbeats"]

ROWS_LIMIT: Final = 10_000

_OPENING_BRACKET: Final = b"["
_WRONG_SERIAL: Final = _(
    "serial must be a text of 1 to 64 of A-Z, a-z, 0-9, period, _ and -, beside ts; here it is not."
)


class _Named(msgspec.Struct):
    serial: str | UnsetType = UNSET


class TooManyRowsError(UserError):
    """A request has more heartbeats than are taken at once."""


class ForeignDeviceError(UserError):
    """A device speaks for another."""


_read_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_named = msgspec.json.Decoder(_Named).decode


def read_heartbeats(
    body: bytes, user: EquipmentUser, received_ms: int, *, is_lines: bool
) -> Reading:
    """The heartbeats of a body.

    Args:
        body: all of it, expanded.
        user: whose credential it came with.
        received_ms: when, in milliseconds since the Unix epoch.
        is_lines: one on each line, instead of one or an array.

    Raises:
        UserError: it is neither.
        TooManyRowsError: there are more than ROWS_LIMIT.
        ForeignDeviceError: the credential is that of one device, and a heartbeat is another's.
    """
    reading = Reading()
    beginning, end = heartbeat_topic(DeviceAddress(user.platform, "\0"), user.publisher).split("\0")
    nowhere = f"jieru/v1/{user.platform}/heartbeat"
    for number, row in enumerate(_rows(body, is_lines=is_lines)):
        if number == ROWS_LIMIT:
            raise TooManyRowsError(
                _("It has more than {limit} heartbeats; divide it."), limit=f"{ROWS_LIMIT:,}"
            )
        serial = _serial(row, user)
        kept = row[:PAYLOAD_LIMIT_BYTES]
        if serial is None:
            refused = SourceRow(
                nowhere,
                kept,
                len(row),
                received_ms,
                None,
                source=None,
                path=f"$[{number}]",
                said=Said(_WRONG_SERIAL),
            )
            reading.refuse(Rejection(RejectionReason.MALFORMED_PAYLOAD, refused), number)
            continue
        if user.serial is not None and serial != user.serial:
            raise ForeignDeviceError(
                _("The credential is that of the device {own}, and the row is of {serial}."),
                own=user.serial,
                serial=excerpt(serial),
            )
        reading.take(
            Message(f"{beginning}{serial}{end}", kept, len(row), received_ms, None), number
        )
    return reading


def _rows(body: bytes, *, is_lines: bool) -> Iterator[bytes]:
    if is_lines:
        return (line for line in body.split(b"\n") if line.strip())
    text = body.strip()
    if not text.startswith(_OPENING_BRACKET):
        return iter((text,))
    try:
        array: Sequence[msgspec.Raw] = _read_array(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(_("It is not JSON: {error}."), error=str(error)) from None
    return (bytes(each) for each in array)


def _serial(row: bytes, user: EquipmentUser) -> str | None:
    """Whose the row is; None: it does not say."""
    try:
        serial = _read_named(row).serial
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return user.serial  # what else is wrong with it, its reader says
    if serial is UNSET:
        return user.serial
    return serial if SERIAL.fullmatch(serial) else None
