"""Files that people handed in, in a folder outside of the database, each under its SHA-256.

The database knows name, kind and size of each (table `documents`); the folder holds nothing but
bytes, so that copying it is enough to keep it. A file is written before its row, and never changed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from jieru.documents.media_types import ENDINGS, TAKEN, media_type_of
from jieru.durable_files import flush_folder, is_full, write_durably
from jieru.errors import NoRoomError, UserError, WorldError
from jieru.i18n import gettext
from jieru.i18n import marked as _
from jieru.settings import Settings

__all__ = ["DocumentStore", "KeptDocument", "NewDocument", "document_store"]

_MEBI: Final = 1 << 20
_LONGEST_NAME: Final = 200
_INSERT: Final = """
    INSERT INTO documents (sha256, bytes, media_type, name, uploaded_by)
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


class NewDocument(NamedTuple):
    """A file as it was handed in."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A file that is kept."""

    sha256: str
    name: str
    """As whoever handed it in called it, with the ending of its kind."""
    media_type: str


@dataclass(frozen=True, slots=True)
class DocumentStore:
    """The folder."""

    folder: Path
    megabytes_max: int
    """Of one file."""

    def keep(
        self, connection: psycopg.Connection, documents: Sequence[NewDocument], *, by: str
    ) -> list[KeptDocument]:
        """Keep files that somebody handed in; the caller commits the rows.

        Raises:
            UserError: one is empty, too large, or of no kind that is taken; it is named.
            WorldError: the folder cannot be written; a `NoRoomError` where its disk is full.
        """
        checked = [self._checked(each) for each in documents]
        for document, content in checked:
            self._write(document.sha256, content)
            values = (document.sha256, len(content), document.media_type, document.name, by)
            connection.execute(_INSERT, values)
        return [document for document, _content in checked]

    def read(self, sha256: str) -> bytes:
        """The content of a file, which is what it was when it was handed in.

        Raises:
            WorldError: it is not in the folder, or is another one by now.
        """
        try:
            content = self._path(sha256).read_bytes()
        except OSError as error:
            raise WorldError(
                _(
                    "The document {sha256} cannot be read from the folder {folder}: {reason}. Take "
                    "it from the backup."
                ),
                sha256=sha256,
                folder=self.folder,
                reason=error.strerror,
            ) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise WorldError(
                _(
                    "The document {sha256} in the folder {folder} is not the one that was handed "
                    "in: take it from the backup."
                ),
                sha256=sha256,
                folder=self.folder,
            )
        return content

    def _checked(self, document: NewDocument) -> tuple[KeptDocument, bytes]:
        name, content = _clean(document.name), document.content
        if not content:
            raise UserError(_("The file {name} is empty."), name=name)
        if len(content) > self.megabytes_max * _MEBI:
            raise UserError(
                _("The file {name} is larger than {limit} MB."),
                name=name,
                limit=self.megabytes_max,
            )
        media_type = media_type_of(content)
        if media_type is None:
            raise UserError(
                _("The file {name} is of no kind that is taken here: {kinds}."),
                name=name,
                kinds=gettext(TAKEN),
            )
        ending = ENDINGS[media_type]
        if not name.lower().endswith((ending, ".jpeg") if ending == ".jpg" else ending):
            name += ending
        return KeptDocument(hashlib.sha256(content).hexdigest(), name, media_type), content

    def _write(self, sha256: str, content: bytes) -> None:
        path = self._path(sha256)
        try:
            if path.exists():
                return
            if not path.parent.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                flush_folder(self.folder)
            write_durably(path, content)
        except OSError as error:
            kind = NoRoomError if is_full(error) else WorldError
            raise kind(
                _("The folder of documents {folder} cannot be written: {reason}."),
                folder=self.folder,
                reason=error.strerror,
            ) from None

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


def document_store(settings: Settings) -> DocumentStore | None:
    """The store of this installation; None: it has none, so no files are taken."""
    if not settings.document_folder:
        return None
    return DocumentStore(Path(settings.document_folder), settings.document_megabytes_max)


def _clean(name: str) -> str:
    """A name that can be shown and saved: without folders and what nobody sees."""
    last = name.replace("\\", "/").rsplit("/", maxsplit=1)[-1]
    return "".join(each for each in last if each.isprintable()).strip()[:_LONGEST_NAME] or "file"
