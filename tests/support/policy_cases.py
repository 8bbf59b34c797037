"""Golden cases of the counting rules, read from tests/policy_cases (its README has the format).

A case is checked for shape here and nowhere judged: what it expects was reasoned from the policy.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from ingest.decode import Heartbeat, TimeRules, decode
from jieru.calendar import SHANGHAI
from jieru.wire import encode_payload
from tests.support.messages import KNOWN_TOPIC, message, origins
from tests.support.registry_files import uscc_of
from verifier.counting.determination import Determination, Outcome, Overlap
from verifier.counting.eligibility import CriterionName
from verifier.counting.registry import DecisionKind
from verifier.policy import Basis, Level, Policy, load_policy

__all__ = [
    "CASES_FOLDER",
    "DESIGN",
    "HeardHours",
    "PolicyCase",
    "Seen",
    "cases_in",
    "hours_heard",
    "pairs",
    "policy_of",
    "read_policy_cases",
    "spread",
    "uscc_by_name",
]

CASES_FOLDER: Final = Path(__file__).parents[1] / "policy_cases"
DESIGN: Final = "design 7"
"""The clause of a rule on which the policy's text is silent."""

_DEFAULTS: Final = "_defaults.yaml"
_PUTIAN: Final = load_policy("putian-2026")
_RANGE: Final = re.compile(r"(?P<stem>[a-z-]+)(?P<first>\d+)\.\.(?P=stem)(?P<last>\d+)")
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


# --- The format -----------------------------------------------------------------------------------


def _hours(value: object) -> object:
    """Hours of a day written as `8-12` (both inclusive), `8` or `[0, 6]`."""
    if isinstance(value, str) and (bounds := re.fullmatch(r"(\d+)-(\d+)", value)):
        return frozenset(range(int(bounds[1]), int(bounds[2]) + 1))
    if isinstance(value, int):
        return frozenset({value})
    return frozenset(value) if isinstance(value, list) else value


_Hours = Annotated[
    frozenset[Annotated[int, Field(ge=0, le=23)]], BeforeValidator(_hours), Field(min_length=1)
]


