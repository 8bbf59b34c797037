"""Where a demonstration came to something else than its scenario expects, in words."""

from typing import Final

import psycopg

from jieru.i18n import gettext as _
from simulators.expectation import Expectation
from verifier.counting.count import Count

__all__ = ["SELECT_STORED", "differences", "stored_differences"]

SELECT_STORED: Final = """
    SELECT (SELECT count(*) FROM heartbeats), (SELECT count(*) FROM rejections)
"""
"""How many messages are stored: heartbeats, rejections."""
_SELECT_REJECTED: Final = "SELECT reason, count(*) FROM rejections GROUP BY reason"


def differences(count: Count, expectation: Expectation) -> list[str]:
    """Where a count is not what the scenario expects, in words; empty when it is."""
    found: list[str] = []
    counted = {
        (platform.platform.code, each.enterprise.uscc): each
        for platform in count.platforms
        for each in platform.determinations
    }
    for key in sorted(counted.keys() | expectation.determinations.keys()):
        actual, expected = counted.get(key), expectation.determinations.get(key)
        is_same = (
            actual is not None
            and expected is not None
            and actual.outcome.value == expected.outcome
            and (expected.connected_on is None or actual.connected_on == expected.connected_on)
        )
        if not is_same:
            found.append(
                _("{platform} {uscc}: {actual}, expected {expected}").format(
                    platform=key[0],
                    uscc=key[1],
                    actual="-"
                    if actual is None
                    else f"{actual.outcome.value} {actual.connected_on}",
                    expected="-"
                    if expected is None
                    else f"{expected.outcome} {expected.connected_on}",
                )
            )
    for platform in count.platforms:
        award = expectation.awards[platform.platform.code].award_yuan
        if platform.award_yuan != award:
            found.append(
                _("{platform}: {actual} yuan, expected {expected}").format(
                    platform=platform.platform.code, actual=platform.award_yuan, expected=award
                )
            )
    return found


def stored_differences(connection: psycopg.Connection, expectation: Expectation) -> list[str]:
    """Where the stored messages are not what the scenario expects, in words."""
    stored = connection.execute(SELECT_STORED).fetchone() or (0, 0)
    rejected: dict[str, int] = dict(connection.execute(_SELECT_REJECTED).fetchall())
    expected = {reason.value: count for reason, count in expectation.messages.rejections.items()}
    found = []
    if stored[0] != expectation.messages.heartbeats:
        found.append(
            _("{actual} heartbeats are stored, expected {expected}").format(
                actual=stored[0], expected=expectation.messages.heartbeats
            )
        )
    if rejected != expected:
        found.append(
            _("rejections are {actual}, expected {expected}").format(
                actual=rejected, expected=expected
            )
        )
    return found
