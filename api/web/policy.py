"""The policy of this application, for routes."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends

from api.web.services import service
from registry.importing import OTHER_DISTRICT
from verifier.policy import Policy

__all__ = ["CurrentPolicy", "Districts"]

CurrentPolicy = Annotated[Policy, Depends(service(Policy))]


def _districts(policy: CurrentPolicy) -> Collection[str]:
    return {*policy.districts.value, OTHER_DISTRICT}


Districts = Annotated[Collection[str], Depends(_districts)]
"""The districts that an enterprise may have: those of the policy, and elsewhere."""
