"""Photographs and papers of visits that are kept here, by what the database knows of them."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import psycopg

from api.web.documents import KeptFile
from verifier.trust.draws.visits import Visit

__all__ = ["FileOfVisit", "files_of_visits"]

_SELECT: Final = "SELECT sha256, name, uploaded_by FROM documents WHERE sha256 = ANY (%s)"


class FileOfVisit(NamedTuple):
    """A file, and who handed it in."""

    file: KeptFile
    uploaded_by: str


def files_of_visits(
    connection: psycopg.Connection, visits: Iterable[Visit]
) -> Mapping[int, list[FileOfVisit]]:
    """The files of each visit, by its number; what is kept elsewhere is known by its digest only.

    A file is called as whoever handed it in first called it.
    """
    visits = list(visits)
    digests = [digest for each in visits for digest in each.documents]
    known = {
        sha256: FileOfVisit(KeptFile(sha256=sha256, name=name), uploaded_by)
        for sha256, name, uploaded_by in connection.execute(_SELECT, (digests,))
    }
    return {
        each.id: [known[digest] for digest in each.documents if digest in known] for each in visits
    }
