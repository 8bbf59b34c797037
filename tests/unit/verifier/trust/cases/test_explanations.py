"""What each signal says to people."""

from jieru.i18n import translations
from verifier.trust.cases.explanations import EXPLANATIONS, measured_text
from verifier.trust.signal import Kind


def test_every_kind_of_signal_is_explained_in_chinese() -> None:
    """What was seen, and what may explain it."""
    chinese = translations("zh").gettext
    assert set(EXPLANATIONS) == set(Kind)
    for each in EXPLANATIONS.values():
        for text in (each.title, each.seen, each.innocent):
            assert chinese(text) != text


def test_a_share_is_shown_in_percent_however_it_comes() -> None:
    """As 0 to 1, or in percent as the policy's thresholds are."""
    assert measured_text(Kind.NOT_LIVE, 0.42, 0.3) == "42%"
    assert measured_text(Kind.NOT_LIVE, 42, 30) == "42%"
    assert measured_text(Kind.RECORDED_LATE, 98.0, 30.0) == "98"
