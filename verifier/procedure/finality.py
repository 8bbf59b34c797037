"""From when on no heartbeat can change what a count says: the evidence of its days is final."""

from datetime import date, datetime, time, timedelta

import psycopg

from jieru.calendar import SHANGHAI
from jieru.database import read_installation
from verifier.policy import policy_from_source
from verifier.procedure.records import CountRecord

__all__ = ["evidence_is_final_at"]

_SELECT_POLICY = "SELECT policy_source FROM count_documents WHERE count_id = %s"
_SELECT_LONGEST_DELAY = "SELECT max(max_delay_hours) FROM evidence_rules"


def evidence_is_final_at(connection: psycopg.Connection, record: CountRecord) -> datetime | None:
    """The instant after which a heartbeat of the count's days is late by every rule applied.

    None where nobody can say: the count was not drafted yet, or its evidence is simulated and does
    not come at the time of any clock.
    """
    row = connection.execute(_SELECT_POLICY, (record.id,)).fetchone()
    if row is None or record.as_of is None or read_installation(connection).is_simulation:
        return None
    policy = policy_from_source(record.policy_name or "", row[0])
    longest = connection.execute(_SELECT_LONGEST_DELAY).fetchone()
    delay_hours = max(policy.max_delay_hours.value, (longest and longest[0]) or 0)
    return _day_after(record.as_of) + timedelta(hours=delay_hours)


def _day_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=SHANGHAI)
