"""What a source declares: where the rows stand, and where each finds its parts. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import msgspec

from jieru.errors import UserError
from jieru.sources.paths import Path, Place, Step, Topic, parse_path, parse_rows, path_with_gaps
from jieru.sources.shape import Shape, Wanted, shape_of
from jieru.sources.times import TimeReader, TimeUnit, time_reader
from jieru.wire import DeviceStatus

__all__ = [
    "FIRST_FOUND",
    "Format",
    "RowRule",
    "SparkplugRule",
    "compile_format",
    "read_format",
    "write_format",
]

FIRST_FOUND: Final = 8
"""Places at most in which one part of a row is looked for."""
_RULES_MAX: Final = 8
_MAP_MAX: Final = 10_000
_LONGEST: Final = 256

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST)]
OtherStatus = Literal["leave_out", "running", "idle", "fault", "stopped", "maintenance"]
SparkplugRows = Literal["NBIRTH", "NDATA", "DBIRTH", "DDATA"]
_Places = Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=FIRST_FOUND)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Nothing unknown, nothing converted."""


class DeclaredTime(_Strict, frozen=True):
    """Where the time stands, and how it is written."""

    unit: TimeUnit
    at: _Places | None = None
    pattern: _Text | None = None
    zone: _Text | None = None


class DeclaredStatus(_Strict, frozen=True):
    """Where the status stands, and which of ours each of theirs is."""

    at: _Places
    map: Annotated[dict[str, DeviceStatus], msgspec.Meta(max_length=_MAP_MAX)] = {}
    otherwise: OtherStatus | None = None
    """Of all that the map does not name; None: such a row is refused."""


class DeclaredMetrics(_Strict, frozen=True):
    """Which part is metrics: an object as it is, or one value with its name."""

    object: _Text | None = None
    name: _Text | None = None
    value: _Text | None = None


class DeclaredRows(_Strict, frozen=True):
    """Some rows of a document."""

    each: _Text
    serial: _Places
    ts: DeclaredTime
    serials: Annotated[dict[str, str], msgspec.Meta(max_length=_MAP_MAX)] = {}
    """What a device is called there, and its serial here."""
    status: DeclaredStatus | None = None
    seq: _Places | None = None
    metrics: DeclaredMetrics | None = None


class DeclaredSparkplug(_Strict, frozen=True):
    """What of Sparkplug B is said by its platform; all else stands in its messages."""

    messages: Annotated[tuple[SparkplugRows, ...], msgspec.Meta(min_length=1, max_length=4)] = (
        "DBIRTH",
        "DDATA",
    )
    """Those that are heartbeats; with NBIRTH and NDATA an edge node is a device itself."""
    serials: Annotated[dict[str, str], msgspec.Meta(max_length=_MAP_MAX)] = {}
    """What a device, or an edge node, is called there, and its serial here."""
    status: DeclaredStatus | None = None
    """Its places are names of metrics."""
    metrics: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=_MAP_MAX)] | None = None
    """Names of those that are kept with a heartbeat; None: all, as many as it has room for."""


class DeclaredFormat(_Strict, frozen=True):
    """A source as it is declared and kept: data, and never changed once it is used."""

    format: Literal["json", "ndjson", "sparkplug_b"]
    rows: Annotated[list[DeclaredRows], msgspec.Meta(max_length=_RULES_MAX)] = []
    gzip: bool = False
    sparkplug: DeclaredSparkplug | None = None

    def __post_init__(self) -> None:
        """Refuse parts of one format in another; the decoder names the place."""
        if self.format == "sparkplug_b" and (self.rows or self.gzip):
            raise ValueError("`$.rows` and `$.gzip` do not belong to sparkplug_b")
        if self.format != "sparkplug_b" and self.sparkplug is not None:
            raise ValueError("`$.sparkplug` belongs to sparkplug_b")
        if self.format != "sparkplug_b" and not self.rows:
            raise ValueError("`$.rows` needs a row at least")


@dataclass(frozen=True, slots=True)
class StatusRule:
    """Which of ours each of their statuses is."""

    places: tuple[Place, ...]
    known: dict[str, DeviceStatus]
    otherwise: OtherStatus | None


@dataclass(frozen=True, slots=True)
class RowRule:
    """How some rows are read."""

    each: tuple[Step, ...]
    path: str
    """Where its rows stand, with a gap for what each star stands for."""
    serial: tuple[Place, ...]
    serials: dict[str, str]
    ts: tuple[Place, ...] | None
    """None: the time of receipt."""
    read_time: TimeReader
    time_unit: TimeUnit
    status: StatusRule | None
    seq: tuple[Place, ...]
    metrics: Path | None
    metric_name: Place | None
    metric_value: Path | None


@dataclass(frozen=True, slots=True)
class SparkplugRule:
    """How messages of Sparkplug B are read."""

    messages: frozenset[str]
    serials: dict[str, str]
    status_names: tuple[str, ...]
    known_statuses: dict[str, DeviceStatus]
    other_status: OtherStatus | None
    metrics: frozenset[str] | None
    """None: all."""


