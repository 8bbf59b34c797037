"""Policy files in: YAML with line numbers, and one clear sentence for whatever is wrong."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.i18n import marked
from verifier.policy.model import Parameters, Policy, Words

__all__ = ["available_policies", "load_policy", "policy_from_source"]

_FOLDER = Path(__file__).parent
_KEPT_FOR_IMPORT: Final = "other"
"""The district of every enterprise outside the policy's list, so no policy may list it."""

_Path = tuple[str | int, ...]

_PROBLEMS: Final = {
    "missing": marked("{key} is missing"),
    "extra_forbidden": marked("{key} is not known here"),
    "int_type": marked("{key} must be a whole number"),
    "string_type": marked("{key} must be text (put it in quotes)"),
    "date_type": marked("{key} must be a date such as 2026-01-01, without quotes"),
    "date_from_datetime_inexact": marked("{key} must be a date such as 2026-01-01, without quotes"),
    "tuple_type": marked("{key} must be a list"),
    "mapping_type": marked("{key} must be a mapping of keys and values"),
    "model_type": marked("{key} must be a mapping of keys and values"),
    "literal_error": marked("{key} must be {expected}"),
    "greater_than_equal": marked("{key} must be at least {ge}"),
    "less_than_equal": marked("{key} must be at most {le}"),
    "string_pattern_mismatch": marked("{key} must match {pattern}"),
    "string_too_short": marked("{key} may not be empty"),
    "too_short": marked("{key} may not be empty"),
}
"""What is wrong, by pydantic's name of the error; the values come from its context."""


class _File(BaseModel):
    """The outermost keys of a policy file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    title: Words
    parameters: Parameters


class _Document(NamedTuple):
    """A YAML document as plain data, and the line on which each of its values begins."""

    data: object
    lines: dict[_Path, int]


class _PolicyFileError(Exception):
    """A problem on one line; becomes a UserError once the file's name is known."""

    def __init__(self, line: int, message: str, **values: object) -> None:
        super().__init__(line, message, values)
        self.line, self.message, self.values = line, message, values


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
    except _PolicyFileError as error:
        raise UserError(
            "{file}, line {line}: {problem}.",
            file=name,
            line=error.line,
            problem=_(error.message).format(**error.values),
        ) from None


def _policy(content: bytes) -> Policy:
    document = _read_yaml(content)
    if not isinstance(document.data, dict):
        raise _PolicyFileError(
            1, marked("the file must be a mapping with name, title and parameters")
        )
    try:
        source = content.decode()
    except UnicodeDecodeError:  # YAML itself takes UTF-16, too
        raise _PolicyFileError(1, marked("the file must be UTF-8")) from None
    try:
        file = _File.model_validate(document.data)
    except ValidationError as error:
        raise _first_problem(error, document.lines) from None
    policy = Policy(
        name=file.name,
        title=file.title,
        sha256=hashlib.sha256(content).hexdigest(),
        source=source,
        **{key: getattr(file.parameters, key) for key in Parameters.model_fields},
    )
    for key, message, values in _contradictions(policy):
        raise _PolicyFileError(document.lines["parameters", key, "value"], message, **values)
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


def _first_problem(error: ValidationError, lines: dict[_Path, int]) -> _PolicyFileError:
    problems = []
    for detail in error.errors():
        # pydantic adds markers of its own for keys and union members; the YAML has no such keys.
        path = tuple(part for part in detail["loc"] if part != "[key]")
        while path and path not in lines and path[:-1] not in lines:
            path = path[:-1]
        line = lines.get(path) or lines[path[:-1]]
        message = _PROBLEMS.get(detail["type"], marked("{key}: {reason}"))
        values = {
            **detail.get("ctx", {}),
            "key": ".".join(str(part) for part in path),
            "reason": detail["msg"],
        }
        problems.append(_PolicyFileError(line, message, **values))
    # A misspelt key is both unknown and missing: the line with the misspelling helps more.
    return min(
        problems, key=lambda problem: (problem.message == _PROBLEMS["missing"], problem.line)
    )


class _Reader:
    """Turns YAML nodes into plain data and remembers the line of each value."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._seen: set[int] = set()
        self.lines: dict[_Path, int] = {}

    def plain(self, node: yaml.Node, path: _Path) -> object:
        """The data of one node; duplicate keys and aliases are errors, not surprises."""
        # An alias is the node it stands for, far above: its key's line is nearer.
        line = self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            raise _PolicyFileError(
                line, marked("{key}: YAML aliases are not allowed"), key=_dotted(path)
            )
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.plain(item, (*path, index)) for index, item in enumerate(node.value))
        try:
            value: object = self._loader.construct_object(node)
        except ValueError:  # 2026-02-30
            raise _PolicyFileError(
                line, marked("{key}: there is no {value}"), key=_dotted(path), value=node.value
            ) from None
        return value

    def _mapping(self, node: yaml.MappingNode, path: _Path) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            below, line = (*path, key), key_node.start_mark.line + 1
            if key in mapping:
                raise _PolicyFileError(line, marked("{key} is given twice"), key=_dotted(below))
            self.lines[below] = line
            mapping[key] = self.plain(value_node, below)
        return mapping


def _read_yaml(content: bytes) -> _Document:
    """Read one YAML document.

    Raises:
        _PolicyFileError: it is not YAML, or repeats itself.
    """
    try:
        loader = yaml.SafeLoader(content)
        try:
            reader = _Reader(loader)
            node = loader.get_single_node()
            return _Document(reader.plain(node, ()) if node else None, reader.lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _PolicyFileError(
            mark.line + 1 if mark else 1, marked("not YAML: {reason}"), reason=error.problem
        ) from None
    except yaml.reader.ReaderError as error:
        line = content[: max(error.position, 0)].count(b"\n") + 1
        raise _PolicyFileError(line, marked("not YAML: {reason}"), reason=error.reason) from None
    except RecursionError:  # it is read one call deeper for each level
        raise _PolicyFileError(1, marked("it is nested too deep")) from None


def _dotted(path: _Path) -> str:
    return ".".join(str(part) for part in path)
