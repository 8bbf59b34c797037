"""Scenarios: seeded TOML files that say who is connected, how they work and what goes wrong.

A date is written as in TOML (`2026-03-02`), or relative to the day on which the scenario is
loaded (`"today-3"`), because under the receipt clock only the present counts.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Literal, NoReturn, Self

from pydantic import Field, ValidationError, model_validator

from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.wire import PLATFORM_CODE
from simulators.evidence.cheats import CHEATS
from simulators.faults import Fault
from simulators.habits import SPRING_FESTIVALS, Habit
from simulators.toml_table import Day, Period, Table, require_order

__all__ = [
    "LEVELS",
    "Clock",
    "Connection",
    "Decision",
    "DrawnPart",
    "Enterprise",
    "Platform",
    "PolicyAssumptions",
    "Recognition",
    "Scenario",
    "load_scenario",
    "shipped_scenarios",
]

_FOLDER: Final = Path(__file__).parent / "scenarios"
_KEY_PATTERN: Final = r"^[a-z0-9-]{1,40}$"

Clock = Literal["event", "receipt"]
"""`event`: a message is received at its `ts`; `receipt`: when it really arrives."""

LEVELS: Final = ("municipal", "provincial", "national")
"""Levels of recognition, the lowest first."""
_Level = Literal["municipal", "provincial", "national"]


class Recognition(Table):
    """A platform's level, from `recognised_on` to before `revoked_on`."""

    level: _Level
    recognised_on: Day
    revoked_on: Day | None = None


class Platform(Table):
    """A platform; its operator is one of the enterprises, or a company that is none of them."""

    code: str = Field(pattern=f"^{PLATFORM_CODE.pattern}$")
    name: str = Field(min_length=1)
    operator: str | None = None
    recognitions: tuple[Recognition, ...] = ()


class Connection(Table):
    """An enterprise served by a platform, its devices there, and how they behave."""

    platform: str
    from_date: Day
    to_date: Day | None = None
    signed_on: Day | None = None
    """Of the contract; empty: `from_date`."""
    devices: int = Field(default=3, ge=1, le=10_000)
    habit: str | None = None
    works: tuple[Period, ...] = ()
    """When the devices work; empty: as long as the connection lasts, until `as_of`."""
    faults: tuple[Fault, ...] = ()
    mirrors: str | None = None
    """Another enterprise, whose very machines are registered here again under this one."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        require_order(self.from_date, self.to_date)
        own = {"devices", "habit", "works", "faults"} & self.model_fields_set
        if self.mirrors is not None and own:
            raise ValueError(_("a connection that mirrors has no behaviour of its own"))
        if self.mirrors is None and self.habit is None:
            raise ValueError(_("names neither a habit nor an enterprise that it mirrors"))
        if any(b.from_date < a.to_date for a, b in zip(self.works, self.works[1:], strict=False)):
            raise ValueError(_("the periods of work overlap, or are not in order"))
        if any(number > self.devices for fault in self.faults for number in fault.devices):
            raise ValueError(_("a fault names a device beyond the last"))
        return self


class Enterprise(Table):
    """An enterprise, or `count` of them with the keys `KEY-01`, `KEY-02` and so on."""

    key: str = Field(pattern=_KEY_PATTERN)
    count: int | None = Field(default=None, ge=1, le=9_999)
    days_apart: int = Field(default=0, ge=0)
    """By how many days each of a group is later than the one before."""
    name: str | None = None
    district: str = Field(min_length=1)
    industry_code: str = Field(pattern=r"^[A-T][0-9]{0,4}$")
    connections: tuple[Connection, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.count is not None and self.name is not None:
            raise ValueError(_("a group of enterprises has no single name"))
        return self

    @property
    def keys(self) -> list[str]:
        """The key, or those of the group's members."""
        if self.count is None:
            return [self.key]
        return [f"{self.key}-{number:02d}" for number in range(1, self.count + 1)]


