"""Whether a frozen count is still what was signed, by a key that somebody vouches for.

The rows of a frozen count are a copy of the signed document, and whoever has the database can
change a copy. So before anything is done or shown by these rows the document is put together from
them, piece by piece, digested, held against the signature, the signature against the trusted keys,
and the count's own row and its payments against the document. What was done with the count since is
held against the signed statements of it, and the frozen counts of the year before it are verified
with it.

What was found is remembered in this process for the very versions of the rows that were read
(PostgreSQL gives a row that is written another `xmin`), so an unchanged count is verified once.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import psycopg

from jieru.i18n import marked
from verifier.procedure.balances import awards_of, paid_up_to
from verifier.procedure.document import Document
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.outlines import Outline, read_outline, row_versions
from verifier.procedure.readable import require_readable
from verifier.procedure.records import (
    CountRecord,
    UnreadableCountError,
    list_counts,
)
from verifier.procedure.statement_records import list_statements
from verifier.procedure.statements import chain_faults
from verifier.procedure.told_and_signed import differences
from verifier.procedure.trusted_keys import TrustedKeys, Vouching, vouching_of

__all__ = ["faults"]

_COUNT_ROWS: Final = "SELECT count(*) FROM count_determinations WHERE count_id = %s"
_REMEMBERED: Final = 256

_remembered: dict[tuple[object, ...], tuple[Hindrance, ...]] = {}


def faults(
    connection: psycopg.Connection, record: CountRecord, trusted: TrustedKeys
) -> list[Hindrance]:
    """What of a frozen count is not as it was signed; nothing where all is.

    Args:
        connection: where to look.
        record: a frozen count, superseded or not.
        trusted: whose signatures count.

    Raises:
        ValueError: the count is not frozen (a bug).
    """
    if record.digest is None:
        raise ValueError(f"the count {record.count_id} is not frozen")
    key = (trusted, record, *row_versions(connection, record))
    known = _remembered.get(key)
    if known is None:
        found = tuple(_find(connection, record, trusted))
        if key != (trusted, record, *row_versions(connection, record)):
            return list(found)  # somebody wrote meanwhile: true of what was read, and of no more
        if len(_remembered) >= _REMEMBERED:
            _remembered.clear()
        known = _remembered[key] = found
    return list(known)


def _find(
    connection: psycopg.Connection, record: CountRecord, trusted: TrustedKeys
) -> Iterator[Hindrance]:
    try:
        require_readable(connection, record)
        outline = read_outline(connection, record)
    except UnreadableCountError as error:
        yield Hindrance("content_unreadable", error.message, error.values)
        return
    document = outline.document
    signature = list(_of_the_signature(connection, record, outline, trusted))
    if signature:
        # What the document says is not worth a comparison.
        yield from signature
        return
    row = list(_of_the_row(record, document))
    yield from row
    yield from _of_payments(connection, record, document)
    statements = list_statements(connection, record)
    broken = list(
        chain_faults(
            statements, count_id=record.count_id, digest=record.digest or "", trusted=trusted
        )
    )
    before = [] if row else _of_the_count_before(connection, record, trusted)
    yield from broken
    yield from before
    if not (row or broken or before):
        # Which rest on all of these.
        yield from differences(connection, record, document, statements)


def _of_the_count_before(
    connection: psycopg.Connection, record: CountRecord, trusted: TrustedKeys
) -> list[Hindrance]:
    """What is wrong with the year's frozen count before this one, and with those before that.

    Whatever this one says that it corrects: what was paid by any of them is not due again.
    """
    for each in list_counts(connection, record.year):  # the latest first
        if each.revision < record.revision and each.digest is not None:
            return faults(connection, each, trusted)
    return []


def _of_the_signature(
    connection: psycopg.Connection, record: CountRecord, outline: Outline, trusted: TrustedKeys
) -> Iterator[Hindrance]:
    count = {"count": record.count_id}
    document, digest, has_signature = outline.document, outline.digest, outline.is_signed
    entries = sum(len(each["enterprises"]) for each in document["platforms"])
    if connection.execute(_COUNT_ROWS, (record.id,)).fetchone() != (entries,):
        yield Hindrance(
            "enterprise_added",
            marked(
                "The database holds enterprises under {count} that were not frozen with it: it was "
                "changed behind the system's back. Restore it from a backup."
            ),
            count,
        )
    if not has_signature and digest != record.digest:
        yield Hindrance(
            "content_changed",
            marked(
                "What the database holds of {count} is not what was frozen: neither its digest nor "
                "its signature fits. Restore it from a backup."
            ),
            count,
        )
    elif not has_signature:
        yield Hindrance(
            "signature_wrong",
            marked(
                "The signature of {count} does not fit what the database holds of it. Restore it "
                "from a backup."
            ),
            count,
        )
    elif digest != record.digest:
        yield Hindrance(
            "digest_changed",
            marked(
                "The digest that the database has of {count} is not that of what was signed. "
                "Restore it from a backup."
            ),
            count,
        )
    else:
        yield from _of_the_key(record, document, record.public_key or b"", trusted)


def _of_the_key(
    record: CountRecord, document: Document, public_key: bytes, trusted: TrustedKeys
) -> Iterator[Hindrance]:
    vouching = vouching_of(document, public_key, trusted)
    values = {"count": record.count_id, "name": trusted.name_of(public_key)}
    if vouching is Vouching.UNKNOWN:
        yield Hindrance(
            "key_unknown",
            marked(
                "{count} is signed by a key that nobody vouches for. If it is the bureau's, put it "
                "into the file of trusted keys that JIERU_TRUSTED_KEYS names; if not, restore the "
                "count from a backup."
            ),
            values,
        )
    elif vouching is Vouching.NOT_ITS_TIME:
        yield Hindrance(
            "key_not_its_time",
            marked("{count} is signed by the key of {name}, when that key did not sign."),
            values,
        )
    elif vouching is Vouching.REVOKED:
        yield Hindrance(
            "key_revoked",
            marked("{count} is signed by the key of {name}, which was revoked by then."),
            values,
        )


def _of_the_row(record: CountRecord, document: Document) -> Iterator[Hindrance]:
    """What the count's own row says otherwise than the document."""
    stored = {
        "count_id": record.count_id,
        "year": record.year,
        "revision": record.revision,
        "supersedes": record.supersedes,
        "policy": record.policy_name,
        "policy_sha256": record.policy_sha256,
        "as_of": record.as_of.isoformat() if record.as_of else None,
        "frozen_at": _as_written(record.frozen_at, document.get("frozen_at")),
        "frozen_by": record.frozen_by,
        "code_version": record.code_version,
    }
    for name, value in stored.items():
        if document.get(name) != value:
            yield Hindrance(
                "row_changed",
                marked(
                    "The database says of {count} that its {field} is {stored}; what was signed "
                    "says {signed}. Restore it from a backup."
                ),
                {
                    "count": record.count_id,
                    "field": name,
                    "stored": value,
                    "signed": document.get(name),
                },
            )


def _as_written(stored: datetime | None, signed: object) -> str | None:
    """An instant of the database, in the words of the document if it is the same."""
    if stored is None:
        return None
    if isinstance(signed, str) and datetime.fromisoformat(signed) == stored:
        return signed
    return stored.isoformat()


def _of_payments(
    connection: psycopg.Connection, record: CountRecord, document: Document
) -> Iterator[Hindrance]:
    """Where more was paid under this count and those before it than it awards."""
    awarded = awards_of(document)
    for (platform, clause), yuan in paid_up_to(connection, record.year, record.revision).items():
        if yuan > awarded[platform, clause]:
            yield Hindrance(
                "paid_beyond",
                marked(
                    "To {platform} {paid} yuan are recorded as paid under clause {clause}, and "
                    "{count} awards {awarded}: find out which payment is wrong."
                ),
                {
                    "count": record.count_id,
                    "platform": platform,
                    "clause": clause,
                    "paid": yuan,
                    "awarded": awarded[platform, clause],
                },
            )
