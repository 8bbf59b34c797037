"""Every route x every role: what is expected is written out here by hand, route by route.

Whoever adds a route adds its line: method, path, and who may; `-` stands in the place of a role
that may not, and `everyone` for a route that needs nobody in particular.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role

_EXPECTED: Final = """
GET   /healthz                                           everyone
GET   /docs                                              everyone

GET   /confirm                                           everyone
POST  /confirm                                           everyone
GET   /confirm/{code}                                    everyone
POST  /confirm/{code}                                    everyone
GET   /challenge/{code}                                  everyone
POST  /challenge/{code}                                  everyone
GET   /notices/leave/{code}                              everyone
POST  /notices/leave/{code}                              everyone
GET   /notices                                           operator verifier auditor admin
GET   /notices/unread                                    operator verifier auditor admin
POST  /notices/read                                      operator verifier auditor admin
GET   /notices/channels                                  operator verifier auditor admin
GET   /notices/channels/new                              operator verifier auditor admin
POST  /notices/channels/new                              operator verifier auditor admin
POST  /notices/channels/{channel_id}/leave               operator verifier auditor admin
GET   /notices/dead                                      -        -        -       admin
POST  /notices/dead/{message_id}/resend                  -        -        -       admin
GET   /api/v1/notices                                    operator verifier auditor admin
POST  /api/v1/notices/read                               operator verifier auditor admin
GET   /api/v1/notice-channels                            operator verifier auditor admin
POST  /api/v1/notice-channels                            operator verifier auditor admin
POST  /api/v1/notice-channels/{channel_id}/leave         operator verifier auditor admin
GET   /api/v1/outbox/dead                                -        -        -       admin
POST  /api/v1/outbox/dead/{message_id}/resend            -        -        -       admin

GET   /sign-in                                           everyone
POST  /sign-in                                           everyone
GET   /sign-in/code                                      everyone
POST  /sign-in/code                                      everyone
GET   /sign-in/oidc                                      everyone
GET   /sign-in/oidc/callback                             everyone
POST  /sign-out                                          operator verifier auditor admin
POST  /demonstration/clock                               operator verifier auditor admin
GET   /account/totp                                      operator verifier auditor admin
POST  /account/totp                                      operator verifier auditor admin
POST  /account/totp/confirm                              operator verifier auditor admin
POST  /account/totp/end                                  operator verifier auditor admin
GET   /account/password                                  operator verifier auditor admin
POST  /account/password                                  operator verifier auditor admin
GET   /api/v1/me                                         operator verifier auditor admin
GET   /api/v1/heavy-work                                 operator verifier auditor admin
POST  /api/v1/heavy-work/{number}/cancel                 operator verifier auditor admin

GET   /administration                                    -        -        -       admin
GET   /administration/processes                          -        -        -       admin
GET   /administration/policy                             -        -        -       admin
GET   /administration/signing-keys                       -        -        -       admin
GET   /administration/ingesters                          -        -        -       admin
GET   /administration/records                            -        -        -       admin
GET   /administration/accounts                           -        -        -       admin
GET   /administration/accounts/new                       -        -        -       admin
GET   /administration/accounts/{name}                    -        -        -       admin
GET   /api/v1/administration/examination                 -        -        -       admin
GET   /api/v1/administration/processes                   -        -        -       admin
GET   /api/v1/administration/accounts                    -        -        -       admin
# Accounts are changed by people: test_administration_pages.py changes them with sessions.
POST  /administration/accounts/new                       -        -        -       -
POST  /administration/accounts/{name}/{step}             -        -        -       -
POST  /administration/account-changes/{change_id}/confirm -       -        -       -
POST  /administration/account-changes/{change_id}/withdraw -      -        -       -

GET   /                                                  operator verifier auditor admin
GET   /overview                                          operator verifier auditor admin
GET   /api/v1/overview                                   operator verifier auditor admin
GET   /api/v1/pipeline                                   operator verifier auditor admin
GET   /api/v1/pipeline/year                              operator verifier auditor admin

