"""How many cheats the signals find, and how many honest enterprises they trouble.

Whole years of drawn cities go through the very functions that `jieru signals` runs, the rule that
opens cases and the rule that proposes holds. No server is needed, and no figure depends on the
machine. Rules and thresholds were set with some seeds, and what counts is what others show, which
were not looked at before: both are printed.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from math import comb
from typing import Final

from benchmarks.results import print_table, save
from simulators.evidence.city import DrawnCity, draw_city
from tests.support.drawn_evidence import gathered_of_city, signals_of_city
from verifier.policy import load_policy
from verifier.trust.cases.opening import to_open
from verifier.trust.proposing import proposes_hold
from verifier.trust.signal import Kind, Signal

__all__ = ["CHEATS_OF_A_CITY", "Tally", "required", "run", "tally_of_city", "visits_for_one"]

_TUNED_WITH: Final = tuple(range(401, 406))
"""Among others (docs/trust-simulations.md)."""
_FRESH: Final = tuple(range(501, 511))
_HONEST: Final = 540
CHEATS_OF_A_CITY: Final = (
    *("naive-script", "minimum-effort", "backfill", "clone", "clone", "replay", "replay"),
    *(
        "moved-60",
        "moved-90",
        "backdated-shells",
        "counter-continued",
        "gateway-sharing",
        "december-rush",
    ),
    *("stop-at-91", "stop-at-91", "stop-at-91", "invented-serials", "careful-generator"),
)
"""Some 29 enterprises, 5 % of a city."""
_CAREFUL: Final = "careful-generator"
_HONEST_NAME: Final = "honest"
_CERTAINTY: Final = 0.95


@dataclass(slots=True)
class Tally:
    """What became of the enterprises of some cities, by what they are."""

    enterprises: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    holds: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Counter[str]] = field(default_factory=partial(defaultdict, Counter))
    """By what they are and by kind of signal, enterprises in which it was seen."""
    victims_held_for_likeness: int = 0

    def add(self, other: "Tally") -> None:
        """Add what became of further cities."""
        self.enterprises.update(other.enterprises)
        self.cases.update(other.cases)
        self.holds.update(other.holds)
        for name, kinds in other.kinds.items():
            self.kinds[name].update(kinds)
        self.victims_held_for_likeness += other.victims_held_for_likeness

    def share_of_cases(self, names: Iterable[str]) -> float:
        """Of all enterprises of these names, those with a case."""
        return self._share(self.cases, tuple(names))

    def share_of_holds(self, names: Iterable[str]) -> float:
        """Of all enterprises of these names, those for which a hold is proposed."""
        return self._share(self.holds, tuple(names))

    @property
    def precision_of_holds(self) -> float:
        """Of all proposed holds, those of cheats and of who gave them machines."""
        every = sum(self.holds.values())
        return (every - self.holds[_HONEST_NAME]) / every if every else 1.0

    def _share(self, several: Mapping[str, int], names: Sequence[str]) -> float:
        return sum(several[name] for name in names) / max(
            sum(self.enterprises[name] for name in names), 1
        )


def tally_of_city(city: DrawnCity, tally: Tally) -> None:
    """Add what becomes of one city."""
    policy = load_policy("putian-2026")
    found = signals_of_city(city, gathered_of_city(city, policy), policy)
    opened = {(each.of.platform, each.of.uscc) for each in to_open(found, {})}
    by_case: dict[tuple[str, str], list[Signal]] = defaultdict(list)
    for each in found:
        by_case[each.platform, each.uscc].append(each)
    victims = {key for enterprise in city.enterprises for key in enterprise.originals}
    for enterprise in city.enterprises:
        name = enterprise.cheat or _HONEST_NAME
        case = (enterprise.platform, enterprise.key)
        seen = by_case[case]
        is_held = case in opened and proposes_hold(seen)
        tally.enterprises[name] += 1
        tally.cases[name] += case in opened
        tally.holds[name] += is_held
        for kind in {each.kind for each in seen}:
            tally.kinds[name][kind.value] += 1
        others = {each.kind for each in seen} - {Kind.RHYTHM_ALIKE}
        tally.victims_held_for_likeness += enterprise.key in victims and is_held and not others


@dataclass(frozen=True, slots=True)
class Required:
    """One line of what must hold."""

    name: str
    measured: Callable[[Tally], float]
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, tally: Tally) -> bool:
        """Whether it holds."""
        value = self.measured(tally)
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )


def _cases(*names: str) -> Callable[[Tally], float]:
    return lambda tally: tally.share_of_cases(names)


def _holds(*names: str) -> Callable[[Tally], float]:
    return lambda tally: tally.share_of_holds(names)


def required() -> list[Required]:
    """What is promised of signals (docs/trust.md)."""
    lines = [
        Required("honest: with a case", _cases(_HONEST_NAME), at_most=0.05),
        Required("honest: with a proposed hold", _holds(_HONEST_NAME), at_most=0.005),
    ]
    for name in ("naive-script", "backfill", "backdated-shells", "counter-continued"):
        lines.append(Required(f"{name}: with a case", _cases(name), at_least=1.0))
        lines.append(Required(f"{name}: with a proposed hold", _holds(name), at_least=1.0))
    for name in ("clone", "replay"):
        lines.append(Required(f"{name}: with a case", _cases(name), at_least=0.9))
        lines.append(Required(f"{name}: with a proposed hold", _holds(name), at_least=0.7))
    lines.append(Required("moved machines: with a case", _cases("moved-60", "moved-90"), 0.8))
    lines += [
        Required(f"{name}: with a case", _cases(name), at_least=0.8)
        for name in ("minimum-effort", "stop-at-91")
    ]
    lines += [
        Required("precision of proposed holds", lambda tally: tally.precision_of_holds, 0.95),
        Required(
            "victims held for nothing but a likeness",
            lambda tally: tally.victims_held_for_likeness,
            at_most=0,
        ),
    ]
    return lines


def visits_for_one(enterprises: int, cheats: int) -> int:
    """How many enterprises, drawn at random, hold at least one cheat with 95 %."""
    if cheats < 1:
        return enterprises
    return next(
        visits
        for visits in range(enterprises + 1)
        if comb(enterprises - cheats, visits) <= (1 - _CERTAINTY) * comb(enterprises, visits)
    )


def run() -> dict[str, object]:
    """Draw some cities and ten fresh ones, look at a year of each, and print what was found."""
    with ProcessPoolExecutor() as pool:
        tuned, tally = _total(pool.map(_tally, _TUNED_WITH)), _total(pool.map(_tally, _FRESH))
    lines = required()
    met = [line.is_met(tally) for line in lines]
    print_table(
        f"What signals find in {len(_FRESH)} cities",
        ("", "tuned with", "measured", "required", ""),
        [
            (
                line.name,
                f"{line.measured(tuned):.3f}",
                f"{line.measured(tally):.3f}",
                _bound(line),
                "" if is_met else "MISSED",
            )
            for line, is_met in zip(lines, met, strict=True)
        ],
    )
    names = sorted(tally.enterprises)
    print_table(
        "By what they are",
        ("", "enterprises", "cases", "holds", "signals"),
        [
            (
                name,
                str(tally.enterprises[name]),
                str(tally.cases[name]),
                str(tally.holds[name]),
                ", ".join(f"{kind} {number}" for kind, number in sorted(tally.kinds[name].items())),
            )
            for name in names
        ],
    )
    visits = _visits(tally)
    print(
        f"careful generator: {tally.cases[_CAREFUL]} of {tally.enterprises[_CAREFUL]} with a case; "
        f"one is found with 95 % by {visits['one_of_a_city']} visits where there is one among the "
        f"enterprises of a city without a case, by {visits['five_percent']} where 5 % of them are."
    )
    result: dict[str, object] = {
        "seeds": list(_FRESH),
        "seeds_tuned_with": list(_TUNED_WITH),
        "measured_when_tuned": {line.name: line.measured(tuned) for line in lines},
        "measured": {line.name: line.measured(tally) for line in lines},
        "enterprises": dict(tally.enterprises),
        "cases": dict(tally.cases),
        "holds": dict(tally.holds),
        "signals": {name: dict(kinds) for name, kinds in tally.kinds.items()},
        "visits": visits,
        "is_within_target": all(met),
    }
    save("trust", result)
    return result


def _tally(seed: int) -> Tally:
    tally = Tally()
    tally_of_city(draw_city(seed, honest=_HONEST, cheats=CHEATS_OF_A_CITY), tally)
    return tally


def _total(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for each in tallies:
        total.add(each)
    return total


def _bound(line: Required) -> str:
    return f">= {line.at_least:g}" if line.at_least is not None else f"<= {line.at_most:g}"


def _visits(tally: Tally) -> dict[str, int]:
    without = sum(tally.enterprises.values()) - sum(tally.cases.values())
    of_a_city = without // len(_FRESH)
    return {
        "one_of_a_city": visits_for_one(of_a_city, 1),
        "five_percent": visits_for_one(of_a_city, round(of_a_city * (1 - _CERTAINTY))),
    }
