"""One run of the signals: what was found, and the digest that names it. Pure."""

from dataclasses import dataclass
from datetime import date

from verifier.procedure.canonical import sha256_of
from verifier.trust.signal import Signal

__all__ = ["Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """What was found, in which days, by which rules and which program."""

    as_of: date
    from_on: date
    policy: str
    policy_sha256: str
    code_version: str
    is_simulation: bool
    signals: tuple[Signal, ...]

    def sha256(self) -> str:
        """Of the canonical JSON of what was found, and of what it was found in."""
        return sha256_of(
            {
                "as_of": self.as_of.isoformat(),
                "from_on": self.from_on.isoformat(),
                "policy_sha256": self.policy_sha256,
                "code_version": self.code_version,
                "signals": [each.to_canonical_object() for each in self.signals],
            }
        )

    def to_json_object(self) -> dict[str, object]:
        """As `jieru signals --json` prints it (design section 8)."""
        return {"signals": [each.to_json_object() for each in self.signals]}