class Decision(Table):
    """A verifier's decision that the expectation assumes to be recorded."""

    kind: Literal["exclude", "hold", "waive"]
    platform: str
    enterprise: str
    reason: str = Field(min_length=1)
    decided_by: str = Field(min_length=1)
    criterion: (
        Literal[
            "active_hours_per_day_min",
            "active_devices_min",
            "window_days",
            "active_days_min",
            "longest_gap_days_max",
        ]
        | None
    ) = None
    value: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        given = (self.criterion is not None, self.value is not None)
        if given != (self.kind == "waive",) * 2:
            raise ValueError(_("a waiver, and nothing else, has a criterion and a value"))
        return self


class DrawnPart(Table):
    """Enterprises that are drawn from the seed besides those that are written: honest, and not.

    The operators of the last two platforms cheat.
    """

    first_on: Day
    """From which day on; until `as_of`."""
    honest: int = Field(ge=3, le=10_000)
    cheats: tuple[str, ...] = ()
    """Names of cheats (`simulators.evidence.cheats`), each played as often as it is named."""
    devices_max: int = Field(default=9, ge=3, le=100)
    """Of an honest enterprise."""

    @model_validator(mode="after")
    def _cheats_are_known(self) -> Self:
        for name in self.cheats:
            if name not in CHEATS:
                raise ValueError(_("nothing is called {name}").format(name=name))
        return self


class PolicyAssumptions(Table):
    """The rules the expectation assumes; the defaults are those of design section 7.

    The decisions `window_start`, `platform` and recognition at `connected_on` are assumed.
    """

    active_hours_per_day_min: int = 4
    active_devices_min: int = 3
    window_days: int = 90
    active_days_min: int = 60
    longest_gap_days_max: int = 20
    backdate_days_max: int = 7
    max_delay_hours: int = 72
    max_clock_ahead_minutes: int = 10
    recognition_level_min: _Level = "municipal"
    districts: tuple[str, ...] = (
        "licheng",
        "chengxiang",
        "hanjiang",
        "xiuyu",
        "xianyou",
        "meizhou",
        "beian",
    )
    industry_sections: tuple[str, ...] = ("C",)
    award_per_enterprise_yuan: int = 10_000
    award_cap_yuan: int = 150_000
    national_title_award_yuan: int = 300_000
    in_force_from: Day = date(2026, 1, 1)
    in_force_to: Day = date(2029, 12, 31)
    """Last day on which the policy is in force."""


class Scenario(Table):
    """A city and what happens in it."""

    title: str
    as_of: Day
    year: int = Field(default_factory=lambda data: data["as_of"].year)
    """The year to be counted; empty: that of `as_of`."""
    seed: int
    heartbeats_per_hour: int = Field(default=1, ge=1, le=3_600)
    policy: PolicyAssumptions = PolicyAssumptions()
    habits: dict[str, Habit]
    platforms: tuple[Platform, ...] = Field(min_length=1)
    enterprises: tuple[Enterprise, ...] = Field(min_length=1)
    drawn: DrawnPart | None = None
    decisions: tuple[Decision, ...] = ()


