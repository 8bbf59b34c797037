"""Broker addresses and subscriptions."""

import pytest

from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.subscriber import Subscription
from jieru.broker import BrokerAddress
from jieru.errors import UserError
from jieru.wire import HEARTBEAT_TOPIC_FILTERS


def test_an_address_is_read_with_its_user_and_default_port() -> None:
    """Escapes in user and password are undone."""
    address = BrokerAddress.of_url("mqtt://a%2Fb:p%40ss@broker")
    assert (address.host, address.port) == ("broker", 1883)
    assert (address.username, address.password) == ("a/b", "p@ss")
    assert not address.is_tls
    assert BrokerAddress.of_url("mqtts://broker").port == 8883
    assert BrokerAddress.of_url("mqtt://[fe80::1%25eth0]:1884").host == "fe80::1%25eth0"


@pytest.mark.parametrize(
    "url",
    ["broker:1883", "http://broker", "mqtt://", "mqtt://h:port", "", 'mqtt://a"b', "mqtt://a;b"],
)
def test_what_is_no_brokers_address_is_refused_in_one_sentence(url: str) -> None:
    """The message shows what an address looks like; a quotation mark would end a shown string."""
    with pytest.raises(UserError, match="JIERU_MQTT_URL"):
        BrokerAddress.of_url(url)


def test_a_group_makes_the_subscription_a_shared_one() -> None:
    """An empty group asks for a plain subscription."""
    shared = Subscription("one", "jieru", 10, 60)
    assert shared.wanted[0] == "$share/jieru/jieru/v1/+/+/heartbeat"
    assert shared.unwanted == Subscription("one", "", 10, 60).wanted == [*HEARTBEAT_TOPIC_FILTERS]


def test_mqtt_311_refuses_a_group_with_a_word_on_what_to_do() -> None:
    """It has no shared subscriptions, and a broker would take the name literally."""
    with pytest.raises(UserError, match="JIERU_INGEST_GROUP"):
        Mqtt311Subscriber(BrokerAddress("h", 1), Subscription("one", "jieru", 10, 60))


def test_a_missing_certificate_authority_is_named() -> None:
    """The file's path is in the message."""
    address = BrokerAddress.of_url("mqtts://h", "/nowhere/ca.pem")
    with pytest.raises(UserError, match=r"/nowhere/ca\.pem"):
        address.tls_context()
