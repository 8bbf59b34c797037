"""Keeping a run of the signals, with the cases that it opens."""

import psycopg

from jieru.audit import act_as, command_actor
from verifier.trust.cases.records import open_cases_of_run
from verifier.trust.records import store_run
from verifier.trust.run import Run

__all__ = ["record_run"]


def record_run(connection: psycopg.Connection, run: Run) -> tuple[int, list[int]]:
    """Keep a run and what follows of it, all or nothing.

    Returns:
        The run's id, and the ids of the cases that it opened.

    Raises:
        UserError: an enterprise or a platform of it is no longer there under its code.
    """
    actor = command_actor()
    act_as(connection, actor)
    run_id = store_run(connection, run, by=actor.name)
    cases = open_cases_of_run(connection, run_id, actor.name)
    connection.commit()
    return run_id, cases
