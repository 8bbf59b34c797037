"""`/healthz`: for whatever watches this process."""

from typing import Annotated, Literal

import psycopg
from fastapi import APIRouter, Depends, Response
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic import BaseModel, ConfigDict, Field

from api.access.gate import GatedRoute
from api.web.services import service
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _
from jieru.schema import require_current_schema

__all__ = ["router"]

_WAIT_FOR_DATABASE_S = 2.0

router = APIRouter(tags=["health"], route_class=GatedRoute)


class Health(BaseModel):
    """Whether this process can do its work, and what keeps it from it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "ok", "database": "reachable", "schema": "current"}]
        },
        serialize_by_alias=True,
    )

    status: Literal["ok", "unavailable"]
    database: Literal["reachable", "unreachable", "lent"] = Field(
        description="`lent`: a pooler lends its sessions for single transactions; set it to "
        "session pooling, or give the address of PostgreSQL itself."
    )
    schema_: Literal["current", "other", "unknown"] = Field(
        alias="schema",
        description="`other`: `jieru migrate` must run, or this program is too old.",
    )


def read_health(pool: ConnectionPool) -> Health:
    """Ask the database; never raises for a database that is away or of another version."""
    try:
        with pool.connection(timeout=_WAIT_FOR_DATABASE_S) as connection:
            require_current_schema(connection)
    except UserError:
        return Health(status="unavailable", database="reachable", schema="other")
    except (psycopg.Error, PoolTimeout):
        return Health(status="unavailable", database=_why_not(pool), schema="unknown")
    return Health(status="ok", database="reachable", schema="current")


def _why_not(pool: ConnectionPool) -> Literal["unreachable", "lent"]:
    """What another connection tells, where the pool gave none or one that went wrong."""
    try:
        connect(str(pool.conninfo)).close()
    except UserError:
        return "lent"
    except (psycopg.Error, WorldError):
        pass
    return "unreachable"


@router.get(
    "/healthz",
    summary="Health",
    description=_("Whether the database answers and has the schema of this program."),
    response_description=_("This process can do its work."),
    responses={
        503: {
            "model": Health,
            "description": _("The database is away, of another schema, or behind an unfit pooler."),
        }
    },
)
def get_health(
    response: Response, pool: Annotated[ConnectionPool, Depends(service(ConnectionPool))]
) -> Health:
    """The health of this process."""
    health = read_health(pool)
    if health.status != "ok":
        response.status_code = 503
    return health
