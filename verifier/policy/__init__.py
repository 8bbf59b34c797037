"""Policies: each a cited YAML file of this folder, checked when it is loaded."""

from verifier.policy.load import available_policies, load_policy, policy_from_source
from verifier.policy.model import (
    LEVELS,
    WAIVABLE,
    Basis,
    District,
    Level,
    Parameter,
    ParameterValue,
    Policy,
    SignalParameters,
    Unit,
    Words,
)

__all__ = [
    "LEVELS",
    "WAIVABLE",
    "Basis",
    "District",
    "Level",
    "Parameter",
    "ParameterValue",
    "Policy",
    "SignalParameters",
    "Unit",
    "Words",
    "available_policies",
    "load_policy",
    "policy_from_source",
]
