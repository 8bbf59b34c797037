"""The shapes of what is said of contacts, and of what may be said of one."""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.records import Body

__all__ = ["ContactList", "ContactRecord", "NewContactBody"]

_SAID: Final[JsonDict] = {
    "name": "林女士",
    "email": "office@example.cn",
    "telephone": "0594-1234567",
    "postal_address": "莆田市荔城区某某路 1 号",
}
_CONTACT: Final[JsonDict] = {
    **_SAID,
    "id": 3,
    "entered_by": "user:chen",
    "entered_at": "2026-03-02T02:14:09Z",
}


class ContactRecord(BaseModel):
    """Whom the bureau asks at an enterprise."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CONTACT]})

    id: int
    name: str
    email: str | None
    telephone: str | None
    postal_address: str | None
    entered_by: str
    entered_at: datetime


class ContactList(BaseModel):
    """The contact of an enterprise, and behind it those before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_CONTACT], "shared_with": []}]}
    )

    items: list[ContactRecord] = Field(description="The newest first; that one is asked.")
    shared_with: list[str] = Field(
        description="Codes of other enterprises that are asked under the same address or number: "
        "of strangers that is a reason to look."
    )


class NewContactBody(Body):
    """A contact to be entered: a name, and at least one way to it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SAID]})

    name: str = Field(max_length=200)
    email: str = Field(default="", max_length=300)
    telephone: str = Field(default="", max_length=100)
    postal_address: str = Field(default="", max_length=300)