GET   /api/v1/api-keys                                   operator verifier auditor admin
POST  /api/v1/api-keys                                   operator -        -       admin
POST  /api/v1/api-keys/{key_id}/revoke                   operator -        -       admin
GET   /account/personal-keys                             -        verifier -       admin
GET   /account/personal-keys/new                         -        verifier -       admin
POST  /account/personal-keys/new                         -        verifier -       admin
POST  /account/personal-keys/{key_id}/revoke             -        verifier -       admin
GET   /api-keys                                          operator verifier auditor admin
GET   /api-keys/new                                      operator -        -       admin
POST  /api-keys/new                                      operator -        -       admin
POST  /api-keys/{key_id}/revoke                          operator -        -       admin

GET   /api/v1/credentials                                operator verifier auditor admin
POST  /api/v1/credentials                                operator -        -       admin
POST  /api/v1/credentials/{credential_id}/replace        operator -        -       admin
POST  /api/v1/credentials/{credential_id}/revoke         operator -        -       admin
GET   /api/v1/gateways                                   operator verifier auditor admin
POST  /api/v1/gateways                                   operator -        -       admin
GET   /api/v1/gateways/{platform}/{name}                 operator verifier auditor admin
PATCH /api/v1/gateways/{platform}/{name}                 operator -        -       admin
GET   /api/v1/broker/sessions                            operator verifier auditor admin
GET   /api/v1/broker/events                              operator verifier auditor admin
GET   /api/v1/sources                                    operator verifier auditor admin
POST  /api/v1/sources                                    operator -        -       admin
GET   /api/v1/sources/ready-made                         operator verifier auditor admin
POST  /api/v1/sources/trials                             operator -        -       admin
GET   /api/v1/sources/{platform}/{name}                  operator verifier auditor admin
POST  /api/v1/sources/{platform}/{name}/end              operator -        -       admin
GET   /api/v1/connect/authority.pem                      operator verifier auditor admin
GET   /api/v1/connect/{platform}                         operator verifier auditor admin
GET   /api/v1/connect/{platform}/arrivals                operator verifier auditor admin
GET   /platforms/{platform}/connect                      operator verifier auditor admin
GET   /platforms/{platform}/gateways/{name}/connect      operator verifier auditor admin
GET   /devices/{platform}/{serial}/connect               operator verifier auditor admin
# Followed by people in their browsers; test_connect_pages.py follows as each of them.
GET   /platforms/{platform}/connect/arrivals             -        -        -       -

GET   /api/v1/imports                                    operator verifier auditor admin
POST  /api/v1/imports/{kind}                             operator verifier -       admin
GET   /api/v1/imports/{import_id}                        operator verifier auditor admin
POST  /api/v1/imports/{import_id}/apply                  operator verifier -       admin
GET   /api/v1/imports/{import_id}/errors.csv             operator verifier auditor admin
GET   /api/v1/imports/{import_id}/failed-rows.csv        operator verifier auditor admin
GET   /api/v1/imports/{import_id}/failed-rows.xlsx       operator verifier auditor admin
GET   /api/v1/imports/templates/{kind}.csv               operator verifier auditor admin
GET   /api/v1/imports/templates/{kind}.xlsx              operator verifier auditor admin
GET   /imports                                           operator verifier auditor admin
POST  /imports                                           operator verifier -       admin
GET   /imports/{import_id}                               operator verifier auditor admin
POST  /imports/{import_id}/apply                         operator verifier -       admin

GET   /api/v1/audit-entries                              operator verifier auditor admin
GET   /api/v1/audit-entries.csv                          operator verifier auditor admin

GET   /access-log                                        -        -        auditor admin
GET   /api/v1/access-entries                             -        -        auditor admin
GET   /api/v1/access-entries.csv                         -        -        auditor admin

