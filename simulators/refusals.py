"""What a broker says to a client with which it will have nothing to do."""

from typing import Final

from jieru.i18n import marked

__all__ = ["REFUSALS"]

REFUSALS: Final = {
    132: marked("The broker at {address} does not speak MQTT {protocol}: set JIERU_MQTT_PROTOCOL."),
    134: marked("The broker at {address} refuses the user name or password in JIERU_MQTT_URL."),
    135: marked(
        "The broker at {address} does not authorize the user in JIERU_MQTT_URL to connect."
    ),
}
"""By reason code of MQTT 5: no waiting heals them."""
