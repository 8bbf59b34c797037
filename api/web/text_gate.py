"""The gate of text for requests: each text of a body, a query or a path, told by its field."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from api.web.problems import SENTENCE, WrongField
from jieru.errors import UserError
from jieru.text import LINE_BREAKS, admitted

__all__ = ["GatedTexts", "wrong_texts"]

_DEEPEST: Final = 20


class GatedTexts(BaseModel):
    """A model whose texts come through the gate, before anything else is asked of them."""

    as_they_come: ClassVar[frozenset[str]] = frozenset()
    """Fields whose texts are looked at as bytes are: samples, formats of others."""

    @field_validator("*", mode="before")
    @classmethod
    def _through_the_gate(cls, value: object, info: ValidationInfo) -> object:
        try:
            if info.field_name in cls.as_they_come:
                _require_encodable(value)
                return value
            return _admitted(value)
        except UserError as refused:
            raise PydanticCustomError(
                SENTENCE, "{sentence}", {"sentence": refused.message, "values": refused.values}
            ) from None


def wrong_texts(texts: Iterable[tuple[str, str]], place: str) -> list[WrongField]:
    """Those of some named texts of a request that cannot come in."""
    wrong = []
    for name, text in texts:
        try:
            admitted(text, allowed=LINE_BREAKS)
        except UserError as refused:
            wrong.append(WrongField(name, refused, place))
    return wrong


def _admitted(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case str():
            return admitted(value, allowed=LINE_BREAKS)
        case list():
            return [_admitted(each) if isinstance(each, str) else each for each in value]
    _require_encodable(value)
    return value


def _require_encodable(value: Any, depth: int = 0) -> None:  # noqa: ANN401 - JSON
    """Refuse halves of characters anywhere in a value, which no database takes."""
    match value:
        case str() if not _is_encodable(value):
            admitted("".join(each for each in value if not _is_encodable(each))[:1])
        case dict() if depth < _DEEPEST:
            for key, each in value.items():
                _require_encodable(key, depth + 1)
                _require_encodable(each, depth + 1)
        case list() if depth < _DEEPEST:
            for each in value:
                _require_encodable(each, depth + 1)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
