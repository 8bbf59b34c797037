"""The application: every route, what they share, and what they are given."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from psycopg_pool import ConnectionPool
from starlette.middleware.gzip import GZipMiddleware

from api.access.gate import require_every_route_gated
from api.counts import pages as counts_pages
from api.counts import routes as counts_routes
from api.counts.source import CountSource
from api.health import routes as health_routes
from api.reference import pages as reference_pages
from api.web.assets import Assets
from api.web.database import RequestDatabase
from api.web.headers import SecurityHeaders
from api.web.problems import install_problems
from jieru.calendar import civil_date
from jieru.settings import Settings
from verifier.policy import load_policy

__all__ = ["create_app", "yesterday"]

_STATIC: Final = "/static"
_DESCRIPTION: Final = (
    "Counts, with evidence, the manufacturing enterprises that each industrial-internet platform "
    "really connected in a year, and the award that earns."
)


def yesterday() -> date:
    """The last civil day (Asia/Shanghai) whose evidence is whole."""
    return civil_date(datetime.now(UTC)) - timedelta(days=1)


def create_app(
    settings: Settings,
    pool: ConnectionPool,
    *,
    as_of: Callable[[], date] = yesterday,
    year: int | None = None,
) -> FastAPI:
    """Put the application together.

    Args:
        settings: for the policy and the language of readers who ask for none.
        pool: the database; it stays the caller's to close.
        as_of: the last day of evidence where a request names none.
        year: what the first page shows; None: the year of `as_of`.

    Raises:
        UserError: set-up has not fetched the assets, or the policy is wrong.
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
    app.state.assets = assets
    app.state.default_language = settings.language
    app.state.pool = pool
    app.state.database = RequestDatabase(pool)
    app.state.counts = CountSource(
        pool, policy=load_policy(settings.policy), as_of=as_of, year=year
    )
    app.add_middleware(SecurityHeaders)
    install_problems(app)
    app.include_router(health_routes.router)
    app.include_router(counts_routes.router)
    app.include_router(counts_pages.router)
    app.include_router(reference_pages.router)
    require_every_route_gated(app.routes)
    app.mount(_STATIC, GZipMiddleware(assets), name="static")
    return app
