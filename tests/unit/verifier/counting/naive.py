"""A count by the words of design section 7, day by day in plain Python, to test the fast one.

It shares the verifier's plain records (platforms, connections, decisions) and none of its rules.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from tests.unit.verifier.builders import DeviceLife
from verifier.counting.eligibility import Case
from verifier.counting.windows import WindowRule
from verifier.policy import Policy

__all__ = ["NaiveResult", "naive_count", "naive_window"]

_LEVELS = ["municipal", "provincial", "national"]


class NaiveWindow(NamedTuple):
    """First day, last day, active days, longest gap."""

    first_day: date
    last_day: date
    active_days: int
    longest_gap_days: int


class NaiveResult(NamedTuple):
    """What becomes of one case."""

    outcome: str
    window: NaiveWindow | None


def _range(first: date, days: int) -> Iterable[date]:
    return (first + timedelta(days=offset) for offset in range(days))


def naive_window(start: date, active: set[date], rule: WindowRule) -> NaiveWindow | None:
    """The effective window that starts on a day, if one does."""
    if start not in active:
        return None
    count = gap = longest = 0
    for day in _range(start, rule.window_days):
        if day in active:
            count, gap = count + 1, 0
        else:
            gap += 1
            longest = max(longest, gap)
    if count < rule.active_days_min or longest > rule.longest_gap_days_max:
        return None
    return NaiveWindow(start, start + timedelta(days=rule.window_days - 1), count, longest)


def naive_count(
    cases: Sequence[Case], devices: Sequence[DeviceLife], policy: Policy, year: int, as_of: date
) -> dict[tuple[str, str], NaiveResult]:
    """Every listed case and what becomes of it; the windows of the cases are not looked at."""
    windows = {_key(case): _earliest(case, devices, policy, as_of) for case in cases}
    results = {}
    for case in cases:
        window = windows[_key(case)]
        overlaps = any(
            each.from_date <= date(year, 12, 31)
            and (each.to_date is None or each.to_date > date(year, 1, 1))
            for each in case.connections
        )
        if overlaps or (window and _year(window, policy) == year):
            results[_key(case)] = _result(case, cases, windows, devices, policy, year, as_of)
    return results


def _key(case: Case) -> tuple[str, str]:
    return case.platform.code, case.enterprise.uscc


def _values(case: Case, policy: Policy) -> dict[str, int]:
    values = {
        "active_hours_per_day_min": policy.active_hours_per_day_min.value,
        "active_devices_min": policy.active_devices_min.value,
        "window_days": policy.window_days.value,
        "active_days_min": policy.active_days_min.value,
        "longest_gap_days_max": policy.longest_gap_days_max.value,
    }
    for each in case.decisions:
        if each.kind == "waive" and each.criterion and each.value is not None:
            values[each.criterion] = each.value
    return values


def _rule(values: Mapping[str, int]) -> WindowRule:
    return WindowRule(
        values["window_days"], values["active_days_min"], values["longest_gap_days_max"]
    )


def _active_days(
    case: Case, devices: Sequence[DeviceLife], policy: Policy, as_of: date
) -> set[date]:
    values = _values(case, policy)
    platform, uscc = _key(case)
    active = set()
    for day in {day for device in devices for day in device.heard}:
        if day > as_of or not any(
            each.from_date <= day and (each.to_date is None or day < each.to_date)
            for each in case.connections
        ):
            continue
        number = 0
        for device in devices:
            is_own = device.platform == platform and any(
                owner == uscc and first <= day and (end is None or day < end)
                for owner, first, end in device.assigned
            )
            hours = set(device.heard.get(day, ()))
            if is_own and len(hours) >= values["active_hours_per_day_min"]:
                number += 1
        if number >= values["active_devices_min"]:
            active.add(day)
    return active


def _earliest(
    case: Case, devices: Sequence[DeviceLife], policy: Policy, as_of: date
) -> NaiveWindow | None:
    active = _active_days(case, devices, policy, as_of)
    for day in sorted(active):
        window = naive_window(day, active, _rule(_values(case, policy)))
        if window and window.last_day <= as_of:
            return window
    return None


def _is_possible(
    case: Case, devices: Sequence[DeviceLife], policy: Policy, year: int, as_of: date
) -> bool:
    active = _active_days(case, devices, policy, as_of)
    rule = _rule(_values(case, policy))
    horizon = max(as_of, date(year, 12, 31)) + timedelta(days=rule.window_days)
    hoped_for = active | set(_range(as_of + timedelta(days=1), (horizon - as_of).days))
    windows = (naive_window(day, hoped_for, rule) for day in hoped_for)
    return any(window and _year(window, policy) == year for window in windows)


def _year(window: NaiveWindow, policy: Policy) -> int:
    if policy.count_year_of.value == "window_start":
        return window.first_day.year
    return window.last_day.year


def _is_out_of_scope(case: Case, policy: Policy) -> bool:
    code = case.enterprise.industry_code
    return (
        case.enterprise.district not in policy.districts.value
        or code is None
        or code[0] not in policy.industry_sections.value
        or case.platform.operator_uscc == case.enterprise.uscc
    )


def _is_recognised(case: Case, policy: Policy, window: NaiveWindow, year: int) -> bool:
    on_day = policy.recognition_on.value == "connected_on"
    day = window.first_day if on_day else date(year, 12, 31)
    lowest = _LEVELS.index(policy.recognition_level_min.value)
    return any(
        each.level in _LEVELS[lowest:]
        and each.recognised_on <= day
        and (each.revoked_on is None or day < each.revoked_on)
        for each in case.platform.recognitions
    )


def _is_in_force(window: NaiveWindow, policy: Policy) -> bool:
    return policy.in_force_from.value <= window.first_day <= policy.in_force_to.value


def _is_decided(case: Case, kind: str) -> bool:
    return any(each.kind == kind for each in case.decisions)


def _counts_first_elsewhere(
    case: Case,
    cases: Sequence[Case],
    windows: Mapping[tuple[str, str], NaiveWindow | None],
    policy: Policy,
) -> bool:
    order = []
    for other in cases:
        window = windows[_key(other)]
        if (
            other.enterprise.uscc == case.enterprise.uscc
            and window
            and not _is_out_of_scope(other, policy)
            and not _is_decided(other, "exclude")
            and _is_recognised(other, policy, window, _year(window, policy))
            and _is_in_force(window, policy)
        ):
            contract = next(
                each
                for each in other.connections
                if each.from_date <= window.first_day
                and (each.to_date is None or window.first_day < each.to_date)
            )
            signed_on = contract.signed_on or date(9999, 12, 31)
            order.append((window.first_day, signed_on, other.platform.code))
    return bool(order) and min(order)[2] != case.platform.code


def _result(
    case: Case,
    cases: Sequence[Case],
    windows: Mapping[tuple[str, str], NaiveWindow | None],
    devices: Sequence[DeviceLife],
    policy: Policy,
    year: int,
    as_of: date,
) -> NaiveResult:
    window = windows[_key(case)]
    if window is None or _year(window, policy) > year:
        candidates = {
            "out_of_scope": _is_out_of_scope(case, policy),
            "excluded": _is_decided(case, "exclude"),
            "pending": _is_possible(case, devices, policy, year, as_of),
            "not_effective": True,
        }
        window = None
    else:
        is_city = policy.connection_uniqueness.value == "city"
        candidates = {
            "out_of_scope": _is_out_of_scope(case, policy),
            "excluded": _is_decided(case, "exclude"),
            "connected_earlier": _year(window, policy) < year,
            "platform_not_recognised": not _is_recognised(case, policy, window, year),
            "policy_not_in_force": not _is_in_force(window, policy),
            "counted_elsewhere": is_city and _counts_first_elsewhere(case, cases, windows, policy),
            "held": _is_decided(case, "hold"),
            "counted": True,
        }
    return NaiveResult(next(name for name, applies in candidates.items() if applies), window)