GET   /counts                                            operator verifier auditor admin
GET   /counts/{year}                                     operator verifier auditor admin
GET   /counts/{year}/{platform}/{uscc}                   operator verifier auditor admin
GET   /api/v1/counts/{year}                              operator verifier auditor admin
GET   /api/v1/counts/{year}/{platform}/{uscc}            operator verifier auditor admin
GET   /api/v1/counts                                     operator verifier auditor admin
GET   /api/v1/counts/compare                             -        verifier auditor admin
GET   /api/v1/counts/{year}/procedure                    operator verifier auditor admin
GET   /api/v1/counts/{year}/determinations               operator verifier auditor admin
GET   /api/v1/counts/{year}/review                       -        verifier auditor admin
GET   /api/v1/counts/{year}/report                       operator verifier auditor admin
GET   /counts/compare                                    -        verifier auditor admin
GET   /counts/{year}/review                              -        verifier auditor admin
GET   /counts/{year}/report                              operator verifier auditor admin
GET   /counts/{year}/work                                -        verifier auditor admin
GET   /counts/{year}/decision                            -        verifier -       admin
GET   /counts/{year}/{step}                              -        verifier -       admin

# Steps are taken by people: no program may, whatever its role. Which people may is tested with
# their sessions in test_procedure_api.py.
POST  /api/v1/counts/decisions                           -        -        -       -
POST  /api/v1/counts/decisions/{decision_id}/confirm     -        -        -       -
POST  /api/v1/counts/decisions/{decision_id}/withdraw    -        -        -       -
POST  /api/v1/counts/{year}/closings                     -        -        -       -
POST  /api/v1/counts/closings/{closing_id}/withdraw      -        -        -       -
POST  /api/v1/counts/{year}/draft                        -        -        -       -
POST  /api/v1/counts/{year}/submit                       -        -        -       -
POST  /api/v1/counts/{year}/return                       -        -        -       -
POST  /api/v1/counts/{year}/discard                      -        -        -       -
POST  /api/v1/counts/{year}/freeze                       -        -        -       -
POST  /api/v1/counts/{year}/publish                      -        -        -       -
POST  /api/v1/counts/{year}/objections                   -        -        -       -
POST  /api/v1/counts/{year}/objections/{objection_id}/resolve - -        -       -
POST  /api/v1/counts/{year}/objections/{objection_id}/override - -       -       -
POST  /api/v1/counts/{year}/objections/{objection_id}/override/withdraw - - -   -
POST  /api/v1/counts/{year}/objections/{objection_id}/override/confirm - - -    -
POST  /api/v1/counts/{year}/approve-payment              -        -        -       -
POST  /api/v1/counts/{year}/payments                     -        -        -       -
POST  /counts/{year}/decision                            -        -        -       -
POST  /counts/{year}/{step}                              -        -        -       -

GET   /cases                                             -        verifier auditor admin
GET   /cases/new                                         -        verifier -       admin
GET   /cases/{case_id}                                   -        verifier auditor admin
GET   /cases/{case_id}/{step}                            -        verifier -       admin
GET   /api/v1/cases                                      -        verifier auditor admin
GET   /api/v1/cases/{case_id}                            -        verifier auditor admin
GET   /api/v1/cases/{case_id}/documents/{sha256}         -        verifier auditor admin

# Steps of cases are taken by people as well; test_cases_api.py has them.
POST  /cases/new                                         -        -        -       -
POST  /cases/{case_id}/{step}                            -        -        -       -
POST  /api/v1/cases                                      -        -        -       -
POST  /api/v1/cases/{case_id}/steps                      -        -        -       -

GET   /questions                                         operator -        -       -
GET   /questions/{uscc}                                  operator -        -       -
GET   /questions/{uscc}/answer                           operator -        -       -
POST  /questions/{uscc}/answer                           operator -        -       -
GET   /api/v1/questions                                  operator -        -       -
GET   /api/v1/questions/{uscc}                           operator -        -       -
POST  /api/v1/questions/{uscc}/answer                    operator -        -       -
GET   /api/v1/questions/{uscc}/documents/{sha256}        operator -        -       -

GET   /enterprises/{uscc}/declarations/new               operator -        -       -
POST  /enterprises/{uscc}/declarations/new               operator -        -       -
GET   /declarations                                      -        verifier auditor admin
GET   /declarations/{declaration_id}/confirm             -        verifier -       admin
POST  /declarations/{declaration_id}/confirm             -        verifier -       admin
GET   /api/v1/declarations                               operator verifier auditor admin
POST  /api/v1/declarations                               operator -        -       -
POST  /api/v1/declarations/{declaration_id}/confirm      -        verifier -       admin

