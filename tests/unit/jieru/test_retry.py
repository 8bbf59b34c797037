"""Errors sorted by SQLSTATE, and the wait between tries."""

from itertools import islice

import psycopg
import pytest

from jieru.retry import backoff_delays, is_data_error, is_worth_retrying


@pytest.mark.parametrize(
    ("error", "is_data", "is_transient"),
    [
        (psycopg.errors.NumericValueOutOfRange(), True, False),
        (psycopg.errors.UntranslatableCharacter(), True, False),
        (psycopg.errors.UniqueViolation(), True, False),
        (psycopg.errors.StatementTooComplex(), True, False),
        (psycopg.errors.DeadlockDetected(), False, True),
        (psycopg.errors.SerializationFailure(), False, True),
        (psycopg.errors.AdminShutdown(), False, True),
        (psycopg.errors.CannotConnectNow(), False, True),
        (psycopg.errors.DiskFull(), False, True),
        (psycopg.errors.TooManyConnections(), False, True),
        (psycopg.errors.QueryCanceled(), False, True),
        (psycopg.errors.ReadOnlySqlTransaction(), False, True),
        (psycopg.OperationalError("server closed the connection unexpectedly"), False, True),
        (psycopg.InterfaceError("the connection is closed"), False, True),
        (psycopg.errors.UndefinedTable(), False, False),
        (psycopg.errors.InsufficientPrivilege(), False, False),
        (psycopg.ProgrammingError("a bug"), False, False),
    ],
)
def test_an_error_is_the_datas_or_the_worlds_or_ours(
    error: psycopg.Error,
    is_data: bool,
    is_transient: bool,
) -> None:
    """A connection error is never the data's, and a bug is neither."""
    assert is_data_error(error) is is_data
    assert is_worth_retrying(error) is is_transient


def test_the_wait_doubles_up_to_five_seconds_and_half_of_it_is_chance() -> None:
    """Several ingesters do not knock at the same moment."""
    longest = list(islice(backoff_delays(lambda: 1.0), 8))
    shortest = list(islice(backoff_delays(lambda: 0.0), 8))
    assert longest == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    assert shortest == pytest.approx([delay / 2 for delay in longest])
