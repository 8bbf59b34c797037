"""What a policy says: one parameter for each number or choice of design section 7."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

from jieru.i18n import Language

__all__ = [
    "LEVELS",
    "WAIVABLE",
    "Basis",
    "District",
    "Level",
    "Parameter",
    "ParameterValue",
    "Parameters",
    "Policy",
    "SignalParameters",
    "Unit",
    "Words",
]

Basis = Literal["text", "decision"]
"""`text`: the policy says so. `decision`: it is silent, and the municipality must decide."""
Unit = Literal["hours", "minutes", "days", "devices", "percent", "yuan", "date", "none"]
Level = Literal["municipal", "provincial", "national"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""Levels of recognition, the lowest first."""


WAIVABLE: Final[Mapping[str, tuple[int, int]]] = {
    "active_hours_per_day_min": (1, 24),
    "active_devices_min": (1, 10_000),
    "window_days": (1, 366),
    "active_days_min": (1, 366),
    "longest_gap_days_max": (0, 366),
}
"""The numeric criteria, which a waiver may set for one case, with the lowest and the highest value
that a policy or a waiver may give them."""


def _within_bounds(name: str) -> object:
    lowest, highest = WAIVABLE[name]
    return Field(ge=lowest, le=highest)


class _Strict(BaseModel):
    """Nothing unknown, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Text = Annotated[str, Field(min_length=1)]
T = TypeVar("T")


class Words(_Strict):
    """One text in the languages of the interface."""

    zh: _Text
    en: _Text

    def spoken_in(self, language: Language) -> str:
        """The text in one language."""
        return self.en if language == "en" else self.zh


class District(_Strict):
    """A county-level district, or a management committee that has no code of its own."""

    name: _Text
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None
    """GB/T 2260."""


class Parameter(_Strict, Generic[T]):
    """One number or choice, with the clause it comes from."""

    value: T
    unit: Unit
    clause: _Text
    basis: Basis
    description: Words


_Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]{2,32}$")]
_Section = Annotated[str, Field(pattern=r"^[A-T]$")]
_Yuan = Annotated[int, Field(ge=0, le=1_000_000_000)]
_Percent = Annotated[int, Field(ge=0, le=100)]
_Days = Annotated[int, Field(ge=1, le=366)]
_Devices = Annotated[int, Field(ge=1, le=10_000)]

ParameterValue: TypeAlias = int | str | date | tuple[str, ...] | Mapping[str, District]


class Parameters(_Strict):
    """Every parameter of clause 1 (design section 7)."""

    active_hours_per_day_min: Parameter[Annotated[int, _within_bounds("active_hours_per_day_min")]]
    active_devices_min: Parameter[Annotated[int, _within_bounds("active_devices_min")]]
    window_days: Parameter[Annotated[int, _within_bounds("window_days")]]
    active_days_min: Parameter[Annotated[int, _within_bounds("active_days_min")]]
    longest_gap_days_max: Parameter[Annotated[int, _within_bounds("longest_gap_days_max")]]
    max_delay_hours: Parameter[Annotated[int, Field(ge=1, le=8_784)]]
    max_clock_ahead_minutes: Parameter[Annotated[int, Field(ge=0, le=1_440)]]
    count_year_of: Parameter[Literal["window_start", "window_end"]]
    connection_uniqueness: Parameter[Literal["platform", "city"]]
    recognition_level_min: Parameter[Level]
    recognition_on: Parameter[Literal["connected_on", "year_end"]]
    districts: Parameter[Annotated[Mapping[_Slug, District], Field(min_length=1)]]
    industry_sections: Parameter[Annotated[tuple[_Section, ...], Field(min_length=1)]]
    award_per_enterprise_yuan: Parameter[_Yuan]
    award_cap_yuan: Parameter[_Yuan]
    national_title_award_yuan: Parameter[_Yuan]
    annual_budget_yuan: Parameter[_Yuan]
    in_force_from: Parameter[date]
    in_force_to: Parameter[date]
    backdate_days_max: Parameter[Annotated[int, Field(ge=0, le=366)]] | None = None
    """None here and below: a policy of before this rule was made, and so without it."""
    live_within_minutes: Parameter[Annotated[int, Field(ge=1, le=1_440)]] | None = None
    live_share_min: Parameter[_Percent] | None = None
    receipt_time_allowed: Parameter[Literal["never", "https"]] | None = None
    confirmation_required: Parameter[Literal["report", "hold"]] | None = None


class SignalParameters(_Strict):
    """From where on something in the evidence is a signal: no rule of the count (section 11)."""

    holds: Parameter[Literal["shadow", "propose"]]
    """`shadow`: signals open cases and propose nothing, until visits have told false alarms."""
    recorded_late_days_min: Parameter[_Days]
    counter_continued_days_max: Parameter[_Days]
    required_hours_share_min: Parameter[_Percent]
    silent_days_min: Parameter[_Days]
    not_live_share_min: Parameter[_Percent]
    rhythm_likeness_min: Parameter[_Percent]
    rhythm_common_days_min: Parameter[_Days]
    handed_over_within_days: Parameter[_Days]
    handed_over_devices_min: Parameter[_Devices]
    gateway_enterprises_max: Parameter[Annotated[int, Field(ge=1, le=100_000)]]
    metrics_repeated_share_min: Parameter[_Percent]
    metrics_memory_min: Parameter[_Percent]
    answer_working_days: Parameter[_Days]
    """How long those who are asked in a case have for their answer."""


class Policy(Parameters):
    """One version of the rules: the parameters, and which file they came from."""

    name: str
    title: Words
    sha256: str
    """Of the file's bytes, so that a count can name exactly the rules it was made by."""
    source: str
    """The file's text, so that a frozen count holds its rules itself."""
    signals: SignalParameters | None = None
    """None: a policy of before there were signals."""

    @property
    def takes_receipt_time(self) -> bool:
        """Whether a heartbeat may have the time of its receipt, where it came over HTTPS."""
        return self.receipt_time_allowed is not None and self.receipt_time_allowed.value == "https"

    def parameters(self) -> dict[str, Parameter[ParameterValue]]:
        """Every parameter that it has, by name, in the order of the design."""
        every = ((name, getattr(self, name)) for name in Parameters.model_fields)
        return {name: parameter for name, parameter in every if parameter is not None}

    def signal_parameters(self) -> dict[str, Parameter[ParameterValue]]:
        """Every threshold of a signal, by name; none: there are no signals under it."""
        if self.signals is None:
            return {}
        return {name: getattr(self.signals, name) for name in SignalParameters.model_fields}
