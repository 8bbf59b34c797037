"""Bodies of requests and answers about notices."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from api.web.text_gate import GatedTexts
from jieru.notices.kinds import Kind
from jieru.notices.schedule import Frequency
from jieru.outbox.shapes import Shape

__all__ = [
    "ChannelList",
    "ChannelRecord",
    "DeadMessage",
    "DeadMessageList",
    "NewChannel",
    "NoticeList",
    "NoticeRecord",
    "Reading",
]

Hour = Annotated[int, Field(ge=0, le=23)]


class NoticeRecord(BaseModel):
    """One notice."""

    id: int
    kind: str
    label: str = Field(description="The kind in words.")
    text: str
    path: str = Field(description="The page of the console where one does something about it.")
    happened_at: AwareDatetime
    read_at: AwareDatetime | None


class NoticeList(BaseModel):
    """The newest notices of a person."""

    unread: int
    items: list[NoticeRecord]


class Reading(BaseModel):
    """What was read."""

    ids: list[int] | None = Field(default=None, max_length=1000, description="Left out: all.")


class NewChannel(GatedTexts):
    """A way by which somebody wants to hear."""

    channel: Literal["email", "webhook"]
    address: str = Field(
        min_length=3, max_length=2000, description="A mail address, or the address of a webhook."
    )
    shape: Shape | None = Field(default=None, description="What a webhook is sent.")
    secret: str = Field(
        default="", max_length=200, description="With which messages to a webhook are signed."
    )
    kinds: list[Kind] = Field(min_length=1, max_length=len(Kind))
    frequency: Frequency = Frequency.AT_ONCE
    quiet_from: Hour | None = Field(default=None, description="An hour of Asia/Shanghai.")
    quiet_to: Hour | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.channel == "webhook") != (self.shape is not None):
            raise ValueError("a webhook has a shape, and nothing else has")
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("quiet hours have a beginning and an end")
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValueError("quiet hours end at another hour than they begin")
        if self.channel == "email":
            local, at, domain = self.address.rpartition("@")
            is_plain = self.address.isascii() and not set(' \t\r\n<>,;"') & set(self.address)
            if not (at and local and "." in domain and is_plain):
                raise ValueError("this is no mail address")
        return self


class ChannelRecord(BaseModel):
    """A way by which somebody hears."""

    id: int
    channel: str
    address: str = Field(description="Of a webhook the host alone: the rest is a secret.")
    shape: str | None
    kinds: list[str]
    frequency: str
    quiet_from: int | None
    quiet_to: int | None
    entered_at: AwareDatetime


class ChannelList(BaseModel):
    """The ways of a person."""

    items: list[ChannelRecord]


class DeadMessage(BaseModel):
    """A message that was given up."""

    id: int
    channel: str
    subject: str
    attempts: int
    last_error: str | None
    created_at: AwareDatetime


class DeadMessageList(BaseModel):
    """The newest messages that were given up."""

    items: list[DeadMessage]
