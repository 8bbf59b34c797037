"""A scenario worked out: every company with its code, every connection, every machine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, cycle
from typing import Final, TypeVar

from simulators import identities
from simulators.evidence.city import DrawnCity, draw_city
from simulators.evidence.machine import DrawnEnterprise, Machine
from simulators.faults import Fault, UnknownDevice
from simulators.habits import Habit
from simulators.scenario import Connection, Decision, Enterprise, Scenario
from simulators.toml_table import Period, Table

__all__ = ["Company", "Device", "Fleet", "RecordedDecision", "ServedConnection", "build_fleet"]

_TableT = TypeVar("_TableT", bound=Table)
_DRAWN_TRADES: Final = ("C1953", "C2110", "C3971", "C1830", "C3311", "C3042", "C1713", "C2929")
"""Of drawn enterprises, in turn (GB/T 4754)."""
_SHARED_BANKS_TRADE: Final = "C3311"
_NO_HABIT: Final = Habit(starts_at=(0,), hours_per_shift=1)
"""Of a drawn machine, which has its hours already."""


@dataclass(frozen=True, slots=True)
class Company:
    """One enterprise of the scenario."""

    key: str
    uscc: str
    name: str
    district: str
    industry_code: str


@dataclass(frozen=True, slots=True)
class Device:
    """One machine as one platform knows it, and how it behaves."""

    serial: str
    kind: str
    name: str
    is_registered: bool
    machine: str
    """Under which its chance is drawn: the same for a machine and its mirror images."""
    habit: Habit
    works: tuple[Period, ...]
    faults: tuple[Fault, ...]
    drawn: Machine | None = None
    """What it leaves behind, where that was drawn; then neither habit nor faults say anything."""
    assigned_from: date | None = None
    """None here and below: as its connection."""
    assigned_to: date | None = None


@dataclass(frozen=True, slots=True)
class ServedConnection:
    """A company served by a platform, with its machines there."""

    platform: str
    company: Company
    contract_no: str
    signed_on: date
    from_date: date
    to_date: date | None
    devices: tuple[Device, ...]
    is_mirror: bool
    """Its machines are another company's; of them only what the connection covers is sent."""
    recorded_on: date | None = None
    """On which day the server was told of it and of its devices; None: on `from_date`."""
    cheat: str | None = None
    """As what its evidence was drawn; None: it is what it says."""

    def covers(self, day: date) -> bool:
        """Whether the connection is there on this day."""
        return self.from_date <= day and (self.to_date is None or day < self.to_date)


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision that has to be recorded before the count."""

    decision: Decision
    uscc: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything a scenario says, with nothing left to look up."""

    scenario: Scenario
    operator_usccs: dict[str, str]
    """By platform code."""
    companies: tuple[Company, ...]
    connections: tuple[ServedConnection, ...]
    decisions: tuple[RecordedDecision, ...]


def build_fleet(scenario: Scenario) -> Fleet:
    """Work a scenario out; the same scenario gives the same fleet."""
    companies: dict[str, Company] = {}
    for enterprise in scenario.enterprises:
        for key in enterprise.keys:
            companies[key] = _company(scenario, enterprise, key, set(companies.values()))
    connections = list(_connections(scenario, companies))
    connections += _drawn_connections(scenario, companies)
    return Fleet(
        scenario=scenario,
        operator_usccs={
            platform.code: companies[platform.operator].uscc
            if platform.operator is not None
            else identities.uscc(f"{scenario.seed}/operator of {platform.code}")
            for platform in scenario.platforms
        },
        companies=tuple(companies.values()),
        connections=tuple(connections),
        decisions=tuple(
            RecordedDecision(decision, companies[decision.enterprise].uscc)
            for decision in scenario.decisions
        ),
    )


def _drawn_connections(
    scenario: Scenario, companies: dict[str, Company]
) -> Iterator[ServedConnection]:
    """Connections of the enterprises that are drawn, which become companies."""
    if scenario.drawn is None:
        return
    city = draw_city(
        scenario.seed,
        honest=scenario.drawn.honest,
        cheats=scenario.drawn.cheats,
        first_on=scenario.drawn.first_on,
        days=(scenario.as_of - scenario.drawn.first_on).days + 1,
        platforms=[platform.code for platform in scenario.platforms],
        devices_max=scenario.drawn.devices_max,
    )
    trades = cycle(_DRAWN_TRADES)
    for number, drawn in enumerate(city.enterprises, start=1):
        enterprise = Enterprise.model_construct(
            name=None, district=drawn.district, industry_code=next(trades)
        )
        company = _company(scenario, enterprise, drawn.key, set(companies.values()))
        companies[drawn.key] = company
        yield _drawn_connection(city, drawn, company, number)


