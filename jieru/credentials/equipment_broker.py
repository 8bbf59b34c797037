"""Where equipment reaches the broker, for examples."""

from dataclasses import replace

from jieru.broker import BrokerAddress
from jieru.credentials.authority import AUTHORITY_FILE_NAME
from jieru.settings import Settings

__all__ = ["equipment_broker"]


def equipment_broker(settings: Settings) -> BrokerAddress:
    """The broker's address as equipment knows it.

    Raises:
        UserError: the setting is no such address.
    """
    if settings.equipment_mqtt_url:
        address = BrokerAddress.of_url(
            settings.equipment_mqtt_url, setting="JIERU_EQUIPMENT_MQTT_URL"
        )
    else:
        address = BrokerAddress.of_url(settings.mqtt_url, settings.mqtt_ca_file)
    # Equipment has the certificate that is downloaded, and not the file of this machine.
    is_handed_out = address.is_tls and settings.equipment_ca_file
    return replace(address, ca_file=AUTHORITY_FILE_NAME) if is_handed_out else address
