"""What stands ready of an enterprise on a platform, as the registry has it now. Pure."""

from dataclasses import dataclass
from datetime import date, datetime

__all__ = ["Readiness"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """One enterprise on one platform, by its latest connection of the year."""

    platform: str
    uscc: str
    name: str
    district: str
    industry_code: str | None
    from_date: date
    to_date: date | None
    confirmation: str | None
    """What the enterprise says of the connection."""
    devices: int
    """That stand for it today."""
    devices_with_credential: int
    """Of these, those for which anything may publish: themselves, a gateway or the cloud."""
    devices_heard: int
    """Of these, those that were ever heard."""
    devices_silent: int
    """Of these, those heard once and no longer."""
    silent_since: datetime | None
    """Since when all of the silent ones are."""
    last_heard_at: datetime | None