def _drawn_connection(
    city: DrawnCity, drawn: DrawnEnterprise, company: Company, number: int
) -> ServedConnection:
    def on(day: int) -> date:
        return city.around.first_on + timedelta(days=day)

    # Of one bank that is assigned to one shell after another each device stays what it is.
    is_shared = any(machine.assigned for machine in drawn.machines)
    kind = identities.machine_kind(_SHARED_BANKS_TRADE if is_shared else company.industry_code)
    devices = tuple(
        Device(
            serial=machine.serial,
            kind=kind.kind,
            name=f"{place}号{kind.name}",
            is_registered=True,
            machine=f"drawn/{machine.serial}",
            habit=_NO_HABIT,
            works=(),
            faults=(),
            drawn=machine,
            assigned_from=None if machine.assigned is None else on(machine.assigned.first),
            assigned_to=None if machine.assigned is None else on(machine.assigned.end),
        )
        for place, machine in enumerate(drawn.machines, start=1)
    )
    from_date = on(drawn.from_day)
    return ServedConnection(
        platform=drawn.platform,
        company=company,
        contract_no=f"{drawn.platform.upper()}-{from_date.year}-D{number:04d}",
        signed_on=from_date,
        from_date=from_date,
        to_date=None if drawn.to_day is None else on(drawn.to_day),
        devices=devices,
        is_mirror=False,
        recorded_on=on(max(drawn.recorded_day, drawn.from_day)),
        cheat=drawn.cheat,
    )


def _company(scenario: Scenario, enterprise: Enterprise, key: str, known: set[Company]) -> Company:
    names, usccs = {company.name for company in known}, {company.uscc for company in known}
    text = f"{scenario.seed}/{key}"
    return Company(
        key=key,
        uscc=_first_free(identities.uscc, text, usccs),
        name=enterprise.name
        or _first_free(
            lambda attempt: identities.company_name(attempt, enterprise.industry_code), text, names
        ),
        district=enterprise.district,
        industry_code=enterprise.industry_code,
    )


def _first_free(invent: Callable[[str], str], text: str, taken: set[str]) -> str:
    return next(
        invented for attempt in count() if (invented := invent(f"{text}/{attempt}")) not in taken
    )


def _connections(scenario: Scenario, companies: dict[str, Company]) -> Iterator[ServedConnection]:
    """All connections in the order of the file, serials numbered through the whole city.

    Mirrors come last, because the machines they show again must exist.
    """
    numbers = count(1)
    originals: dict[str, ServedConnection] = {}
    mirrors: list[tuple[Company, Connection]] = []
    contracts = {platform.code: count(1) for platform in scenario.platforms}

    def served(
        company: Company, connection: Connection, devices: tuple[Device, ...]
    ) -> ServedConnection:
        number = next(contracts[connection.platform])
        return ServedConnection(
            platform=connection.platform,
            company=company,
            contract_no=f"{connection.platform.upper()}-{connection.from_date.year}-{number:04d}",
            signed_on=connection.signed_on or connection.from_date,
            from_date=connection.from_date,
            to_date=connection.to_date,
            devices=devices,
            is_mirror=connection.mirrors is not None,
        )

    for enterprise in scenario.enterprises:
        for place, key in enumerate(enterprise.keys):
            for written in enterprise.connections:
                connection = _later(written, timedelta(days=place * enterprise.days_apart))
                if connection.mirrors is not None:
                    mirrors.append((companies[key], connection))
                    continue
                devices = _devices(scenario, connection, companies[key], numbers)
                originals[key] = served(companies[key], connection, tuple(devices))
                yield originals[key]
    for company, connection in mirrors:
        yield served(company, connection, originals[connection.mirrors or ""].devices)


def _later(connection: Connection, delay: timedelta) -> Connection:
    """The same connection, contract, work and faults some days later."""
    if not delay:
        return connection
    moved = _moved(connection, delay, "from_date", "to_date", "signed_on")
    return moved.model_copy(
        update={
            "works": tuple(_moved(period, delay, "from_date", "to_date") for period in moved.works),
            "faults": tuple(_moved(fault, delay, "from_date", "to_date") for fault in moved.faults),
        }
    )


def _moved(table: _TableT, delay: timedelta, *names: str) -> _TableT:
    dates = {name: getattr(table, name) for name in names}
    return table.model_copy(
        update={name: day + delay for name, day in dates.items() if day is not None}
    )


def _devices(
    scenario: Scenario, connection: Connection, company: Company, numbers: Iterator[int]
) -> Iterator[Device]:
    machine_kind = identities.machine_kind(company.industry_code)
    last_day = scenario.as_of + timedelta(days=1)
    end = last_day if connection.to_date is None else min(connection.to_date, last_day)
    whole = (
        (Period(from_date=connection.from_date, to_date=end),) if connection.from_date < end else ()
    )
    for place in range(1, connection.devices + 1):
        serial = f"{machine_kind.prefix}-{next(numbers):05d}"
        faults = tuple(
            fault for fault in connection.faults if not fault.devices or place in fault.devices
        )
        yield Device(
            serial=serial,
            kind=machine_kind.kind,
            name=f"{place}号{machine_kind.name}",
            is_registered=not any(isinstance(fault, UnknownDevice) for fault in faults),
            machine=f"{scenario.seed}/{connection.platform}/{serial}",
            habit=scenario.habits[connection.habit or ""],
            works=connection.works or whole,
            faults=faults,
        )