GET   /api/v1/platforms                                  operator verifier auditor admin
GET   /api/v1/platforms.csv                              operator verifier auditor admin
POST  /api/v1/platforms                                  -        verifier -       admin
GET   /api/v1/platforms/{code}                           operator verifier auditor admin
PATCH /api/v1/platforms/{code}                           -        verifier -       admin
POST  /api/v1/platforms/{code}/end                       -        verifier -       admin
POST  /api/v1/platforms/{code}/reopen                    -        verifier -       admin
GET   /api/v1/recognitions                               operator verifier auditor admin
GET   /api/v1/recognitions.csv                           operator verifier auditor admin
POST  /api/v1/recognitions                               -        verifier -       admin
GET   /api/v1/recognitions/{recognition_id}              operator verifier auditor admin
PATCH /api/v1/recognitions/{recognition_id}              -        verifier -       admin
POST  /api/v1/recognitions/{recognition_id}/end          -        verifier -       admin

GET   /api/v1/enterprises                                operator verifier auditor admin
GET   /api/v1/enterprises.csv                            operator verifier auditor admin
POST  /api/v1/enterprises                                operator verifier -       admin
GET   /api/v1/enterprises/{uscc}                         operator verifier auditor admin
PATCH /api/v1/enterprises/{uscc}                         operator verifier -       admin
POST  /api/v1/enterprises/{uscc}/end                     operator verifier -       admin
POST  /api/v1/enterprises/{uscc}/reopen                  operator verifier -       admin
GET   /api/v1/enterprises/{uscc}/presence                operator verifier auditor admin
GET   /api/v1/connections                                operator verifier auditor admin
GET   /api/v1/connections.csv                            operator verifier auditor admin
POST  /api/v1/connections                                operator verifier -       admin
GET   /api/v1/connections/{connection_id}                operator verifier auditor admin
PATCH /api/v1/connections/{connection_id}                operator verifier -       admin
POST  /api/v1/connections/{connection_id}/end            operator verifier -       admin
GET   /api/v1/connection-requests                        operator verifier auditor admin
GET   /api/v1/connection-requests/{request_id}           operator verifier auditor admin
POST  /api/v1/connection-requests/{request_id}/withdraw  operator -        -       -
POST  /api/v1/connection-requests/{request_id}/confirm   -        verifier -       admin
POST  /api/v1/connection-requests/{request_id}/refuse    -        verifier -       admin
GET   /api/v1/devices                                    operator verifier auditor admin
GET   /api/v1/devices.csv                                operator verifier auditor admin
POST  /api/v1/devices                                    operator verifier -       admin
GET   /api/v1/devices/{platform}/{serial}                operator verifier auditor admin
PATCH /api/v1/devices/{platform}/{serial}                operator verifier -       admin
POST  /api/v1/devices/{platform}/{serial}/end            operator verifier -       admin
POST  /api/v1/devices/{platform}/{serial}/reopen         operator verifier -       admin
GET   /api/v1/devices/{platform}/{serial}/heartbeats     operator verifier auditor admin
GET   /api/v1/devices/{platform}/{serial}/presence       operator verifier auditor admin
GET   /api/v1/devices/{platform}/{serial}/excess         operator verifier auditor admin
GET   /api/v1/devices/{platform}/{serial}/trouble        operator verifier auditor admin
GET   /api/v1/assignments                                operator verifier auditor admin
GET   /api/v1/assignments.csv                            operator verifier auditor admin
POST  /api/v1/assignments                                operator verifier -       admin
GET   /api/v1/assignments/{assignment_id}                operator verifier auditor admin
PATCH /api/v1/assignments/{assignment_id}                operator verifier -       admin
POST  /api/v1/assignments/{assignment_id}/end            operator verifier -       admin

