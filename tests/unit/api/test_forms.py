"""What was typed into a form, read with the models of the API."""

import pytest

from api.console.forms import read_form, revision_of
from api.registry.devices.answers import DeviceChange, NewDevice
from api.registry.platforms.answers import PlatformChange
from api.web.problems import Kind, Problem
from api.web.revisions import ExpectedRevision


def test_a_field_that_was_left_empty_says_that_there_is_nothing() -> None:
    """So that a form can take a value away."""
    change = read_form(PlatformChange, {"name": "协联", "operator_uscc": ""})
    assert change.model_dump(exclude_unset=True) == {"name": "协联", "operator_uscc": None}


def test_a_field_that_a_form_does_not_ask_stays_as_it_is() -> None:
    """It is not sent; nor is what the form carries for itself."""
    change = read_form(DeviceChange, {"name": "车床", "form_token": "x", "revision": "3"})
    assert change.model_dump(exclude_unset=True) == {"name": "车床"}


def test_each_wrong_field_is_named() -> None:
    """What is missing, and what is no number."""
    with pytest.raises(Problem) as refused:
        read_form(NewDevice, {"platform": "xielian", "serial": "", "expected_interval_s": "often"})
    assert refused.value.kind is Kind.INVALID_REQUEST
    reasons = {each.field: each.reason.message for each in refused.value.fields}
    assert reasons == {
        "serial": "is required",
        "expected_interval_s": "must be a whole number",
    }


def test_the_revision_is_the_one_that_the_form_carries() -> None:
    """As its user saw it."""
    assert revision_of({"revision": "7"}) == ExpectedRevision.exactly(7)


@pytest.mark.parametrize("text", ["", "0", "-1", "7.0", "９", "1e3", "99999999999"])
def test_a_form_without_a_revision_of_ours_is_refused(text: str) -> None:
    """Whoever sends it anew gets it from the form."""
    with pytest.raises(Problem) as refused:
        revision_of({"revision": text})
    assert refused.value.kind is Kind.REFUSED