class _Strict(BaseModel):
    """Nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Period(_Strict):
    """From a day, inclusive, to a day, exclusive."""

    from_date: date = Field(alias="from")
    to_date: date | None = Field(alias="to")


class _Recognition(_Period):
    level: Level


class _Platform(_Strict):
    operator: str | None
    """An enterprise of the case, by its name."""
    recognitions: list[_Recognition]


class _Enterprise(_Strict):
    district: str
    industry: str | None


class _Connection(_Period):
    platform: str
    enterprise: str
    signed: date | None
    recorded: date | None
    """The day on which it was recorded; None: on its first day."""
    says: Literal["confirmed", "denied"] | None
    """What the enterprise itself says of it."""


class _Device(_Period):
    device: str
    platform: str
    enterprise: str
    recorded: date | None
    """The day on which the assignment was recorded; None: on its first day."""


class _Decision(_Strict):
    decide: DecisionKind
    platform: str
    enterprise: str
    criterion: str | None
    value: int | None
    decided: date
    """The day on which it was decided."""
    waits: bool
    """Whether no second person has confirmed it."""
    withdrawn: bool


class _Span(_Strict):
    """Devices heard at these hours of every day of a span, both ends inclusive."""

    device: str
    from_date: date = Field(alias="from")
    to_date: date = Field(alias="to")
    except_: list[Weekday] = Field(alias="except")
    hours: _Hours
    late: bool
    live: bool

    def days(self) -> Iterator[date]:
        """The days on which they were heard."""
        for offset in range((self.to_date - self.from_date).days + 1):
            day = self.from_date + timedelta(days=offset)
            if _WEEKDAYS[day.weekday()] not in self.except_:
                yield day


class _SingleDays(_Strict):
    """Devices heard at these hours of single days."""

    device: str
    dates: list[date] = Field(alias="days")
    hours: _Hours
    late: bool
    live: bool

    def days(self) -> Iterator[date]:
        """The days on which they were heard."""
        return iter(self.dates)


class _Instant(_Strict):
    """One heartbeat of each device: when it was made and when it was received."""

    device: str
    at: AwareDatetime
    received: AwareDatetime
    by: Literal["mqtt", "https"] = "mqtt"
    clock: bool = True
    """False: it came without a time, and was made when it was received."""


def _heard_shape(value: object) -> str:
    keys = value.keys() if isinstance(value, dict) else ()
    return "instant" if "at" in keys else "days" if "days" in keys else "span"


_Heard = Annotated[
    Annotated[_Span, Tag("span")]
    | Annotated[_SingleDays, Tag("days")]
    | Annotated[_Instant, Tag("instant")],
    Discriminator(_heard_shape),
]


class _ExpectedBackdated(_Strict):
    what: Literal["connection", "assignments"]
    evidence_from: date
    days_before: int
    is_accepted: bool
    changes_outcome: bool
    counts_against: bool = False


class _ExpectedDetermination(_Strict):
    platform: str
    enterprise: str
    outcome: Outcome = Field(strict=False)
    connected_on: date | None
    reasons: list[Annotated[CriterionName, Field(strict=False)]]
    year_counted: int | None = None
    pending_until: date | None = None
    window_active_days: int | None = None
    window_longest_gap_days: int | None = None
    window_live_percent: int | None = None
    backdated: list[_ExpectedBackdated] = []


class _ExpectedLine(_Strict):
    clause: str
    count: int
    uncapped_yuan: int
    amount_yuan: int


class _ExpectedOverlap(_Strict):
    enterprise: str
    platforms: list[str]


class _Expectation(_Strict):
    determinations: list[_ExpectedDetermination]
    total_yuan: int
    lines: dict[str, list[_ExpectedLine]] | None = None
    overlaps: list[_ExpectedOverlap]


class PolicyCase(_Strict):
    """One case: rules, registry and evidence, and what the count must make of them."""

    name: str = Field(pattern=r"^[A-Z0-9].*[a-z0-9]$")
    clause: str
    basis: Basis
    because: str | None = None
    year: int
    as_of: date
    policy: dict[str, Any]
    platforms: dict[str, _Platform]
    enterprises: dict[str, _Enterprise]
    connections: list[_Connection]
    devices: list[_Device]
    heard: list[_Heard]
    decisions: list[_Decision]
    expect: _Expectation

    def expected(self) -> dict[str, object]:
        """What a count must show: the figures that the case names, and nobody else listed."""
        shown: dict[str, object] = {
            "determinations": {
                f"{each.platform}/{enterprise}": {
                    key: getattr(each, key)
                    for key in sorted(
                        each.model_fields_set - {"platform", "enterprise", "reasons", "backdated"}
                    )
                }
                | {
                    "reasons": sorted(each.reasons),
                    "backdated": [one.model_dump() for one in each.backdated],
                }
                for each in self.expect.determinations
                for enterprise in spread(each.enterprise)
            },
            "overlaps": {each.enterprise: each.platforms for each in self.expect.overlaps},
            "total_yuan": self.expect.total_yuan,
        }
        if self.expect.lines is not None:
            shown["lines"] = {
                platform: [each.model_dump() for each in lines]
                for platform, lines in self.expect.lines.items()
            }
        return shown

    def without_override(self, parameter: str) -> "PolicyCase":
        """The same case under the policy's own value of one parameter."""
        policy = {key: value for key, value in self.policy.items() if key != parameter}
        return self.model_copy(update={"policy": policy})


class _File(_Strict):
    """One file of cases; what the cases share stands in the background."""

    about: str
    background: dict[str, Any] = {}
    cases: list[dict[str, Any]] = Field(min_length=1)


# --- Reading --------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML in which a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT002 - PyYAML's signature
        """A mapping, its keys all different."""
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is given twice", node.start_mark
            )
        return mapping


def _read_yaml(text: str) -> Any:  # noqa: ANN401 - plain data
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


_USUAL: Final = _read_yaml((CASES_FOLDER / _DEFAULTS).read_text(encoding="utf-8"))


def read_policy_cases() -> list[PolicyCase]:
    """Every case of the folder, in the order of its files."""
    return [
        case
        for path in sorted(CASES_FOLDER.glob("*.yaml"))
        if path.name != _DEFAULTS
        for case in cases_in(path.read_text(encoding="utf-8"), path.name)
    ]


def cases_in(text: str, file: str = "a file of cases") -> list[PolicyCase]:
    """The cases of one file.

    Raises:
        ValueError: something is unknown, missing or contradictory; the message names the case.
    """
    try:
        content = _File.model_validate(_read_yaml(text))
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    cases = []
    for given in content.cases:
        try:
            cases.append(_case(content.background, given))
        except ValueError as error:
            raise ValueError(f"{file}: {given.get('name', given)}: {error}") from error
    return cases


def _case(background: Mapping[str, Any], given: Mapping[str, Any]) -> PolicyCase:
    # Of a policy each parameter for itself: what the file's cases share, and what this one changes.
    policy = {**background.get("policy", {}), **given.get("policy", {})}
    raw = {**_USUAL["case"], **background, **given, "policy": policy}
    if given.get("year", _USUAL["case"]["year"]) != _USUAL["case"]["year"] and "as_of" not in given:
        raise ValueError("a case of another year than the usual one says as_of")
    case = PolicyCase.model_validate(_filled(raw))
    policy_of(case)
    _check_names(case)
    _check_sense(case)
    return case


