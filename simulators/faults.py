"""What goes wrong with devices: each fault as a table of the scenario."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simulators.garbling import Garbling
from simulators.toml_table import Day, Table, require_order

__all__ = [
    "ClockAhead",
    "ClockBehind",
    "Duplicates",
    "Fault",
    "Flaky",
    "LateUpload",
    "Malformed",
    "Silent",
    "UnknownDevice",
]

_Share = Annotated[float, Field(gt=0, le=1)]


class _Fault(Table):
    """What goes wrong; on all devices of the connection and always, unless it says less."""

    devices: tuple[int, ...] = ()
    """Numbers of the connection's devices, from 1; empty: all."""
    from_date: Day | None = None
    to_date: Day | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        require_order(self.from_date, self.to_date)
        return self

    def applies_on(self, day: date) -> bool:
        """Whether the fault is there on this day."""
        return (self.from_date is None or self.from_date <= day) and (
            self.to_date is None or day < self.to_date
        )


class Flaky(_Fault):
    """A share of the hours goes missing."""

    kind: Literal["flaky"]
    share: _Share


class Silent(_Fault):
    """Nothing is heard, from a day on."""

    kind: Literal["silent"]
    from_date: Day


class ClockAhead(_Fault):
    """The device's clock runs ahead."""

    kind: Literal["clock-ahead"]
    minutes: int = Field(ge=1)


class ClockBehind(_Fault):
    """The device's clock runs behind."""

    kind: Literal["clock-behind"]
    minutes: int = Field(ge=1)


class Duplicates(_Fault):
    """A share of the heartbeats is sent twice."""

    kind: Literal["duplicates"]
    share: _Share


class LateUpload(_Fault):
    """Heartbeats are stored and sent days later."""

    kind: Literal["late-upload"]
    days: int = Field(ge=1)


class UnknownDevice(_Fault):
    """The device sends, but nobody registered it."""

    kind: Literal["unknown-device"]
    devices: tuple[int, ...] = Field(min_length=1)


class Malformed(_Fault):
    """A share of the heartbeats is garbled on the way."""

    kind: Literal["malformed"]
    share: _Share
    garblings: tuple[Garbling, ...] = Field(default=tuple(Garbling), min_length=1)
    """Taken in turn."""


Fault = Annotated[
    Flaky | Silent | ClockAhead | ClockBehind | Duplicates | LateUpload | UnknownDevice | Malformed,
    Field(discriminator="kind"),
]
