"""Who may publish a platform's heartbeats, as the table `publishers` has them. Pure."""

from typing import Final

__all__ = ["CLOUD_ID", "ITSELF_ID"]

CLOUD_ID: Final = 1
"""Of the platform's cloud: one row for all platforms, since the device says which."""
ITSELF_ID: Final = 2
"""Of the device itself: one row for all devices."""
