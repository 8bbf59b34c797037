"""Formats of others, known by their keys: they come in by way of a source. Pure."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final

from jieru.i18n import marked as _
from jieru.refusals.said import Remedy, Said

__all__ = ["Foreign", "recognised", "recognised_array"]

_Object = Mapping[str, object]


class Foreign(Enum):
    """A format that is not ours, by its name in the field."""

    THINGSBOARD_GATEWAY = _("ThingsBoard's gateway format: declare a source for it.")
    THINGSBOARD_DEVICE = _("ThingsBoard's device format: declare a source for it.")
    IOTDA = _("Huawei IoTDA's property report: declare a source for it.")
    ALIYUN = _("Aliyun's property post: declare a source for it.")
    JETLINKS = _("JetLinks' property report: declare a source for it.")
    TELEGRAF = _("Telegraf's JSON: declare a source for it.")
    OPC_UA = _("OPC UA PubSub's JSON: declare a source for it.")
    KURA = _("Eclipse Kura's JSON: declare a source for it.")
    SPARKPLUG = _("Sparkplug's metrics as JSON: declare a source for it.")
    BATCH = _("Several heartbeats in one message: publish each by itself, or declare a source.")
    COMPRESSED = _("Compressed with gzip: send it as it is, or declare a source.")

    @property
    def cause(self) -> Said:
        """What it probably is."""
        return Said(self.value)

    @property
    def remedy(self) -> Remedy:
        """All of them come in by a source."""
        return Remedy.DECLARE_SOURCE


def recognised(document: _Object) -> Foreign | None:
    """Whose format an object is in, where its keys tell."""
    return next((name for name, matches in _SHAPES if matches(document)), None)


def recognised_array(document: Sequence[object]) -> Foreign:
    """Whose format an array's items are in; at the least, it is a batch."""
    first = document[0] if document else None
    return (recognised(first) if isinstance(first, dict) else None) or Foreign.BATCH


def _is_list_of(value: object, *keys: str) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and all(key in each for key in keys) for each in value)
    )


def _thingsboard_gateway(document: _Object) -> bool:
    return (
        bool(document)
        and all(
            _is_list_of(value, "ts", "values") or (_is_list_of(value) and "ts" not in document)
            for value in document.values()
        )
        and not _known_list_keys(document)
    )


def _known_list_keys(document: _Object) -> bool:
    """Keys under which others keep a list, so that it is no list of devices by name."""
    return any(key in document for key in ("services", "devices", "metrics", "Messages"))


def _thingsboard_device(document: _Object) -> bool:
    return isinstance(document.get("values"), dict) and "metrics" not in document


def _iotda(document: _Object) -> bool:
    return _is_list_of(document.get("services"), "service_id") or _is_list_of(
        document.get("devices"), "device_id", "services"
    )


def _aliyun(document: _Object) -> bool:
    method = document.get("method")
    return isinstance(document.get("params"), dict | list) and (
        "version" in document or (isinstance(method, str) and method.startswith("thing."))
    )


def _jetlinks(document: _Object) -> bool:
    return isinstance(document.get("properties"), dict) and any(
        key in document for key in ("messageId", "deviceId", "timestamp", "messageType")
    )


def _telegraf(document: _Object) -> bool:
    metrics = document.get("metrics")
    return ("fields" in document and "tags" in document) or _is_list_of(metrics, "fields", "tags")


def _opc_ua(document: _Object) -> bool:
    return document.get("MessageType") == "ua-data" or _is_list_of(
        document.get("Messages"), "Payload"
    )


def _kura(document: _Object) -> bool:
    return "sentOn" in document


def _sparkplug(document: _Object) -> bool:
    return "timestamp" in document and _is_list_of(document.get("metrics"), "name")


_SHAPES: Final[Sequence[tuple[Foreign, Callable[[_Object], bool]]]] = (
    (Foreign.IOTDA, _iotda),
    (Foreign.ALIYUN, _aliyun),
    (Foreign.JETLINKS, _jetlinks),
    (Foreign.TELEGRAF, _telegraf),
    (Foreign.OPC_UA, _opc_ua),
    (Foreign.KURA, _kura),
    (Foreign.SPARKPLUG, _sparkplug),
    (Foreign.THINGSBOARD_DEVICE, _thingsboard_device),
    (Foreign.THINGSBOARD_GATEWAY, _thingsboard_gateway),
)