def _filled(raw: dict[str, Any]) -> dict[str, Any]:
    """A case as written, with what it leaves out."""
    for section, each in (
        ("connections", "connection"),
        ("devices", "device"),
        ("decisions", "decision"),
    ):
        raw[section] = [{**_USUAL[each], **entry} for entry in raw[section]]
    for section, each in (("platforms", "platform"), ("enterprises", "enterprise")):
        raw[section] = {
            name: {**_USUAL[each], **(entry or {})}
            for names, entry in raw[section].items()
            for name in spread(names)
        }
    for platform in raw["platforms"].values():
        platform["recognitions"] = [
            {**_USUAL["recognition"], **entry} for entry in platform["recognitions"]
        ]
    raw["heard"] = [_filled_heard(entry) for entry in raw["heard"]]
    if "expect" in raw:
        raw["expect"] = _filled_expectation(raw["expect"])
    return raw


def _filled_heard(entry: dict[str, Any]) -> dict[str, Any]:
    shape = _heard_shape(entry)
    if shape == "instant":
        return {"received": entry["at"], **entry}
    usual = {**_USUAL["heard"]}
    if shape == "days":
        del usual["except"]
    return {**usual, **entry}


def _filled_expectation(expect: dict[str, Any]) -> dict[str, Any]:
    """The short form, for a case of one enterprise, becomes a list of one."""
    whole = {key: value for key, value in expect.items() if key in _Expectation.model_fields}
    only = {key: value for key, value in expect.items() if key not in whole}
    if only:
        if "determinations" in whole:
            raise ValueError(f"determinations stands beside {', '.join(sorted(only))}")
        whole["determinations"] = [only]
    whole["determinations"] = [
        {**_USUAL["determination"], **each} for each in whole.get("determinations", ())
    ]
    return {**_USUAL["expect"], **whole}


def _check_names(case: PolicyCase) -> None:
    """Every platform, enterprise and device that is spoken of must be there."""
    platforms: dict[str, str] = {}
    for each in case.devices:
        for serial, _ in pairs(each.device, each.enterprise):
            if platforms.setdefault(serial, each.platform) != each.platform:
                raise ValueError(f"{serial} is on two platforms")
    spoken_of: list[_Connection | _Device | _Decision | _ExpectedDetermination] = [
        *case.connections,
        *case.devices,
        *case.decisions,
        *case.expect.determinations,
    ]
    unknown = {each.platform for each in spoken_of} - case.platforms.keys()
    unknown |= {name for each in spoken_of for name in spread(each.enterprise)} - (
        case.enterprises.keys()
    )
    unknown |= {serial for entry in case.heard for serial in spread(entry.device)} - (
        platforms.keys()
    )
    unknown |= {each.operator for each in case.platforms.values() if each.operator} - (
        case.enterprises.keys()
    )
    if unknown:
        raise ValueError(f"unknown in this case: {', '.join(sorted(unknown))}")


def _check_sense(case: PolicyCase) -> None:
    """Nothing that a case says may be without effect."""
    for entry in case.heard:
        if not isinstance(entry, _Instant) and not list(entry.days()):
            raise ValueError(f"{entry.device} is heard on no day at all")
    listed = [
        (each.platform, name)
        for each in case.expect.determinations
        for name in spread(each.enterprise)
    ]
    if len(set(listed)) != len(listed):
        raise ValueError("an enterprise has two determinations on one platform")


def spread(names: str) -> list[str]:
    """`d1..d3` is d1, d2, d3; any other name is itself."""
    found = _RANGE.fullmatch(names)
    if found is None:
        if ".." in names:
            raise ValueError(f"{names} is no range such as d1..d3")
        return [names]
    first, last = int(found["first"]), int(found["last"])
    return [f"{found['stem']}{number}" for number in range(first, last + 1)]


def pairs(devices: str, enterprises: str) -> list[tuple[str, str]]:
    """Which device stands for which enterprise: all for the one, or each for its own."""
    serials, names = spread(devices), spread(enterprises)
    if len(names) == 1:
        names *= len(serials)
    if len(names) != len(serials):
        raise ValueError(f"{devices} and {enterprises} are not as many")
    return list(zip(serials, names, strict=True))


