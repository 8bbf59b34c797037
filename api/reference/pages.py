"""`/docs`: every request of the API with its parameters, answers and problems, as one page.

Made from the same OpenAPI document that programs read, and served without a script, because the
usual viewers load theirs from another machine.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.access.gate import GatedRoute
from api.web.problems import Kind
from api.web.rendering import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

OpenApi = Mapping[str, Any]


class _Parameter(NamedTuple):
    name: str
    location: str
    required: bool
    type: str
    description: str


class _Answer(NamedTuple):
    status: str
    description: str
    media_type: str
    example: str


class _Operation(NamedTuple):
    method: str
    path: str
    summary: str
    parameters: list[_Parameter]
    answers: list[_Answer]


@router.get("/docs")
def show_reference(request: Request) -> HTMLResponse:
    """The reference page."""
    return render(
        request,
        "reference/api.html",
        {"operations": list(_operations(request.app.openapi())), "problems": list(Kind)},
    )


def _operations(document: OpenApi) -> Iterator[_Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield _Operation(
                method=method.upper(),
                path=path,
                summary=operation["description"],
                parameters=[
                    _Parameter(
                        name=parameter["name"],
                        location=parameter["in"],
                        required=parameter["required"],
                        type=_type_name(parameter["schema"]),
                        description=parameter.get("description", ""),
                    )
                    for parameter in operation.get("parameters", [])
                ],
                answers=[
                    _answer(document, status, answer)
                    for status, answer in operation["responses"].items()
                ],
            )


def _answer(document: OpenApi, status: str, answer: Mapping[str, Any]) -> _Answer:
    contents: OpenApi = answer.get("content", {})
    media_type = next(iter(contents), "")
    schema = contents[media_type].get("schema", {}) if media_type else {}
    name = schema.get("$ref", "").rpartition("/")[2]
    resolved = document["components"]["schemas"][name] if name else schema
    examples = resolved.get("examples", [])
    return _Answer(
        status=status,
        description=answer["description"],
        media_type=media_type,
        example=json.dumps(examples[0], ensure_ascii=False, indent=2) if examples else "",
    )


def _type_name(schema: Mapping[str, Any]) -> str:
    """A parameter's type: `integer`, `string (date)`; null, which says optional, is left out."""
    variants = [item for item in schema.get("anyOf", [schema]) if item.get("type") != "null"]
    return " / ".join(
        f"{item['type']} ({item['format']})" if "format" in item else item["type"]
        for item in variants
    )
