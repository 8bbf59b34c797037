"""Files in requests and answers: what comes in with a step or a visit, and what others get."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import psycopg
from fastapi import Depends, Path, Request, Response
from pydantic import Base64Bytes, BaseModel, Field, StringConstraints
from starlette.datastructures import UploadFile

from api.web.problems import Kind, Problem, WrongField
from api.web.records import Body
from api.web.services import services_of
from jieru.documents.media_types import media_type_of
from jieru.documents.photographs import DamagedPhotographError, without_position
from jieru.documents.store import DocumentStore, NewDocument
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "DOCUMENT_RESPONSES",
    "FILES_FIELD",
    "CurrentStore",
    "FormFiles",
    "KeptFile",
    "NewFile",
    "NewFiles",
    "Sha256",
    "document_answer",
    "files_of",
    "keep_files",
]

FILES_FIELD: Final = "documents"
_FILES_MAX: Final = 5

Sha256 = Annotated[str, Path(description=_("The SHA-256 of the file."), pattern="^[0-9a-f]{64}$")]

DOCUMENT_RESPONSES: Final[Mapping[int | str, dict[str, Any]]] = {
    200: {"content": {"application/octet-stream": {}}}
}


class NewFile(Body):
    """A file in a body."""

    name: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
    content: Base64Bytes = Field(description="In base64.")


NewFiles = Annotated[list[NewFile], Field(max_length=_FILES_MAX)]


class KeptFile(BaseModel):
    """A file that was handed in."""

    sha256: str
    name: str


def _store(request: Request) -> DocumentStore | None:
    return services_of(request).find(DocumentStore)


CurrentStore = Annotated[DocumentStore | None, Depends(_store)]
"""None: this installation takes no files."""


async def _form_files(request: Request) -> list[NewDocument]:
    """The files of a form; a field that was left empty sends one without a name."""
    async with request.form() as form:  # closes its temporary files
        sent = [
            each
            for each in form.getlist(FILES_FIELD)
            if isinstance(each, UploadFile) and each.filename
        ]
        if len(sent) > _FILES_MAX:
            raise _wrong(UserError(_("At most {number} files come at once."), number=_FILES_MAX))
        return [NewDocument(each.filename or "", await each.read()) for each in sent]


FormFiles = Annotated[list[NewDocument], Depends(_form_files)]


def files_of(sent: Iterable[NewFile]) -> list[NewDocument]:
    """The files of a body."""
    return [NewDocument(each.name, each.content) for each in sent]


def keep_files(
    store: DocumentStore | None,
    connection: psycopg.Connection,
    files: Sequence[NewDocument],
    *,
    by: str,
) -> list[dict[str, str]]:
    """Keep what came with a step; as the step names it.

    Raises:
        Problem: there is no store here, or a file is not taken.
    """
    if not files:
        return []
    if store is None:
        raise _wrong(
            UserError(
                _("This installation keeps no files yet: let its operator set {setting}."),
                setting="JIERU_DOCUMENT_FOLDER",
            )
        )
    try:
        kept = store.keep(connection, files, by=by)
    except UserError as error:
        raise _wrong(error) from None
    return [{"sha256": each.sha256, "name": each.name} for each in kept]


def document_answer(
    store: DocumentStore | None,
    documents: Iterable[tuple[str, Mapping[str, str]]],
    sha256: str,
    *,
    reader: str,
) -> Response:
    """A file to be saved: as it is for whoever handed it in, for others without its position.

    Args:
        store: of this installation.
        documents: that the reader may see, each after the name of who handed it in.
        sha256: of the one that is asked for.
        reader: the name of who asks.

    Raises:
        Problem: it is none of these.
    """
    found = [(by, each["name"]) for by, each in documents if each["sha256"] == sha256]
    if store is None or not found:
        raise Problem(Kind.NOT_FOUND)
    content = store.read(sha256)
    media_type = media_type_of(content) or "application/octet-stream"
    if reader not in {by for by, _name in found}:
        try:
            content = without_position(content, media_type)
        except DamagedPhotographError:
            raise Problem(
                Kind.CONFLICT,
                _("This photograph is damaged: ask for it once more."),
            ) from None
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found[0][1], safe='')}",
            "Cache-Control": "private, no-store",
        },
    )


def _wrong(reason: UserError) -> Problem:
    return Problem(Kind.INVALID_REQUEST, reason.message, **reason.values).about(
        [WrongField(FILES_FIELD, reason)]
    )
