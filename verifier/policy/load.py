"""Policy files in: YAML with line numbers, and one clear sentence for whatever is wrong."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from jieru.errors import UserError
from jieru.i18n import marked
from verifier.policy.checked_yaml import FileProblem, first_problem, read_yaml
from verifier.policy.model import Parameters, Policy, SignalParameters, Words

__all__ = ["available_policies", "load_policy", "policy_from_source"]

_FOLDER = Path(__file__).parent
_KEPT_FOR_IMPORT: Final = "other"
"""The district of every enterprise outside the policy's list, so no policy may list it."""


class _File(BaseModel):
    """The outermost keys of a policy file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    title: Words
    parameters: Parameters
    signals: SignalParameters | None = None


def available_policies() -> list[str]:
    """Names of the policies that come with Jieru."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_policy(name_or_path: str) -> Policy:
    """Load and check one policy.

    Args:
        name_or_path: the name of a policy that comes with Jieru, or the path of a policy file.

    Raises:
        UserError: there is no such policy, or its file is broken; the message names the file,
            the line and what is wrong.
    """
    path = Path(name_or_path)
    if name_or_path in available_policies():
        path = _FOLDER / f"{name_or_path}.yaml"
    try:
        content = path.read_bytes()
    except OSError:
        raise UserError(
            "There is no policy {policy}: name one of {known}, or the path of a policy file.",
            policy=name_or_path,
            known=", ".join(available_policies()),
        ) from None
    return _policy_of(content, str(path))


def policy_from_source(name: str, source: str) -> Policy:
    """The policy that a frozen count holds.

    Args:
        name: what to call it in a message.
        source: the file's text (`Policy.source`).

    Raises:
        UserError: this program does not understand it; the message names the line.
    """
    return _policy_of(source.encode(), name)


def _policy_of(content: bytes, name: str) -> Policy:
    try:
        return _policy(content)
    except FileProblem as error:
        raise error.of_file(name) from None


# Every look at a kept count reads its policy again: the same bytes, and 30 ms of YAML.
@lru_cache(maxsize=32)
def _policy(content: bytes) -> Policy:
    document = read_yaml(content)
    if not isinstance(document.data, dict):
        raise FileProblem(1, marked("the file must be a mapping with name, title and parameters"))
    try:
        source = content.decode()
    except UnicodeDecodeError:  # YAML itself takes UTF-16, too
        raise FileProblem(1, marked("the file must be UTF-8")) from None
    try:
        file = _File.model_validate(document.data)
    except ValidationError as error:
        raise first_problem(error, document.lines) from None
    policy = Policy(
        name=file.name,
        title=file.title,
        sha256=hashlib.sha256(content).hexdigest(),
        source=source,
        signals=file.signals,
        **{key: getattr(file.parameters, key) for key in Parameters.model_fields},
    )
    for key, message, values in _contradictions(policy):
        raise FileProblem(document.lines["parameters", key, "value"], message, **values)
    return policy


def _contradictions(policy: Policy) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Parameters that are right one by one and wrong together."""
    if policy.active_days_min.value > policy.window_days.value:
        yield (
            "active_days_min",
            marked(
                "active_days_min ({days}) is more than window_days ({window}): nothing could count"
            ),
            {"days": policy.active_days_min.value, "window": policy.window_days.value},
        )
    if policy.in_force_to.value < policy.in_force_from.value:
        yield (
            "in_force_to",
            marked("in_force_to ({to}) is before in_force_from ({since})"),
            {"to": policy.in_force_to.value, "since": policy.in_force_from.value},
        )
    if policy.award_cap_yuan.value < policy.award_per_enterprise_yuan.value:
        yield (
            "award_cap_yuan",
            marked("award_cap_yuan ({cap}) is less than award_per_enterprise_yuan ({each})"),
            {
                "cap": policy.award_cap_yuan.value,
                "each": policy.award_per_enterprise_yuan.value,
            },
        )
    if _KEPT_FOR_IMPORT in policy.districts.value:
        yield (
            "districts",
            marked("{name} may not be listed: it stands for every district outside the list"),
            {"name": _KEPT_FOR_IMPORT},
        )
