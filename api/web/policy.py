"""The policy of this application, for routes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from api.web.services import service
from registry.importing import OTHER_DISTRICT
from verifier.policy import Policy

__all__ = ["CurrentPolicy", "CurrentRegistryRules", "Districts", "RegistryRules"]

CurrentPolicy = Annotated[Policy, Depends(service(Policy))]


def _districts(policy: CurrentPolicy) -> Collection[str]:
    return {*policy.districts.value, OTHER_DISTRICT}


@dataclass(frozen=True, slots=True)
class RegistryRules:
    """What the policy says of what is registered."""

    districts: Collection[str]
    backdate_days_max: int | None
    """None: a policy of before evidence followed registration."""


def _registry_rules(policy: CurrentPolicy) -> RegistryRules:
    backdating = policy.backdate_days_max
    return RegistryRules(_districts(policy), backdating.value if backdating else None)


CurrentRegistryRules = Annotated[RegistryRules, Depends(_registry_rules)]

Districts = Annotated[Collection[str], Depends(_districts)]
"""The districts that an enterprise may have: those of the policy, and elsewhere."""
