"""`/docs`: every request of the API with its parameters, answers and problems, as one page.

Made from the same OpenAPI document that programs read, and served without a script, because the
usual viewers load theirs from another machine.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.access.gate import GatedRoute, recognise_caller
from api.console.rendering import render
from api.web.problems import Kind

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


class _Body(NamedTuple):
    media_types: list[str]
    example: str


class _Operation(NamedTuple):
    method: str
    path: str
    summary: str
    parameters: list[_Parameter]
    body: _Body | None
    answers: list[_Answer]


@router.get("/docs")
def show_reference(request: Request) -> HTMLResponse:
    """The reference page."""
    recognise_caller(request)
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
                        type=_type_name(document, parameter["schema"]),
                        description=parameter.get("description", ""),
                    )
                    for parameter in operation.get("parameters", [])
                ],
                body=_body(document, operation.get("requestBody", {}).get("content", {})),
                answers=[
                    _answer(document, status, answer)
                    for status, answer in operation["responses"].items()
                ],
            )


def _body(document: OpenApi, contents: OpenApi) -> _Body | None:
    if not contents:
        return None
    first = next(iter(contents.values()))
    return _Body(list(contents), _example(document, first.get("schema", {})))


def _answer(document: OpenApi, status: str, answer: OpenApi) -> _Answer:
    contents: OpenApi = answer.get("content", {})
    media_type = next(iter(contents), "")
    return _Answer(
        status=status,
        description=answer["description"],
        media_type=media_type,
        example=_example(document, contents[media_type].get("schema", {})) if media_type else "",
    )


def _example(document: OpenApi, schema: OpenApi) -> str:
    examples = _resolved(document, schema).get("examples", [])
    return json.dumps(examples[0], ensure_ascii=False, indent=2) if examples else ""


def _resolved(document: OpenApi, schema: OpenApi) -> OpenApi:
    """The schema itself, where only its name stands."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: OpenApi = document["components"]["schemas"][name] if name else schema
    return found


def _type_name(document: OpenApi, schema: OpenApi) -> str:
    """A parameter's type: `integer`, `string (date)`; null, which says optional, is left out."""
    variants = [_resolved(document, each) for each in schema.get("anyOf", [schema])]
    return " / ".join(
        f"{each['type']} ({each['format']})"
        if "format" in each
        else ", ".join(each["enum"])
        if "enum" in each
        else each["type"]
        for each in variants
        if each.get("type") != "null"
    )
