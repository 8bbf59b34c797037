"""A scenario worked out: every company with its code, every connection, every machine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import TypeVar

from simulators import identities
from simulators.faults import Fault, UnknownDevice
from simulators.habits import Habit
from simulators.scenario import Connection, Decision, Enterprise, Scenario
from simulators.toml_table import Period, Table

__all__ = ["Company", "Device", "Fleet", "RecordedDecision", "ServedConnection", "build_fleet"]

_TableT = TypeVar("_TableT", bound=Table)


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
    return Fleet(
        scenario=scenario,
        operator_usccs={
            platform.code: companies[platform.operator].uscc
            if platform.operator is not None
            else identities.uscc(f"{scenario.seed}/operator of {platform.code}")
            for platform in scenario.platforms
        },
        companies=tuple(companies.values()),
        connections=tuple(_connections(scenario, companies)),
        decisions=tuple(
            RecordedDecision(decision, companies[decision.enterprise].uscc)
            for decision in scenario.decisions
        ),
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