GET   /api/v1/enterprises/{uscc}/contacts                -        verifier -       admin
POST  /api/v1/enterprises/{uscc}/contacts                -        verifier -       admin
GET   /api/v1/connections/{connection_id}/confirmations  operator verifier auditor admin
POST  /api/v1/connections/{connection_id}/ask            -        verifier -       admin
POST  /api/v1/connections/{connection_id}/letter         -        verifier -       admin
GET   /enterprises/{uscc}/contact                        -        verifier -       admin
GET   /enterprises/{uscc}/contact/edit                   -        verifier -       admin
POST  /enterprises/{uscc}/contact/edit                   -        verifier -       admin
GET   /challenges                                        -        verifier auditor admin
POST  /challenges                                        -        verifier -       admin
GET   /api/v1/challenges                                 -        verifier auditor admin
POST  /api/v1/challenges                                 -        verifier -       admin
GET   /confirmations                                     operator verifier auditor admin
POST  /connections/{connection_id}/ask                   -        verifier -       admin
POST  /connections/{connection_id}/letter                -        verifier -       admin

GET   /api/v1/rejections                                 operator verifier auditor admin
GET   /api/v1/rejections.csv                             operator verifier auditor admin
GET   /api/v1/rejections/groups                          operator verifier auditor admin

GET   /platforms                                         operator verifier auditor admin
GET   /platforms/_new                                    -        verifier -       admin
POST  /platforms/_new                                    -        verifier -       admin
GET   /platforms/{platform}                              operator verifier auditor admin
GET   /platforms/{platform}/edit                         -        verifier -       admin
POST  /platforms/{platform}/edit                         -        verifier -       admin
GET   /platforms/{platform}/end                          -        verifier -       admin
POST  /platforms/{platform}/end                          -        verifier -       admin
GET   /platforms/{platform}/reopen                       -        verifier -       admin
POST  /platforms/{platform}/reopen                       -        verifier -       admin
GET   /platforms/{platform}/recognitions/new             -        verifier -       admin
POST  /platforms/{platform}/recognitions/new             -        verifier -       admin
GET   /broker                                            operator verifier auditor admin
GET   /platforms/{platform}/broker                       operator verifier auditor admin
GET   /platforms/{platform}/gateways                     operator verifier auditor admin
GET   /platforms/{platform}/gateways/new                 operator -        -       admin
POST  /platforms/{platform}/gateways/new                 operator -        -       admin
GET   /platforms/{platform}/gateways/{name}/edit         operator -        -       admin
POST  /platforms/{platform}/gateways/{name}/edit         operator -        -       admin
GET   /platforms/{platform}/sources                      operator verifier auditor admin
GET   /platforms/{platform}/sources/new                  operator -        -       admin
POST  /platforms/{platform}/sources/new                  operator -        -       admin
GET   /platforms/{platform}/sources/try                  operator -        -       admin
POST  /platforms/{platform}/sources/try                  operator -        -       admin
POST  /platforms/{platform}/sources/{name}/end           operator -        -       admin
GET   /recognitions/{recognition_id}/end                 -        verifier -       admin
POST  /recognitions/{recognition_id}/end                 -        verifier -       admin
GET   /enterprises                                       operator verifier auditor admin
GET   /enterprises/new                                   operator verifier -       admin
POST  /enterprises/new                                   operator verifier -       admin
GET   /enterprises/{uscc}                                operator verifier auditor admin
GET   /enterprises/{uscc}/edit                           operator verifier -       admin
POST  /enterprises/{uscc}/edit                           operator verifier -       admin
GET   /enterprises/{uscc}/end                            operator verifier -       admin
POST  /enterprises/{uscc}/end                            operator verifier -       admin
GET   /enterprises/{uscc}/reopen                         operator verifier -       admin
POST  /enterprises/{uscc}/reopen                         operator verifier -       admin
GET   /enterprises/{uscc}/connections/new                operator verifier -       admin
POST  /enterprises/{uscc}/connections/new                operator verifier -       admin
GET   /connections/new                                   operator verifier -       admin
POST  /connections/new                                   operator verifier -       admin
GET   /connection-requests                               operator verifier auditor admin
POST  /connection-requests/{request_id}/withdraw         operator -        -       -
GET   /connection-requests/{request_id}/confirm          -        verifier -       admin
POST  /connection-requests/{request_id}/confirm          -        verifier -       admin
GET   /connection-requests/{request_id}/refuse           -        verifier -       admin
POST  /connection-requests/{request_id}/refuse           -        verifier -       admin
GET   /connections/{connection_id}/edit                  operator verifier -       admin
POST  /connections/{connection_id}/edit                  operator verifier -       admin
GET   /connections/{connection_id}/end                   operator verifier -       admin
POST  /connections/{connection_id}/end                   operator verifier -       admin
GET   /devices                                           operator verifier auditor admin
GET   /devices/new                                       operator verifier -       admin
POST  /devices/new                                       operator verifier -       admin
GET   /devices/{platform}/{serial}                       operator verifier auditor admin
GET   /devices/{platform}/{serial}/heartbeats            operator verifier auditor admin
GET   /devices/{platform}/{serial}/edit                  operator verifier -       admin
POST  /devices/{platform}/{serial}/edit                  operator verifier -       admin
GET   /devices/{platform}/{serial}/end                   operator verifier -       admin
POST  /devices/{platform}/{serial}/end                   operator verifier -       admin
GET   /devices/{platform}/{serial}/reopen                operator verifier -       admin
POST  /devices/{platform}/{serial}/reopen                operator verifier -       admin
GET   /devices/{platform}/{serial}/hand-over             operator verifier -       admin
POST  /devices/{platform}/{serial}/hand-over             operator verifier -       admin
GET   /assignments/{assignment_id}/end                   operator verifier -       admin
POST  /assignments/{assignment_id}/end                   operator verifier -       admin
POST  /credentials                                       operator -        -       admin
POST  /credentials/{credential_id}/replace               operator -        -       admin
POST  /credentials/{credential_id}/revoke                operator -        -       admin
GET   /rejections                                        operator verifier auditor admin
GET   /rejections/messages                               operator verifier auditor admin
GET   /api/v1/draws                                      -        verifier auditor admin
POST  /api/v1/draws                                      -        -        -       -
GET   /api/v1/draws/{draw_id}                            -        verifier auditor admin
GET   /api/v1/draws/{draw_id}/list.csv                   -        verifier auditor admin
POST  /api/v1/draws/{draw_id}/draw                       -        -        -       -
GET   /api/v1/visits                                     -        verifier auditor admin
POST  /api/v1/visits                                     -        -        -       -
GET   /api/v1/visits/{visit_id}/documents/{sha256}       -        verifier auditor admin
GET   /api/v1/opening-stocks                             -        verifier auditor admin
POST  /api/v1/opening-stocks                             -        -        -       -
POST  /api/v1/opening-stocks/{stock_id}/confirm          -        -        -       -
POST  /api/v1/opening-stocks/{stock_id}/withdraw         -        -        -       -
GET   /opening-stocks                                    -        verifier auditor admin
GET   /opening-stocks/new                                -        verifier -       admin
POST  /opening-stocks/new                                -        -        -       -
GET   /opening-stocks/{stock_id}/confirm                 -        verifier -       admin
POST  /opening-stocks/{stock_id}/confirm                 -        -        -       -
GET   /opening-stocks/{stock_id}/withdraw                -        verifier -       admin
POST  /opening-stocks/{stock_id}/withdraw                -        -        -       -
GET   /draws                                             -        verifier auditor admin
GET   /draws/publish                                     -        verifier -       admin
POST  /draws/publish                                     -        -        -       -
GET   /draws/{draw_id}                                   -        verifier auditor admin
GET   /draws/{draw_id}/list.csv                          -        verifier auditor admin
GET   /draws/{draw_id}/draw                              -        verifier -       admin
POST  /draws/{draw_id}/draw                              -        -        -       -
GET   /visits                                            -        verifier auditor admin
GET   /visits/new                                        -        verifier -       admin
POST  /visits/new                                        -        -        -       -
GET   /panels                                            -        verifier auditor admin
GET   /panels/{dashboard}                                -        verifier auditor admin
GET   /panels/{dashboard}/{panel}                        -        verifier auditor admin
GET   /audit                                             operator verifier auditor admin
"""

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_VALUES: Final = {"year": "2026", "kind": "devices"}
_OTHER_VALUE: Final = "1"


class Line(NamedTuple):
    """One line of the table."""

    method: str
    path: str
    roles: frozenset[Role] | None
    """None: everyone."""

    def address(self) -> str:
        """With something in the place of each parameter."""
        return _PLACEHOLDER.sub(lambda match: _VALUES.get(match[1], _OTHER_VALUE), self.path)


def line_of(text: str) -> Line:
    """Read one line."""
    method, path, *words = text.split()
    if words == ["everyone"]:
        return Line(method, path, None)
    assert len(words) == len(Role), text
    for role, word in zip(Role, words, strict=True):
        assert word in {role.value, "-"}, text
    return Line(method, path, frozenset(Role(word) for word in words if word != "-"))


_LINES: Final = [line_of(text) for text in _EXPECTED.splitlines() if text[:1] not in {"", "#"}]


@pytest.fixture(scope="module")
def app_url(embedded_server: DatabaseServer) -> Iterator[str]:
    """A database with one platform and nothing else."""
    with embedded_server.database() as url:
        migrate(url)
        with connect(url) as connection:
            RegistryBuilder(connection).platform("xielian")
            connection.commit()
        yield url


@pytest.fixture(scope="module")
def app(app_url: str) -> Iterator[FastAPI]:
    """The real application."""
    with open_pool(as_role(app_url, API), size=2) as pool:
        yield create_app(Settings(), pool)


@pytest.fixture(scope="module")
def callers(app_url: str) -> dict[Role, Mapping[str, str]]:
    """A program of each role."""
    with connect(app_url) as connection:
        return {
            role: bearer(connection, role, "xielian" if role is Role.OPERATOR else None)
            for role in Role
        }


async def ask(app: FastAPI, line: Line, headers: Mapping[str, str]) -> httpx.Response:
    """One request, without a body."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        return await client.request(line.method, line.address(), headers=headers)


