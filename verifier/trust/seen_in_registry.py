"""Signals of what was written down: registrations, gateways, verified evidence. Pure."""

from collections.abc import Iterator
from datetime import date

import numpy as np

from verifier.trust.gateways import shared_gateways
from verifier.trust.gathered import Gathered, InventedHours
from verifier.trust.registration import LateRegistration, late_registrations
from verifier.trust.signal import Kind, Signal
from verifier.trust.subject import signal_of_case
from verifier.trust.thresholds import Thresholds
from verifier.trust.windows import rests_on_late_days

__all__ = ["seen_in_registry"]


def seen_in_registry(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    """Every signal of registry and verifications."""
    yield from _recorded_late(gathered, thresholds)
    yield from _no_heartbeats(gathered)
    yield from _gateway_shared(gathered, thresholds)


def _recorded_late(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    registrations = (
        each
        for each in gathered.registrations
        if gathered.from_on <= each.recorded_on <= gathered.as_of
    )
    for each in late_registrations(registrations, thresholds.recorded_late_days_min):
        yield signal_of_case(
            gathered,
            Kind.RECORDED_LATE,
            each.case,
            score=each.days,
            threshold=thresholds.recorded_late_days_min,
            span=(each.from_on, each.recorded_on),
            devices=each.serials,
            detail={"rests_on_late_days": _rests_on(gathered, each)},
        )


def _rests_on(gathered: Gathered, late: LateRegistration) -> bool:
    """Under a policy of before evidence followed registration, `days` has all of them."""
    days = gathered.days if gathered.days_if_accepted is None else gathered.days_if_accepted
    return rests_on_late_days(
        gathered.cases[late.case],
        days.rows(np.array([late.case])),
        late.recorded_on,
        gathered.as_of,
        gathered.policy,
    )


def _no_heartbeats(gathered: Gathered) -> Iterator[Signal]:
    """Hours of presence that the last verification of their month found without a heartbeat."""
    by_case: dict[int, list[InventedHours]] = {}
    for each in gathered.invented:
        by_case.setdefault(each.case, []).append(each)
    for case, found in sorted(by_case.items()):
        yield signal_of_case(
            gathered,
            Kind.NO_HEARTBEATS,
            case,
            score=sum(each.hours for each in found),
            threshold=1,
            span=(min(each.from_on for each in found), max(each.to_on for each in found)),
            devices=tuple(sorted({each.serial for each in found})),
        )


def _gateway_shared(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    sites = {number: gateway.site for number, gateway in gathered.gateways.items()}
    for shared in shared_gateways(gathered.served, sites, thresholds.gateway_enterprises_max):
        gateway = gathered.gateways[shared.gateway]
        usccs = sorted({gathered.cases[each.case].enterprise.uscc for each in shared.served})
        for each in shared.served:
            own = gathered.cases[each.case].enterprise.uscc
            yield signal_of_case(
                gathered,
                Kind.GATEWAY_SHARED,
                each.case,
                score=shared.unexplained,
                threshold=thresholds.gateway_enterprises_max,
                span=(date.fromordinal(each.first_day), date.fromordinal(each.last_day)),
                devices=each.serials,
                detail={
                    "gateway": gateway.name,
                    "site": gateway.site or "",
                    "with": [uscc for uscc in usccs if uscc != own],
                },
            )
