"""A signed count is read strictly."""

import pytest

from jieru.errors import UserError
from tests.support.registry_files import uscc_of
from tests.support.signed_counts import (
    a_decision_object,
    a_document,
    a_platform_object,
    an_enterprise_object,
    signed_file,
)
from verifier.counting.determination import Outcome
from verifier.reports import SignedCount, read_signed_count
from verifier.reports.document import find_enterprise


def _read(**changes: object) -> SignedCount:
    return read_signed_count(signed_file({**a_document(), **changes}))


def test_a_signed_count_is_read_with_its_types() -> None:
    """Dates are dates, outcomes outcomes."""
    signed = _read()
    (enterprise,) = signed.document.platforms[0].enterprises
    assert enterprise.outcome is Outcome.COUNTED
    assert enterprise.connected_on is not None
    assert enterprise.connected_on.isoformat() == "2026-03-02"
    assert signed.document.total_yuan == 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {"total_yuan": 10_000.5},
        {"total_yuan": -1},
        {"total_yuan": "10000"},
        {"surprise": 1},
        {"as_of": "2027-04-31"},
        {"frozen_at": "2027-04-06T02:00:00"},
        {"frozen_by": None},
        {"count_id": "../../etc/passwd"},
        {"policy_sha256": "abc"},
        {"platforms": [a_platform_object(enterprises=[{"outcome": "counted"}])]},
        {
            "platforms": [
                a_platform_object(
                    enterprises=[an_enterprise_object(decisions=[a_decision_object(kind="bribe")])]
                )
            ]
        },
    ],
)
def test_whatever_is_not_the_agreed_form_is_refused(changes: dict[str, object]) -> None:
    """Money is whole, instants have a zone, nothing is unknown."""
    with pytest.raises(UserError, match="不是已签名的核定文件"):
        _read(**changes)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[1]", b'{"document": {}}'])
def test_another_file_is_no_signed_count(content: bytes) -> None:
    """The message says so, never a traceback."""
    with pytest.raises(UserError, match="不是已签名的核定文件"):
        read_signed_count(content)


def test_a_missing_key_is_refused() -> None:
    """No report fills a gap by itself."""
    document = a_document()
    del document["budget_yuan"]
    with pytest.raises(UserError, match="budget_yuan"):
        read_signed_count(signed_file(document))


def test_an_enterprise_is_found_by_platform_and_code() -> None:
    """The same enterprise may be on two platforms."""
    signed = _read()
    platform, enterprise = find_enterprise(signed, "xielian", uscc_of(1))
    assert (platform.platform, enterprise.uscc) == ("xielian", uscc_of(1))


@pytest.mark.parametrize(("platform", "number"), [("nowhere", 1), ("xielian", 2)])
def test_one_that_is_not_listed_is_named_in_the_message(platform: str, number: int) -> None:
    """The reader sees which of the two is unknown."""
    with pytest.raises(UserError, match="未列有"):
        find_enterprise(_read(), platform, uscc_of(number))
