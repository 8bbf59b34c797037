"""`/healthz`: for whatever watches this process."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access.gate import GatedRoute
from api.health.probe import Finding, HealthProbe
from api.web.services import service
from jieru.i18n import marked as _

__all__ = ["router"]

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
        description="`unreachable`: it did not answer within a second. "
        "`lent`: a pooler lends its sessions for single transactions; set it to "
        "session pooling, or give the address of PostgreSQL itself."
    )
    schema_: Literal["current", "other", "unknown"] = Field(
        alias="schema",
        description="`other`: `jieru migrate` must run, or this program is too old.",
    )


_HEALTH: Final = {
    Finding.WELL: Health(status="ok", database="reachable", schema="current"),
    Finding.OTHER_SCHEMA: Health(status="unavailable", database="reachable", schema="other"),
    Finding.LENT: Health(status="unavailable", database="lent", schema="unknown"),
    Finding.UNREACHABLE: Health(status="unavailable", database="unreachable", schema="unknown"),
}


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
async def get_health(
    response: Response, probe: Annotated[HealthProbe, Depends(service(HealthProbe))]
) -> Health:
    """The health of this process."""
    health = _HEALTH[await probe.find()]
    if health.status != "ok":
        response.status_code = 503
    return health
