"""Times as others write them: numbers of some unit, ISO 8601, or a pattern with its zone. Pure.

Read by our own few lines, so that the same bytes are the same time on every Python and in every
locale, for whoever reads them again in ten years.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation, Overflow
from functools import lru_cache
from typing import Final, Literal

from jieru.errors import UserError

__all__ = ["LARGEST_MS", "TimeUnit", "time_reader", "zone_of"]

TimeUnit = Literal["s", "ms", "us", "ns", "iso", "pattern", "receipt"]

_PER_MILLISECOND: Final = {
    "s": Decimal(1_000),
    "ms": Decimal(1),
    "us": Decimal("0.001"),
    "ns": Decimal("0.000001"),
}
LARGEST_MS: Final = 10**17
_LONGEST: Final = 64
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_ZONE: Final = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?")
_ISO: Final = re.compile(
    r"""(?P<Y>[0-9]{4})-?(?P<m>[0-9]{2})-?(?P<d>[0-9]{2})
    (?:[T ](?P<H>[0-9]{2}):?(?P<M>[0-9]{2})(?::?(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,12}))?)?
    [ ]?(?P<z>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?""",
    re.VERBOSE,
)
_DIRECTIVES: Final = {
    "Y": r"(?P<Y>[0-9]{4})",
    "m": r"(?P<m>[0-9]{1,2})",
    "d": r"(?P<d>[0-9]{1,2})",
    "H": r"(?P<H>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{1,2})",
    "S": r"(?P<S>[0-9]{1,2})",
    "f": r"(?P<f>[0-9]{1,12})",
    "z": r"(?P<z>Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
    "%": "%",
}

TimeReader = Callable[[str], int]
"""From what a document has there to milliseconds since 1970; ValueError: it is no such time."""


def zone_of(text: str) -> timezone:
    """A zone by its name: `UTC`, or an offset such as `+08:00`.

    Raises:
        UserError: it is neither.
    """
    if text in {"UTC", "Z"}:
        return UTC
    match = _ZONE.fullmatch(text)
    if match is None or int(match[2]) > 14 or int(match[3] or 0) > 59:  # noqa: PLR2004 - a day's ends
        raise UserError("The zone {zone} must be UTC, or an offset such as +08:00.", zone=text)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-offset if match[1] == "-" else offset)


def time_reader(unit: TimeUnit, pattern: str | None, zone: str | None) -> TimeReader:
    """What reads times of one kind.

    Raises:
        UserError: pattern and zone do not belong to the unit, or cannot be read.
    """
    if (unit == "pattern") != (pattern is not None):
        raise UserError("A pattern of the time belongs to the unit pattern, and it needs one.")
    if zone is not None and unit not in {"iso", "pattern"}:
        raise UserError("A zone belongs to the units iso and pattern.")
    known = None if zone is None else zone_of(zone)
    if unit == "iso":
        return lambda text: _read_by(_ISO, text, known)
    if pattern is not None:
        compiled = _compiled(pattern)
        if "z" not in compiled.groupindex and known is None:
            raise UserError("The pattern {pattern} has no %z, so it needs a zone.", pattern=pattern)
        return lambda text: _read_by(compiled, text, known)
    factor = _PER_MILLISECOND.get(unit, Decimal(1))
    return lambda text: _read_number(text, factor)


def _read_number(text: str, factor: Decimal) -> int:
    if len(text) > _LONGEST:
        raise ValueError(text)
    try:
        number = Decimal(text) * factor
    except (InvalidOperation, Overflow):
        raise ValueError(text) from None
    if not number.is_finite() or abs(number) > LARGEST_MS:
        raise ValueError(text)
    return int(number.to_integral_value())


def _compiled(pattern: str) -> re.Pattern[str]:
    written, place = "", 0
    while place < len(pattern):
        letter = pattern[place]
        if letter == "%":
            directive = _DIRECTIVES.get(pattern[place + 1 : place + 2])
            if directive is None or (len(directive) > 1 and directive in written):
                raise UserError(
                    "The pattern {pattern} may have each of %Y %m %d %H %M %S %f %z once; it has "
                    "{directive}.",
                    pattern=pattern,
                    directive=pattern[place : place + 2],
                )
            written, place = written + directive, place + 2
        else:
            written, place = written + re.escape(letter), place + 1
    missing = [each for each in "Ymd" if f"(?P<{each}>" not in written]
    if missing:
        raise UserError(
            "The pattern {pattern} must have %Y, %m and %d: a day has a date.", pattern=pattern
        )
    return re.compile(written)


def _read_by(pattern: re.Pattern[str], text: str, zone: timezone | None) -> int:
    match = pattern.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(text)
    found = match.groupdict()
    if found.get("z"):
        zone = _offset(found["z"])
    if zone is None:
        raise ValueError(text)
    fraction = (found.get("f") or "").ljust(3, "0")[:3]
    # Raises ValueError for a day or an hour that does not exist.
    year, month, day = int(found["Y"]), int(found["m"]), int(found["d"])
    hour, minute = int(found.get("H") or 0), int(found.get("M") or 0)
    second = int(found.get("S") or 0)
    moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - zone is taken off below
    seconds = (moment.toordinal() - _EPOCH_DAY) * 86_400 + hour * 3_600 + minute * 60 + second
    return (seconds - _seconds_ahead(zone)) * 1_000 + int(fraction)


@lru_cache(maxsize=64)
def _seconds_ahead(zone: timezone) -> int:
    return int(zone.utcoffset(None).total_seconds())


@lru_cache(maxsize=64)
def _offset(text: str) -> timezone:
    try:
        return zone_of(text)
    except UserError:
        raise ValueError(text) from None