def test_every_route_of_the_application_has_its_line_and_every_line_its_route(
    app: FastAPI,
) -> None:
    """A new route fails here until somebody has said who may use it."""
    routes = {
        (method, each.path_format)
        for each in iter_route_contexts(app.routes)
        if isinstance(each.original_route, APIRoute)
        for method in each.methods or ()
    }
    lines = [(line.method, line.path) for line in _LINES]
    assert sorted(routes - set(lines)) == []
    assert sorted(set(lines) - routes) == []
    assert len(lines) == len(set(lines))


def test_what_is_no_route_of_ours_is_the_document_and_the_static_files(app: FastAPI) -> None:
    """Nothing else could pass by the gate."""
    others = {
        getattr(each.original_route, "path", "")
        for each in iter_route_contexts(app.routes)
        if not isinstance(each.original_route, APIRoute)
    }
    assert others == {"/openapi.json", "/static"}


@pytest.mark.parametrize("line", _LINES, ids=lambda line: f"{line.method} {line.path}")
async def test_a_route_lets_in_whom_it_should_and_nobody_else(
    app: FastAPI, callers: Mapping[Role, Mapping[str, str]], line: Line
) -> None:
    """The refused get 403, the allowed anything else."""
    for role, headers in callers.items():
        status = (await ask(app, line, headers)).status_code
        assert status < 500
        if line.roles is None or role in line.roles:
            assert status not in {401, 403}, role
        else:
            assert status == 403, role


@pytest.mark.parametrize("line", _LINES, ids=lambda line: f"{line.method} {line.path}")
async def test_a_route_that_is_not_for_everyone_is_shut_to_nobody_in_particular(
    app: FastAPI, line: Line
) -> None:
    """401 for a program; a person is led to the door, and back to a page that can be shown."""
    program = await ask(app, line, {})
    person = await ask(app, line, {"accept": "text/html"})
    if line.roles is None:
        assert program.status_code not in {401, 403}
        assert not person.headers.get("location", "").startswith("/sign-in?")
        return
    assert program.status_code == 401
    assert program.headers["www-authenticate"] == "Bearer"
    if line.path.startswith("/api/"):
        assert person.status_code == 401
        return
    assert person.status_code == 303
    back = line.address().replace("/", "%2F") if line.method == "GET" else "%2F"
    assert person.headers["location"] == f"/sign-in?next={back}"
