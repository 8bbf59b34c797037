"""YAML files that people write: plain data with line numbers, and one sentence for a mistake."""

from typing import Final, NamedTuple

import yaml
from pydantic import ValidationError

from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.i18n import marked

__all__ = ["Document", "FileProblem", "KeyPath", "first_problem", "read_yaml"]

KeyPath = tuple[str | int, ...]
"""Where a value stands: the keys and places that lead to it."""

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


class Document(NamedTuple):
    """A YAML document as plain data, and the line on which each of its values begins."""

    data: object
    lines: dict[KeyPath, int]


class FileProblem(Exception):  # noqa: N818 - not yet an error: the file's name is missing
    """A problem on one line; becomes a UserError once the file's name is known."""

    def __init__(self, line: int, message: str, **values: object) -> None:
        """Take an English message with `{named}` values, marked for the catalogue."""
        super().__init__(line, message, values)
        self.line, self.message, self.values = line, message, values

    def of_file(self, name: str) -> UserError:
        """What is said to the user, with the file's name."""
        return UserError(
            "{file}, line {line}: {problem}.",
            file=name,
            line=self.line,
            problem=_(self.message).format(**self.values),
        )


def first_problem(error: ValidationError, lines: dict[KeyPath, int]) -> FileProblem:
    """What a person should correct first of all that pydantic found.

    Args:
        error: what pydantic says of the document's data.
        lines: of the document.
    """
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
        problems.append(FileProblem(line, message, **values))
    # A misspelt key is both unknown and missing: the line with the misspelling helps more.
    return min(
        problems, key=lambda problem: (problem.message == _PROBLEMS["missing"], problem.line)
    )


class _Reader:
    """Turns YAML nodes into plain data and remembers the line of each value."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._seen: set[int] = set()
        self.lines: dict[KeyPath, int] = {}

    def plain(self, node: yaml.Node, path: KeyPath) -> object:
        """The data of one node; duplicate keys and aliases are errors, not surprises."""
        # An alias is the node it stands for, far above: its key's line is nearer.
        line = self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            raise FileProblem(
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
            raise FileProblem(
                line, marked("{key}: there is no {value}"), key=_dotted(path), value=node.value
            ) from None
        return value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            below, line = (*path, key), key_node.start_mark.line + 1
            if key in mapping:
                raise FileProblem(line, marked("{key} is given twice"), key=_dotted(below))
            self.lines[below] = line
            mapping[key] = self.plain(value_node, below)
        return mapping


def read_yaml(content: bytes) -> Document:
    """Read one YAML document.

    Raises:
        FileProblem: it is not YAML, or repeats itself.
    """
    try:
        loader = yaml.SafeLoader(content)
        try:
            reader = _Reader(loader)
            node = loader.get_single_node()
            return Document(reader.plain(node, ()) if node else None, reader.lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise FileProblem(
            mark.line + 1 if mark else 1, marked("not YAML: {reason}"), reason=error.problem
        ) from None
    except yaml.reader.ReaderError as error:
        line = content[: max(error.position, 0)].count(b"\n") + 1
        raise FileProblem(line, marked("not YAML: {reason}"), reason=error.reason) from None
    except RecursionError:  # it is read one call deeper for each level
        raise FileProblem(1, marked("it is nested too deep")) from None


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
