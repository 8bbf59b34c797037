"""What a birth says of metrics that later messages call by a number. Pure, total and bounded."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from jieru.sparkplug.payload import UnreadableError, read_payload
from jieru.sparkplug.schema import Part
from jieru.sparkplug.values import read_part, text_of

__all__ = ["NO_BIRTH", "BirthNames", "names_of_birth"]


class BirthNames(NamedTuple):
    """Names and types of metrics."""

    by_alias: Mapping[int, str]
    datatypes: Mapping[str, int]
    """By name."""


NO_BIRTH: Final = BirthNames({}, {})


def names_of_birth(content: bytes) -> BirthNames:
    """What a birth says; nothing where it cannot be read."""
    by_alias: dict[int, str] = {}
    datatypes: dict[str, int] = {}
    try:
        for each in read_payload(content).metrics:
            metric = read_part(Part.METRIC, each)
            if not metric.HasField("name"):
                continue
            name = text_of(metric.name)
            if metric.HasField("alias"):
                by_alias[metric.alias] = name
            if metric.HasField("datatype"):
                datatypes[name] = metric.datatype
    except UnreadableError:
        return NO_BIRTH
    return BirthNames(by_alias, datatypes)
