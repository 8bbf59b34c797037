"""The shapes of an import's answers, as OpenAPI documents them."""

from datetime import date, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.imports.queries import Outcome
from api.web.paging import Page
from api.web.problems import ProblemDocument
from registry.kinds import KindName

__all__ = [
    "ImportAnswer",
    "ImportPage",
    "ImportSummary",
    "RejectedImportDocument",
    "RowErrorAnswer",
]

_SUMMARY: Final[dict[str, Any]] = {
    "id": 17,
    "kind": "devices",
    "file_name": "设备-2026-11.xlsx",
    "sha256": "5f2d" * 16,
    "size_bytes": 20480,
    "uploaded_at": "2026-11-25T08:20:11Z",
    "uploaded_by": "user:chen",
    "platform": "xielian",
    "outcome": "checked",
    "dry_run": True,
    "created": 120,
    "changed": 3,
    "unchanged": 40,
    "requested": 0,
    "requested_rows": [],
    "backdated": 0,
    "backdated_rows": [],
    "evidence_from": None,
    "error_count": 0,
    "message": None,
    "is_applicable": True,
    "applied_at": None,
    "applied_by": None,
    "displaced_by": None,
    "displaced": [],
}


class RowErrorAnswer(BaseModel):
    """Why a row cannot be taken."""

    row: int = Field(description="As a spreadsheet numbers it; the header is row 1.")
    column: str = Field(
        description="The column's name, several joined by a comma, or empty: the whole row."
    )
    reason: str = Field(description="One sentence, in the reader's language.")


class ImportSummary(BaseModel):
    """An import in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    id: int
    kind: KindName
    file_name: str
    sha256: str = Field(description="Of the file that was sent.")
    size_bytes: int
    uploaded_at: datetime
    uploaded_by: str = Field(description="`user:NAME` or `key:ID`.")
    platform: str | None = Field(
        description="The code of the operator's platform who sent it; null: of somebody who sees "
        "every platform."
    )
    outcome: Outcome = Field(
        description="`checked`: a dry run without errors, nothing was written; `rejected`: it has "
        "errors, nothing was written; `applied`: everything was written."
    )
    dry_run: bool = Field(description="Whether nothing was written.")
    created: int = Field(description="Rows with a new record.")
    changed: int = Field(description="Rows that change a registered record and create none.")
    unchanged: int
    requested: int = Field(
        description="Rows of an operator's file that ask to connect an enterprise which another "
        "platform keeps or serves: they become connection requests."
    )
    requested_rows: list[int] = Field(
        description="Which rows these are, as a spreadsheet numbers them; the first 1,000."
    )
    backdated: int = Field(
        description="New rows that begin so long before they are recorded that their evidence does "
        "not count from the first day."
    )
    backdated_rows: list[int] = Field(description="Which rows these are; the first 1,000.")
    evidence_from: date | None = Field(
        description="From which day on that of these rows counts by itself; null: there are none."
    )
    error_count: int
    message: str | None = Field(
        description="Why it was rejected, in one sentence in the reader's language."
    )
    is_applicable: bool = Field(
        description="Whether it was checked without errors and its file is still kept, so that it "
        "can be applied."
    )
    applied_at: datetime | None
    applied_by: str | None
    displaced_by: int | None = Field(
        description="The later import for which the file, or the errors and failed rows, of this "
        "one went before their time; null: none."
    )
    displaced: list[int] = Field(
        description="Earlier imports of which nothing is kept any more, to make room for this one."
    )


class ImportPage(Page[ImportSummary]):
    """One page of imports."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_SUMMARY], "next_cursor": None}]}
    )


class ImportAnswer(ImportSummary):
    """An import, with what is wrong with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_SUMMARY, "errors": []}]})

    errors: list[RowErrorAnswer] = Field(
        description="The first 1,000 row errors; all of them are in errors.csv."
    )


class RejectedImportDocument(ProblemDocument):
    """A problem document that lists the rows which are wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/docs#problem-invalid_request",
                    "title": "请求无效",
                    "status": 422,
                    "detail": "设备.csv 未导入任何数据：共 1 处错误，涉及 1 行。",
                    "errors": [],
                    "import_id": 18,
                    "error_count": 1,
                    "row_errors": [
                        {"row": 3, "column": "serial", "reason": "必填项为空。"},
                    ],
                }
            ]
        }
    )

    import_id: int | None = Field(
        default=None,
        description="Under which the import was recorded; null: the request itself is wrong.",
    )
    error_count: int = Field(default=0, description="How many row errors there are in all.")
    row_errors: list[RowErrorAnswer] = Field(
        default=[], description="The first 1,000 row errors; all of them are in errors.csv."
    )