def shipped_scenarios() -> list[str]:
    """Names of the scenarios that come with Jieru."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_scenario(name: str, *, today: date) -> Scenario:
    """Read a scenario.

    Args:
        name: of a scenario that comes with Jieru, or the path of a file.
        today: the Asia/Shanghai date that relative days refer to.

    Raises:
        UserError: there is no such scenario, or it is broken; the message names the file, the
            key and what is wrong.
    """
    path = _FOLDER / f"{name}.toml" if name in shipped_scenarios() else Path(name)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(
            "There is no scenario {name}: give the path of a file, or one of {shipped}.",
            name=name,
            shipped=", ".join(shipped_scenarios()),
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            "Scenario {file} is not TOML: {reason}", file=path.name, reason=error
        ) from None

    def refuse(location: Sequence[str | int], problem: str) -> NoReturn:
        raise UserError(
            "Scenario {file}, {key}: {problem}",
            file=path.name,
            key=_key_path(data, location) or _("the whole file"),
            problem=problem,
        )

    try:
        scenario = Scenario.model_validate(data, context={"today": today})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        refuse(first["loc"], _problem(first["type"], first["msg"]))
    _check_references(scenario, refuse)
    return scenario


def _problem(kind: str, message: str) -> str:
    if kind == "missing":
        return _("is missing")
    if kind == "extra_forbidden":
        return _("is no key that a scenario knows")
    return message.removeprefix("Value error, ")


def _key_path(data: object, location: Sequence[str | int]) -> str:
    """A location as a reader finds it in the file: `enterprises[bolts].connections[xielian].habit`.

    An entry of a list is named by its own key where it has one, else by its number from 1.
    """
    path, here = "", data
    for place, part in enumerate(location):
        if isinstance(part, int):
            here = here[part] if isinstance(here, list) and part < len(here) else None
            names = here if isinstance(here, Mapping) else {}
            name = names.get("key") or names.get("code") or names.get("platform")
            path += f"[{name or part + 1}]"
            continue
        is_in_file = isinstance(here, Mapping) and part in here
        here = here[part] if isinstance(here, Mapping) and part in here else here
        # Within a location, what is not in the file is pydantic's name for a kind of fault.
        if is_in_file or place == len(location) - 1:
            path += f".{part}"
    return path.removeprefix(".")


_Refuse = Callable[[Sequence[str | int], str], NoReturn]


def _check_references(scenario: Scenario, refuse: _Refuse) -> None:
    """Refuse names that stand for nothing, or for two things."""
    codes = [platform.code for platform in scenario.platforms]
    keys = [key for enterprise in scenario.enterprises for key in enterprise.keys]
    for kind, names in (("platforms", codes), ("enterprises", keys)):
        twice = next((name for name, times in Counter(names).items() if times > 1), None)
        if twice is not None:
            refuse([kind], _("{name} is there twice").format(name=twice))
    for place, platform in enumerate(scenario.platforms):
        if platform.operator is not None:
            _check_known(platform.operator, keys, refuse, ["platforms", place, "operator"])
    for place, decision in enumerate(scenario.decisions):
        _check_known(decision.platform, codes, refuse, ["decisions", place, "platform"])
        _check_known(decision.enterprise, keys, refuse, ["decisions", place, "enterprise"])
    for place, enterprise in enumerate(scenario.enterprises):
        for number, connection in enumerate(enterprise.connections):
            _check_connection(
                scenario, connection, refuse, ["enterprises", place, "connections", number]
            )


def _check_known(
    name: str, known: Sequence[str], refuse: _Refuse, location: Sequence[str | int]
) -> None:
    if name not in known:
        refuse(location, _no_such(name))


def _check_connection(
    scenario: Scenario, connection: Connection, refuse: _Refuse, location: list[str | int]
) -> None:
    codes = [platform.code for platform in scenario.platforms]
    _check_known(connection.platform, codes, refuse, [*location, "platform"])
    if connection.mirrors is not None:
        _check_mirror(scenario, connection, refuse, [*location, "mirrors"])
        return
    habit = scenario.habits.get(connection.habit or "")
    if habit is None:
        refuse([*location, "habit"], _no_such(connection.habit))
    if habit.spring_festival_stop is None:
        return
    ends = [day for period in connection.works for day in (period.from_date, period.to_date)]
    first, *_between, last = ends or (connection.from_date, connection.to_date or scenario.as_of)
    for year in range(first.year, last.year + 1):
        if year not in SPRING_FESTIVALS:
            problem = _("the date of the Spring Festival of {year} is not known")
            refuse([*location, "habit"], problem.format(year=year))


def _check_mirror(
    scenario: Scenario, connection: Connection, refuse: _Refuse, location: list[str | int]
) -> None:
    original = next((e for e in scenario.enterprises if e.key == connection.mirrors), None)
    if original is None:
        refuse(location, _no_such(connection.mirrors))
    if (
        original.count is not None
        or len(original.connections) != 1
        or original.connections[0].mirrors is not None
        or original.connections[0].platform == connection.platform
    ):
        refuse(
            location,
            _(
                "only a single enterprise with one connection, on another platform and with "
                "machines of its own, can be mirrored"
            ),
        )


def _no_such(name: object) -> str:
    return _("nothing is called {name}").format(name=name)