@dataclass(frozen=True, slots=True)
class Format:
    """How messages of one source are read."""

    is_lines: bool
    is_gzip: bool
    rules: tuple[RowRule, ...]
    takes_receipt: bool
    """Whether a row of it may have no time but that of receipt."""
    reads_topic: bool
    """Whether a serial may stand in the topic."""
    sha256: str
    """Of the canonical document, which names the version."""
    sparkplug: SparkplugRule | None = None
    """Of Sparkplug B, which has no rules."""
    shapes: Mapping[bytes, Shape] = field(default_factory=dict, compare=False, repr=False)
    """Of documents with nothing wrong, by their first byte, where the rules are simple enough."""


def read_format(content: bytes) -> DeclaredFormat:
    """Read a declared format from JSON.

    Raises:
        UserError: it is no such document; the message says what is wrong and where.
    """
    try:
        return msgspec.json.decode(content, type=DeclaredFormat)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError("The format cannot be read: {error}.", error=str(error)) from None


def write_format(declared: DeclaredFormat) -> bytes:
    """The canonical document: members in the order of their declaration, nothing said twice."""
    return msgspec.json.encode(declared, order="deterministic")


def compile_format(declared: DeclaredFormat) -> Format:
    """Make ready what reads messages of a format.

    Raises:
        UserError: a path cannot be read, or parts contradict one another.
    """
    rules = tuple(_rule(rows) for rows in declared.rows)
    return Format(
        is_lines=declared.format == "ndjson",
        is_gzip=declared.gzip,
        rules=rules,
        takes_receipt=any(rule.ts is None for rule in rules),
        reads_topic=declared.format == "sparkplug_b"
        or any(Topic() in rule.serial for rule in rules),
        sha256=hashlib.sha256(write_format(declared)).hexdigest(),
        shapes=_shapes([_wanted(rule) for rule in rules]),
        sparkplug=_sparkplug(declared),
    )


def _sparkplug(declared: DeclaredFormat) -> SparkplugRule | None:
    if declared.format != "sparkplug_b":
        return None
    said = declared.sparkplug or DeclaredSparkplug()
    return SparkplugRule(
        messages=frozenset(said.messages),
        serials=said.serials,
        status_names=tuple(said.status.at) if said.status else (),
        known_statuses=said.status.map if said.status else {},
        other_status=said.status.otherwise if said.status else None,
        metrics=None if said.metrics is None else frozenset(said.metrics),
    )


def _shapes(wanted: list[Wanted]) -> dict[bytes, Shape]:
    shapes = {b"{": shape_of(wanted, is_object=True), b"[": shape_of(wanted, is_object=False)}
    return {first: shape for first, shape in shapes.items() if shape is not None}


def _wanted(rule: RowRule) -> Wanted:
    places = [*rule.serial, *(rule.ts or ()), *rule.seq, rule.metric_name]
    if rule.status is not None:
        places += rule.status.places
    return Wanted(
        rule.each,
        [place for place in places if isinstance(place, Path)],
        [path for path in (rule.metrics, rule.metric_value) if path is not None],
    )


def _rule(rows: DeclaredRows) -> RowRule:
    each = parse_rows(rows.each)
    stars = sum(not isinstance(step, str | int) for step in each)
    if (rows.ts.unit == "receipt") != (rows.ts.at is None):
        raise UserError(
            "The time of {rows} needs a place (at), or the unit receipt and none.", rows=rows.each
        )
    declared = rows.metrics or DeclaredMetrics()
    if (declared.name is None) != (declared.value is None) or (
        declared.object is not None and declared.name is not None
    ):
        raise UserError(
            "Metrics of {rows} are either an object, or a name with its value.", rows=rows.each
        )
    return RowRule(
        each=each,
        path=path_with_gaps(each),
        serial=_places(rows.serial, stars),
        serials=rows.serials,
        ts=None if rows.ts.at is None else _places(rows.ts.at, stars),
        read_time=time_reader(rows.ts.unit, rows.ts.pattern, rows.ts.zone),
        time_unit=rows.ts.unit,
        status=None
        if rows.status is None
        else StatusRule(_places(rows.status.at, stars), rows.status.map, rows.status.otherwise),
        seq=_places(rows.seq or [], stars),
        metrics=None if declared.object is None else _value(declared.object, stars),
        metric_name=None if declared.name is None else parse_path(declared.name, stars),
        metric_value=None if declared.value is None else _value(declared.value, stars),
    )


def _places(texts: list[str], stars: int) -> tuple[Place, ...]:
    return tuple(parse_path(text, stars) for text in texts)


def _value(text: str, stars: int) -> Path:
    place = parse_path(text, stars)
    if not isinstance(place, Path):
        raise UserError("Metrics stand at a path, and {path} is none.", path=text)
    return place
