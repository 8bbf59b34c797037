"""The application: every route, what they share, and what they are given."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from psycopg_pool import ConnectionPool
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from api.access.askers import Askers
from api.access.gate import require_every_route_gated
from api.access.oidc import provider_of
from api.access.second_step import SecondStep
from api.access.turns import HashingTurns, ProviderTurns
from api.access_log import pages as access_log_pages
from api.access_log import routes as access_log_routes
from api.account import key_pages, personal_key_pages, totp_pages
from api.account import routes as access_routes
from api.account import sign_in_pages as access_pages
from api.administration import account_pages as administration_account_pages
from api.administration import pages as administration_pages
from api.administration import routes as administration_routes
from api.administration.examining import Examining
from api.audit import pages as audit_pages
from api.audit import routes as audit_routes
from api.cases import pages as cases_pages
from api.cases import question_pages, question_routes
from api.cases import routes as cases_routes
from api.challenges import pages as challenges_pages
from api.challenges import routes as challenges_routes
from api.challenges.queries import ChallengeSource
from api.connect import pages as connect_pages
from api.connect import routes as connect_routes
from api.connect.following import Following
from api.console.assets import Assets
from api.console.problem_answers import install_problems
from api.counts import pages as counts_pages
from api.counts import procedure_pages, procedure_routes
from api.counts import routes as counts_routes
from api.counts.procedure_source import ProcedureSource
from api.counts.source import CountSource
from api.demonstration import pages as demonstration_pages
from api.draws import pages as draws_pages
from api.draws import routes as draws_routes
from api.health import routes as health_routes
from api.health.probe import HealthProbe
from api.heavy_work import routes as heavy_work_routes
from api.imports import pages as imports_pages
from api.imports import routes as imports_routes
from api.notices import pages as notices_pages
from api.notices import routes as notices_routes
from api.notices.source import NoticeSource
from api.openapi import openapi_document
from api.opening_stocks import pages as opening_stocks_pages
from api.opening_stocks import routes as opening_stocks_routes
from api.overview import pages as overview_pages
from api.overview import routes as overview_routes
from api.overview.source import OverviewSource
from api.panels import pages as panels_pages
from api.panels.source import PanelSource
from api.pipeline import routes as pipeline_routes
from api.pipeline.source import PipelineSource
from api.reference import pages as reference_pages
from api.registry.assignments import pages as assignments_pages
from api.registry.assignments import routes as assignments_routes
from api.registry.broker import pages as broker_pages
from api.registry.broker import routes as broker_routes
from api.registry.confirmations import pages as confirmations_pages
from api.registry.confirmations import public_pages as confirmations_public_pages
from api.registry.confirmations import routes as confirmations_routes
from api.registry.confirmations.source import QuestionSource
from api.registry.connection_requests import pages as connection_requests_pages
from api.registry.connection_requests import routes as connection_requests_routes
from api.registry.connections import pages as connections_pages
from api.registry.connections import routes as connections_routes
from api.registry.contacts import pages as contacts_pages
from api.registry.contacts import routes as contacts_routes
from api.registry.credentials import pages as credentials_pages
from api.registry.credentials import routes as credential_routes
from api.registry.declarations import pages as declarations_pages
from api.registry.declarations import routes as declarations_routes
from api.registry.devices import pages as devices_pages
from api.registry.devices import routes as devices_routes
from api.registry.enterprises import pages as enterprises_pages
from api.registry.enterprises import routes as enterprises_routes
from api.registry.gateways import pages as gateways_pages
from api.registry.gateways import routes as gateways_routes
from api.registry.platforms import pages as platforms_pages
from api.registry.platforms import routes as platforms_routes
from api.registry.recognitions import pages as recognitions_pages
from api.registry.recognitions import routes as recognitions_routes
from api.registry.sources import pages as sources_pages
from api.registry.sources import routes as sources_routes
from api.rejections import pages as rejections_pages
from api.rejections import routes as rejections_routes
from api.web.body_limit import BodyLimit
from api.web.bounds.bounds import Bounds, LeavesAtTheEnd
from api.web.bounds.heavy import HeavyQueue
from api.web.clock import Clock
from api.web.database import RequestDatabase
from api.web.demonstration import Demonstration
from api.web.ending import AnsweredAtTheEnd
from api.web.head import HeadLikeGet
from api.web.headers import SecurityHeaders
from api.web.lanes import RoomForThreads
from api.web.language import DefaultLanguage
from api.web.services import Services
from jieru.calendar import civil_date
from jieru.credentials.ways_in import WaysIn
from jieru.documents.store import document_store
from jieru.outbox.sealing import notice_key_of
from jieru.settings import Settings
from verifier.policy import load_policy
from verifier.procedure.holidays import load_holidays
from verifier.procedure.trusted_keys import trusted_keys_of

__all__ = ["create_app", "yesterday"]

_STATIC: Final = "/static"
_PARTS: Final = (
    health_routes.router,
    access_routes.router,
    heavy_work_routes.router,
    access_pages.router,
    demonstration_pages.router,
    confirmations_public_pages.router,
    notices_routes.router,
    notices_pages.router,
    # Before the counts of a year, whose addresses would take their names for years or codes.
    procedure_routes.router,
    procedure_pages.router,
    counts_routes.router,
    counts_pages.router,
    opening_stocks_routes.router,
    opening_stocks_pages.router,
    draws_routes.router,
    draws_pages.router,
    credential_routes.router,
    totp_pages.router,
    audit_routes.router,
    cases_routes.router,
    cases_pages.router,
    question_routes.router,
    question_pages.router,
    declarations_routes.router,
    declarations_pages.router,
    access_log_routes.router,
    imports_routes.router,
    administration_routes.router,
    administration_pages.router,
    administration_account_pages.router,
    overview_routes.router,
    overview_pages.router,
    pipeline_routes.router,
    panels_pages.router,
    imports_pages.router,
    connect_routes.router,
    # Before a platform's and a device's own pages.
    connect_pages.router,
    platforms_pages.router,
    recognitions_pages.router,
    broker_routes.router,
    broker_pages.router,
    gateways_pages.router,
    sources_pages.router,
    enterprises_pages.router,
    connections_pages.router,
    connection_requests_pages.router,
    confirmations_pages.router,
    challenges_pages.router,
    contacts_pages.router,
    devices_pages.router,
    assignments_pages.router,
    credentials_pages.router,
    rejections_pages.router,
    audit_pages.router,
    access_log_pages.router,
    key_pages.router,
    personal_key_pages.router,
    platforms_routes.router,
    recognitions_routes.router,
    gateways_routes.router,
    sources_routes.router,
    enterprises_routes.router,
    connections_routes.router,
    connection_requests_routes.router,
    confirmations_routes.router,
    challenges_routes.router,
    contacts_routes.router,
    devices_routes.router,
    assignments_routes.router,
    rejections_routes.router,
    reference_pages.router,
)
"""The routes of every subject, in the order in which an address is looked for."""
_DESCRIPTION: Final = (
    "Counts, with evidence, the manufacturing enterprises that each industrial-internet platform "
    "really connected in a year, and the award that earns."
)


def yesterday() -> date:
    """The last civil day (Asia/Shanghai) whose evidence is whole."""
    return civil_date(datetime.now(UTC)) - timedelta(days=1)


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """All routes, put together once: it takes a third of a second, and none knows its application.

    Raises:
        RuntimeError: one is not gated (a bug).
    """
    gathered = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for part in _PARTS:
        gathered.include_router(part)
    require_every_route_gated(gathered.routes)
    return tuple(gathered.routes)


def create_app(
    settings: Settings,
    pool: ConnectionPool,
    *,
    as_of: Callable[[], date] = yesterday,
    year: int | None = None,
    clock: Clock | None = None,
    demonstration: Demonstration | None = None,
) -> FastAPI:
    """Put the application together.

    Args:
        settings: for the policy and the language of readers who ask for none.
        pool: the database; it stays the caller's to close.
        as_of: the last day of evidence where a request names none.
        year: what the first page shows; None: the year of `as_of`.
        clock: None: the host's, or that of the demonstration.
        demonstration: by whose time steps are taken, in a demonstration.

    Raises:
        UserError: set-up has not fetched the assets, or the policy, a broker's address or the
            file of equipment's authority is wrong.
    """
    app = FastAPI(
        title="Jieru",
        summary=_DESCRIPTION,
        version=version("jieru"),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        # Swagger UI and ReDoc would come from another machine; our own page is at /docs.
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    assets = Assets(_STATIC)
    database = RequestDatabase(pool)
    bounds = Bounds(HeavyQueue(database.reading))
    policy = load_policy(settings.policy)
    holidays = load_holidays(settings.holidays_file)
    ways_in = WaysIn.of_settings(settings)
    app.state.services = Services(
        assets,
        DefaultLanguage(settings.language),
        HealthProbe(str(pool.conninfo)),
        database,
        policy,
        bounds,
        Askers(),
        CountSource(database, bounds, policy=policy, as_of=as_of, year=year),
        ProcedureSource(
            policy,
            settings,
            holidays,
            trusted_keys_of(settings),
        ),
        holidays,
        document_store(settings),
        provider_of(settings),
        SecondStep.of_settings(settings),
        HashingTurns(),
        ProviderTurns(),
        ways_in.broker,
        ways_in,
        Following(database),
        OverviewSource(database),
        PipelineSource(database, policy=policy, as_of=as_of, year=year),
        PanelSource(database),
        clock or (demonstration.clock if demonstration else Clock()),
        demonstration,
        Examining(settings),
        QuestionSource(settings),
        NoticeSource(notice_key_of(settings)),
        ChallengeSource(settings, load_holidays(settings.holidays_file)),
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HeadLikeGet)
    app.add_middleware(AnsweredAtTheEnd)
    app.add_middleware(LeavesAtTheEnd)
    app.add_middleware(RoomForThreads)
    install_problems(app)
    app.router.routes.extend(_routes())
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign]
    app.mount(_STATIC, GZipMiddleware(assets), name="static")
    return app
