"""The key under which webhooks are sealed, for a request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.web.services import services_of
from jieru.outbox.sealing import NoticeKey

__all__ = ["NoticeSource", "Source"]


@dataclass(frozen=True, slots=True)
class NoticeSource:
    """What the application knows of webhooks."""

    key: NoticeKey | None
    """None: nobody can enter one."""


def _source(request: Request) -> NoticeSource:
    return services_of(request).get(NoticeSource)


Source = Annotated[NoticeSource, Depends(_source)]
