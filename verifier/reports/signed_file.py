"""A signed file, opened: nothing is read of one that is not what somebody vouches for."""

from pathlib import Path

from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.procedure.hindrance import require_no_hindrance
from verifier.procedure.signing import Finding, check_signed_file
from verifier.procedure.statements import chain_faults
from verifier.procedure.trusted_keys import TrustedKeys, Vouching, vouching_of
from verifier.reports.document import SignedCount, read_signed_count

__all__ = ["UnvouchedError", "open_signed_file"]


class UnvouchedError(UserError):
    """The signature fits, and nobody vouches for its key."""


def open_signed_file(path: Path, trusted: TrustedKeys) -> SignedCount:
    """Read a signed file.

    Args:
        path: of the file.
        trusted: whose signatures count.

    Raises:
        UnvouchedError: nobody vouches for the key that signed it.
        UserError: it cannot be read, is not a signed count, was changed after it was signed, was
            signed by a key at a time at which it does not sign, or its statements are not whole.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            "The file {path} cannot be read: {reason}", path=path, reason=error.strerror
        ) from None
    checked = check_signed_file(content)
    if checked.finding is not Finding.VALID:
        raise UserError(
            "The file {path} is refused: its content, digest and signature do not fit together.",
            path=path,
        )
    vouching = vouching_of(checked.document, checked.public_key, trusted)
    if vouching is Vouching.UNKNOWN:
        raise UnvouchedError(
            _(
                "The file {path} is signed, by a key that nobody vouches for ({key}): give the key "
                "that the bureau published with --public-key, or name a file of trusted keys in "
                "JIERU_TRUSTED_KEYS."
            ),
            path=path,
            key=checked.key_text,
        )
    if vouching is not Vouching.TRUSTED:
        raise UserError(
            "The file {path} is signed by the key of {name}, at a time at which that key does not "
            "sign, or no longer.",
            path=path,
            name=trusted.name_of(checked.public_key),
        )
    broken = [
        *chain_faults(
            checked.statements,
            count_id=str(checked.document.get("count_id")),
            digest=checked.digest,
            trusted=trusted,
        )
    ]
    require_no_hindrance(broken)
    return read_signed_count(content)
