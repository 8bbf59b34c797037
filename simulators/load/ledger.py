"""The exact books of a load: what every message was, and what the broker said to it.

A message that was not acknowledged is *unknown*, never lost: the broker may have had it before the
connection broke. One sent again over the next connection is still one message.
"""

import json
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from jieru.errors import UserError
from jieru.wire import DeviceAddress, RejectionReason

__all__ = ["ACCEPTED", "UNKNOWN", "Ledger"]

ACCEPTED: Final = 0
"""Reason code 0 of a PUBACK: the broker has taken it for at least one subscriber."""
UNKNOWN: Final = 0xFF
"""No PUBACK came; MQTT has no such reason code."""

_GOOD: Final = len(RejectionReason)
_FAULTS: Final[list[RejectionReason | None]] = [*RejectionReason, None]
_PLACES: Final = {fault: place for place, fault in enumerate(_FAULTS)}
_FORMAT: Final = "jieru load ledger 1"


class Ledger:
    """One line a message, in the order of sending."""

    def __init__(self, devices: Sequence[DeviceAddress]) -> None:
        """An empty one; the lines name devices by their places here."""
        self.devices = list(devices)
        self._device = array("i")
        self._ts_ms = array("q")
        self._seq = array("q")
        self._fault = bytearray()
        self._outcome = bytearray()
        self.resent = 0
        """How often a message was sent again because its connection broke."""
        self.started_ms = 0
        """When the first message was sent, by this machine's clock."""

    def __len__(self) -> int:
        return len(self._device)

    def enter(self, device: int, ts_ms: int, seq: int, fault: RejectionReason | None) -> int:
        """Note that a message is being sent; the number of its line."""
        number = len(self._device)
        self._device.append(device)
        self._ts_ms.append(ts_ms)
        self._seq.append(seq)
        self._fault.append(_PLACES[fault])
        self._outcome.append(UNKNOWN)
        return number

    def acknowledge(self, number: int, reason_code: int) -> None:
        """Note what the broker said to a message."""
        self._outcome[number] = reason_code

    @property
    def device(self) -> npt.NDArray[np.int32]:
        """Of each line, the device's place."""
        return np.array(self._device, dtype=np.int32)

    @property
    def ts_ms(self) -> npt.NDArray[np.int64]:
        """Of each line, the instant that its heartbeat says; of a bad one, its turn's."""
        return np.array(self._ts_ms, dtype=np.int64)

    @property
    def seq(self) -> npt.NDArray[np.int64]:
        """Of each line, the heartbeat's number on its device."""
        return np.array(self._seq, dtype=np.int64)

    @property
    def outcome(self) -> npt.NDArray[np.uint8]:
        """Of each line, the reason code of its PUBACK, or `UNKNOWN`."""
        return np.frombuffer(bytes(self._outcome), dtype=np.uint8)

    @property
    def is_good(self) -> npt.NDArray[np.bool_]:
        """Of each line, whether it was a good heartbeat."""
        return np.equal(np.frombuffer(bytes(self._fault), dtype=np.uint8), _GOOD)

    @property
    def fault(self) -> list[RejectionReason | None]:
        """Of each line, the reason for which it is to be refused; None for a good heartbeat."""
        return [_FAULTS[place] for place in self._fault]

    def outcomes(self) -> Counter[int]:
        """How many messages had which outcome."""
        return Counter(self._outcome)

    def faults(self, outcome: int = ACCEPTED) -> Counter[RejectionReason]:
        """How many bad messages with this outcome should be refused for which reason."""
        counted = Counter(
            fault for fault, each in zip(self._fault, self._outcome, strict=True) if each == outcome
        )
        return Counter({reason: counted[_PLACES[reason]] for reason in RejectionReason})

    def save(self, path: Path) -> None:
        """Write it as numpy's `.npz`.

        Raises:
            UserError: the file cannot be written.
        """
        try:
            with path.open("wb") as file:
                np.savez(
                    file,
                    format=np.array(_FORMAT),
                    devices=np.array(json.dumps(self.devices)),
                    reasons=np.array(json.dumps([*RejectionReason])),
                    resent=np.array(self.resent),
                    started_ms=np.array(self.started_ms),
                    device=self.device,
                    ts_ms=self.ts_ms,
                    seq=self.seq,
                    fault=np.frombuffer(bytes(self._fault), dtype=np.uint8),
                    outcome=self.outcome,
                )
        except OSError as error:
            raise UserError(
                "The ledger {path} cannot be written: {reason}", path=path, reason=error.strerror
            ) from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing, or no ledger of this version.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                _require_format(str(stored["format"]))
                ledger = cls([DeviceAddress(*pair) for pair in json.loads(str(stored["devices"]))])
                ledger.resent = int(stored["resent"])
                ledger.started_ms = int(stored["started_ms"])
                ledger._device.frombytes(stored["device"].astype("i").tobytes())
                ledger._ts_ms.frombytes(stored["ts_ms"].astype("q").tobytes())
                ledger._seq.frombytes(stored["seq"].astype("q").tobytes())
                ledger._fault += stored["fault"].tobytes()
                ledger._outcome += stored["outcome"].tobytes()
        except OSError as error:
            raise UserError(
                "The ledger {path} cannot be read: {reason}", path=path, reason=error.strerror
            ) from None
        except (ValueError, KeyError, EOFError):
            raise UserError("{path} is not a ledger of `jieru simulate load`.", path=path) from None
        return ledger


def _require_format(name: str) -> None:
    if name != _FORMAT:
        raise ValueError(f"another format: {name}")
