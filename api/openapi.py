"""The OpenAPI document: what FastAPI makes of the routes, and what all routes share."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI

from api.access.table import ROUTES, Public
from api.web.problems import PROBLEM_MEDIA_TYPE, Kind, problem_responses

__all__ = ["openapi_document"]

_SECURITY_SCHEMES: Final = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key: `Authorization: Bearer jieru_...`.",
    }
}
_OF_EVERY_REQUEST: Final = problem_responses(Kind.INVALID_REQUEST)
_OF_BODIES: Final = problem_responses(Kind.REFUSED, Kind.TOO_LARGE)
_AT_THE_GATE: Final = problem_responses(
    Kind.UNAUTHENTICATED, Kind.FORBIDDEN, Kind.TOO_MANY_REQUESTS, Kind.DATABASE_AWAY
)


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of an application, made once."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _without_second_media_type(operation)
                _with_responses(operation, _OF_EVERY_REQUEST)
                if "requestBody" in operation:
                    _with_responses(operation, _OF_BODIES)
                for parameter in operation.get("parameters", []):
                    # Optional only so that its absence has an answer of its own (428).
                    parameter["required"] |= parameter["name"] == "if-match"
                if ROUTES[method.upper(), path] is not Public:
                    _behind_the_gate(operation)
        document["components"]["securitySchemes"] = _SECURITY_SCHEMES
    return FastAPI.openapi(app)


def _without_second_media_type(operation: dict[str, Any]) -> None:
    """FastAPI documents a model as application/json besides, which no problem is sent as."""
    for response in operation["responses"].values():
        content = response.get("content", {})
        if PROBLEM_MEDIA_TYPE in content:
            content.pop("application/json", None)


def _behind_the_gate(operation: dict[str, Any]) -> None:
    """Say of an operation what the gate does before it."""
    operation["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    _with_responses(operation, _AT_THE_GATE)


def _with_responses(
    operation: dict[str, Any], responses: Mapping[int | str, Mapping[str, object]]
) -> None:
    """Add what the operation does not say of itself."""
    for status, response in responses.items():
        documented = {name: value for name, value in response.items() if name != "model"}
        operation["responses"].setdefault(str(status), documented)
