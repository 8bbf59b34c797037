"""Where equipment reaches the broker, for examples."""

from jieru.broker import BrokerAddress
from jieru.settings import Settings

__all__ = ["equipment_broker"]


def equipment_broker(settings: Settings) -> BrokerAddress:
    """The broker's address as equipment knows it.

    Raises:
        UserError: the setting is no such address.
    """
    if settings.equipment_mqtt_url:
        return BrokerAddress.of_url(settings.equipment_mqtt_url, setting="JIERU_EQUIPMENT_MQTT_URL")
    return BrokerAddress.of_url(settings.mqtt_url, settings.mqtt_ca_file)
