"""A signed file, opened: nothing is read of one whose digest or signature is wrong."""

from pathlib import Path

from jieru.errors import UserError
from verifier.procedure.signing import Finding, check_signed_file
from verifier.reports.document import SignedCount, read_signed_count

__all__ = ["open_signed_file"]


def open_signed_file(path: Path, expected_key: bytes | None = None) -> SignedCount:
    """Read a signed file.

    Args:
        path: of the file.
        expected_key: the public key that must have signed it; None: any.

    Raises:
        UserError: it cannot be read, is not a signed count, was changed after it was signed, or was
            signed by another key.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            "The file {path} cannot be read: {reason}", path=path, reason=error.strerror
        ) from None
    checked = check_signed_file(content, expected_key)
    if checked.finding is Finding.OTHER_KEY:
        raise UserError(
            "The file {path} was signed by another key: {key}.", path=path, key=checked.public_key
        )
    if checked.finding is not Finding.VALID:
        raise UserError(
            "The file {path} is refused: its content, digest and signature do not fit together.",
            path=path,
        )
    return read_signed_count(content)
