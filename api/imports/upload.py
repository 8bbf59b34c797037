"""A file in a request: the body itself, or the field `file` of a form."""

from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request
from starlette.datastructures import UploadFile

from api.imports.downloads import CSV_MEDIA_TYPE, XLSX_MEDIA_TYPE
from api.imports.queries import UploadedFile
from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.text import is_admitted, read_as_meant

__all__ = ["BODY_DOCUMENTATION", "Upload", "read_form_file"]

FILE_FIELD: Final = "file"
_FORM_MEDIA_TYPE: Final = "multipart/form-data"
_NAMES: Final = {CSV_MEDIA_TYPE: "upload.csv", XLSX_MEDIA_TYPE: "upload.xlsx"}
"""What the file is called where the request does not say it, by media type."""
_LONGEST_NAME: Final = 200

BODY_DOCUMENTATION: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A CSV or XLSX file of at most 32 MiB (an operator's: 16 MiB); its "
        "content decides, not its name.",
        "content": {
            CSV_MEDIA_TYPE: {
                "schema": {"type": "string"},
                "example": "uscc,name,district,industry_code\n"
                "91350300MA2XN0T34K,莆田市某某机械有限公司,licheng,C3311\n",
            },
            XLSX_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
            _FORM_MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "properties": {FILE_FIELD: {"type": "string", "format": "binary"}},
                    "required": [FILE_FIELD],
                }
            },
        },
    }
}
"""The `openapi_extra` of a route that takes an `Upload`."""


async def _upload(
    request: Request,
    file_name: Annotated[
        str, Query(description=_("What the list of imports calls the file."), max_length=200)
    ] = "",
) -> UploadedFile:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _FORM_MEDIA_TYPE:
        return await read_form_file(request, file_name)
    if media_type not in _NAMES:
        raise Problem(
            Kind.UNSUPPORTED_MEDIA_TYPE,
            _("Send the file as {csv}, as {xlsx}, or as the field file of a form."),
            csv=CSV_MEDIA_TYPE,
            xlsx=XLSX_MEDIA_TYPE,
        )
    return UploadedFile(_clean(file_name) or _NAMES[media_type], await request.body())


Upload = Annotated[UploadedFile, Depends(_upload)]


async def read_form_file(request: Request, file_name: str = "") -> UploadedFile:
    """The file of a form.

    Raises:
        Problem: the form has none.
    """
    async with request.form() as form:  # closes its temporary files
        sent = form.get(FILE_FIELD)
        if not isinstance(sent, UploadFile):
            raise Problem(Kind.INVALID_REQUEST, _("The form has no file: choose one.")).about(
                [WrongField(FILE_FIELD, UserError("is required"))]
            )
        name = _clean(file_name) or _clean(sent.filename or "") or "upload"
        return UploadedFile(name, await sent.read())


def _clean(name: str) -> str:
    """A file's name as it can be kept and shown."""
    return read_as_meant("".join(filter(is_admitted, name))).strip()[:_LONGEST_NAME]
