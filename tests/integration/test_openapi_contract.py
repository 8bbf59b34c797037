"""Whatever is sent, the API answers as its OpenAPI document says, and never with a 5xx."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, assume, given, settings
from psycopg_pool import ConnectionPool
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.roles import API, as_role
from tests.support.small_city import AS_OF, build_small_city

pytestmark = [
    pytest.mark.timeout(900),
    # Schemathesis's own strategies draw from the random module.
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning"),
]

_EXAMPLES_PER_OPERATION = 25
_NOT_HERE = [
    ignored_auth,  # who is let in is tested by the access table, for every role
    positive_data_acceptance,  # a schema cannot say which platforms there are
]


@pytest.fixture(scope="module")
def city_url(timescale_server: DatabaseServer) -> Iterator[str]:
    """A simulation that holds the small city, on TimescaleDB."""
    with timescale_server.database() as url:
        migrate(url, simulation=True)
        with connect(url) as connection:
            build_small_city(connection)
        yield url


@pytest.fixture(scope="module")
def app(city_url: str) -> Iterator[FastAPI]:
    """The application on the small city."""
    with open_pool(as_role(city_url, API), size=4) as pool:
        yield create_app(Settings(), pool, as_of=lambda: AS_OF, year=2026)


@pytest.fixture(scope="module")
def documented(app: FastAPI) -> BaseSchema:
    """The application's own OpenAPI document."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    # Every request is sent with the same key; one made up for it would be judged in its place.
    schema.config.generation.update(with_security_parameters=False)
    return schema


@pytest.fixture(scope="module")
def admin(city_url: str) -> dict[str, str]:
    """The header of somebody who may do everything."""
    with connect(city_url) as connection:
        return bearer(connection, Role.ADMIN)


def _cases() -> Iterator[tuple[str, str, GenerationMode]]:
    """Every documented operation, to be asked rightly and, where that can be, wrongly."""
    # Nothing here asks the database: the document is made from the routes alone.
    pool = ConnectionPool("postgresql://nobody@127.0.0.1:1/nothing", open=False, min_size=1)
    for path, methods in create_app(Settings(), pool).openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, GenerationMode.POSITIVE
            if _can_be_wrong(operation):
                yield method.upper(), path, GenerationMode.NEGATIVE


def _can_be_wrong(operation: Mapping[str, Any]) -> bool:
    """Whether anything of it is held to more than being a text in the path."""
    return "requestBody" in operation or any(
        each["in"] != "path"
        or each["schema"].keys() & {"pattern", "enum", "maxLength"}
        or each["schema"].get("type") != "string"
        for each in operation.get("parameters", ())
    )


@pytest.mark.parametrize(("method", "path", "mode"), list(_cases()))
def test_every_answer_is_documented_and_none_is_a_5xx(
    documented: BaseSchema, admin: dict[str, str], method: str, path: str, mode: GenerationMode
) -> None:
    """Status, media type, headers and body of each answer, to right and to wrong requests."""

    @settings(
        max_examples=_EXAMPLES_PER_OPERATION,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=documented[path][method].as_strategy(generation_mode=mode))
    def answers_as_documented(case: Case[Any]) -> None:
        # A wrong value that is an empty list is sent as nothing at all, which is right.
        assume(all(value != [] for value in (case.query or {}).values()))
        case.call_and_validate(headers=admin, excluded_checks=_NOT_HERE)

    answers_as_documented()