# --- What a case means ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeardHours:
    """The civil hours in which one device was heard, by day."""

    on_time: defaultdict[date, set[int]] = field(default_factory=lambda: defaultdict(set))
    late: defaultdict[date, set[int]] = field(default_factory=lambda: defaultdict(set))
    live: defaultdict[date, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Of those on time, the ones of which a heartbeat arrived while it was fresh."""


def policy_of(case: PolicyCase) -> Policy:
    """The policy of Putian with the case's values, checked like those of a file."""
    values = _PUTIAN.model_dump()
    for name, value in case.policy.items():
        if name not in _PUTIAN.parameters():
            raise ValueError(f"{name} is no parameter of the policy")
        if name == "districts":
            listed = values[name]["value"]
            values[name]["value"] = {slug: listed[slug] for slug in value}
        else:
            values[name]["value"] = tuple(value) if isinstance(value, list) else value
    return Policy.model_validate(values)


def uscc_by_name(case: PolicyCase) -> dict[str, str]:
    """The social credit code of each enterprise of a case: its number is its place in it."""
    return {name: uscc_of(number) for number, name in enumerate(case.enterprises, start=1)}


def hours_heard(case: PolicyCase) -> dict[str, HeardHours]:
    """When each device of a case was heard; of single heartbeats, what ingest makes of them."""
    policy = policy_of(case)
    rules = TimeRules.of_policy(
        max_delay_hours=policy.max_delay_hours.value,
        max_clock_ahead_minutes=policy.max_clock_ahead_minutes.value,
        is_event_clock=False,
        live_within_minutes=policy.live_within_minutes.value
        if policy.live_within_minutes
        else None,
    )
    heard: dict[str, HeardHours] = {
        serial: HeardHours() for each in case.devices for serial in spread(each.device)
    }
    for entry in case.heard:
        for serial in spread(entry.device):
            if isinstance(entry, _Instant):
                if not entry.clock and not (policy.takes_receipt_time and entry.by == "https"):
                    continue
                _hear(heard[serial], entry, rules)
            else:
                hours = heard[serial].late if entry.late else heard[serial].on_time
                for day in entry.days():
                    hours[day].update(entry.hours)
                    if entry.live and not entry.late:
                        heard[serial].live[day].update(entry.hours)
    return heard


def _hear(heard: HeardHours, entry: _Instant, rules: TimeRules) -> None:
    sent = message(
        encode_payload(_milliseconds(entry.at)), received_ms=_milliseconds(entry.received)
    )
    taken = decode(sent, origins({KNOWN_TOPIC: 1}), rules)
    if isinstance(taken, Heartbeat):
        local = entry.at.astimezone(SHANGHAI)
        (heard.late if taken.is_late else heard.on_time)[local.date()].add(local.hour)
        if taken.is_live:
            heard.live[local.date()].add(local.hour)


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


# --- What a count shows ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """The parts of a count that a case may speak of."""

    determinations: Iterable[Determination]
    lines: Mapping[str, list[dict[str, object]]]
    """By platform."""
    overlaps: Iterable[Overlap]

    def shown(self, case: PolicyCase) -> dict[str, object]:
        """What the count shows, in the shape of `PolicyCase.expected`."""
        names = {uscc: name for name, uscc in uscc_by_name(case).items()}
        asked = {
            (each.platform, enterprise): each.model_fields_set
            for each in case.expect.determinations
            for enterprise in spread(each.enterprise)
        }
        found: dict[str, object] = {}
        for each in self.determinations:
            key = each.platform.code, names[each.enterprise.uscc]
            everything = _figures(each)
            found["/".join(key)] = {
                name: everything[name]
                for name in everything
                if name in asked.get(key, everything) or name == "backdated"
            }
        amounts = [line["amount_yuan"] for lines in self.lines.values() for line in lines]
        shown: dict[str, object] = {
            "determinations": found,
            "overlaps": {
                names[each.enterprise.uscc]: [claim.platform_code for claim in each.claims]
                for each in self.overlaps
            },
            "total_yuan": sum(amount for amount in amounts if isinstance(amount, int)),
        }
        if case.expect.lines is not None:
            shown["lines"] = {platform: self.lines.get(platform) for platform in case.expect.lines}
        return shown


def _figures(found: Determination) -> dict[str, object]:
    """Everything of a determination of which a case may speak."""
    window = found.window
    return {
        "outcome": found.outcome,
        "connected_on": found.connected_on,
        "reasons": sorted(found.reasons),
        "year_counted": found.year_counted,
        "pending_until": found.pending_until,
        "window_active_days": window.active_days if window else None,
        "window_longest_gap_days": window.longest_gap_days if window else None,
        "window_live_percent": None,
        **found.live_percent,
        "backdated": [
            {
                "what": "assignments" if each.serials else "connection",
                "evidence_from": each.evidence_from,
                "days_before": each.days_before,
                "is_accepted": each.is_accepted,
                "changes_outcome": each.changes_outcome,
                "counts_against": each.counts_against,
            }
            for each in found.backdated or ()
        ],
    }
