"""From where on something is a signal, as the policy says it. Pure."""

from dataclasses import dataclass

from verifier.policy import SignalParameters

__all__ = ["Thresholds", "thresholds_of"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The values of `signals:` of a policy; shares and likenesses from 0 to 1."""

    recorded_late_days_min: int
    counter_continued_days_max: int
    required_hours_share_min: float
    silent_days_min: int
    not_live_share_min: float
    rhythm_likeness_min: float
    rhythm_common_days_min: int
    handed_over_within_days: int
    handed_over_devices_min: int
    gateway_enterprises_max: int
    metrics_repeated_share_min: float
    metrics_memory_min: float


def thresholds_of(parameters: SignalParameters) -> Thresholds:
    """Thresholds of a policy."""
    return Thresholds(
        recorded_late_days_min=parameters.recorded_late_days_min.value,
        counter_continued_days_max=parameters.counter_continued_days_max.value,
        required_hours_share_min=parameters.required_hours_share_min.value / 100,
        silent_days_min=parameters.silent_days_min.value,
        not_live_share_min=parameters.not_live_share_min.value / 100,
        rhythm_likeness_min=parameters.rhythm_likeness_min.value / 100,
        rhythm_common_days_min=parameters.rhythm_common_days_min.value,
        handed_over_within_days=parameters.handed_over_within_days.value,
        handed_over_devices_min=parameters.handed_over_devices_min.value,
        gateway_enterprises_max=parameters.gateway_enterprises_max.value,
        metrics_repeated_share_min=parameters.metrics_repeated_share_min.value / 100,
        metrics_memory_min=parameters.metrics_memory_min.value / 100,
    )
