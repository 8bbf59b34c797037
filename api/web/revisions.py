"""Optimistic locking (RFC 9110, 13.1.1): who changes a record says which revision was read.

The revision is compared in the transaction that changes the record, after its row was locked; so of
two people who read the same revision, only the first one's change is taken.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from fastapi import Depends, Header, Response

from api.web.problems import Kind, Problem
from jieru.i18n import marked as _

__all__ = [
    "ExpectedRevision",
    "IfMatch",
    "Revised",
    "announce_revision",
    "etag_of",
    "expected_revision",
]

_ETAG: Final = re.compile(r'(W/)?"([^"]*)"')
_REVISION: Final = re.compile(r"[1-9][0-9]{0,9}")
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class ExpectedRevision:
    """Which revisions a change may be made to."""

    revisions: frozenset[int] | None
    """None: whichever is the present one (`If-Match: *`)."""

    @classmethod
    def exactly(cls, revision: int) -> "ExpectedRevision":
        """Only this one, as a form carries it."""
        return cls(frozenset({revision}))


class Revised(Protocol):
    """A record of which somebody has read one revision."""

    revision: int


def etag_of(revision: int) -> str:
    """A record's revision as its ETag."""
    return f'"{revision}"'


def announce_revision(response: Response, record: Revised, location: str | None = None) -> None:
    """Give an answer the ETag of its record and, where it was just made, its address."""
    response.headers["ETag"] = etag_of(record.revision)
    if location is not None:
        response.headers["Location"] = location


async def expected_revision(
    if_match: Annotated[
        str | None,
        Header(description=_('The ETag of the record that was read, for instance `"3"`.')),
    ] = None,
) -> ExpectedRevision:
    """What `If-Match` says.

    Raises:
        Problem: the header is missing.
    """
    if if_match is None or not if_match.strip():
        raise Problem(Kind.REVISION_REQUIRED)
    if if_match.strip() == _ANY:
        return ExpectedRevision(None)
    # A weak ETag (W/"3") never matches here, nor does what is no ETag of ours.
    named = [text for weak, text in _ETAG.findall(if_match) if not weak]
    return ExpectedRevision(frozenset(int(text) for text in named if _REVISION.fullmatch(text)))


IfMatch = Annotated[ExpectedRevision, Depends(expected_revision)]
