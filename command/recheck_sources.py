"""What `jieru recheck --sources` finds, in words and as JSON."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import click
import psycopg

from command.counting import now, open_database, print_json
from command.findings import Findings
from ingest.source_recheck import (
    Fate,
    Found,
    Period,
    SourceRecheck,
    recheck_sources,
)
from jieru.calendar import SHANGHAI
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.i18n import marked
from jieru.settings import Settings

__all__ = ["recheck_kept_messages"]

_LISTED_IN_JSON: Final = 10_000
_FATE_WORDS: Final[Mapping[Fate, str]] = {
    Fate.STORED: marked("stored as the message has them"),
    Fate.REPEATED: marked("repeat an earlier heartbeat of their device and moment"),
    Fate.EXCESS: marked("beyond their device's rate"),
    Fate.APART: marked("set apart, on their way"),
    Fate.UNREGISTERED: marked("of a device or gateway that was not registered then"),
    Fate.FUTURE: marked("too far ahead of the clock"),
    Fate.UNSTORABLE: marked("the database takes them in no way"),
    Fate.EXPIRED: marked("so old that their heartbeats may be gone"),
}


def recheck_kept_messages(
    settings: Settings,
    *,
    platform: str | None,
    first: date | None,
    last: date | None,
    as_json: bool,
) -> bool:
    """Derive all rows again and print what was found; whether anything differs.

    Args:
        settings: of this process.
        platform: the only one to look at.
        first: civil day of receipt.
        last: civil day of receipt, included.
        as_json: print for a program.

    Raises:
        UserError: there is no such platform, or the days are in the wrong order.
    """
    if first is not None and last is not None and last < first:
        raise UserError("{last} is before {first}.", first=first, last=last)
    recheck, findings, listed = SourceRecheck(), Findings(), list[Found]()
    with open_database(settings) as connection:
        connection.rollback()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for found in recheck_sources(
            connection,
            recheck,
            platform=platform,
            period=_period(first, last),
            retention_days=settings.heartbeat_retention_days,
            now=now(),
        ):
            if not as_json:
                findings.report(found.sentence())
            elif len(listed) < _LISTED_IN_JSON:
                listed.append(found)
    if as_json:
        print_json(_object(recheck, listed))
    else:
        findings.say_how_many_more()
        click.echo(_summary(recheck))
    return recheck.has_difference


def _period(first: date | None, last: date | None) -> Period:
    whole = Period()
    return Period(
        whole.start if first is None else _midnight(first),
        whole.end if last is None else _midnight(last + timedelta(days=1)),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def _summary(recheck: SourceRecheck) -> str:
    lines = [
        _(
            "{messages} messages, {rows} rows, {refusals} refusals, {differences} differences"
        ).format(
            messages=f"{recheck.messages:,}",
            rows=f"{recheck.rows.total():,}",
            refusals=f"{recheck.refusals:,}",
            differences=f"{recheck.differences.total():,}",
        )
    ]
    lines += [
        _("  {rows}: {fate}").format(rows=f"{recheck.rows[fate]:,}", fate=_(words))
        for fate, words in _FATE_WORDS.items()
        if recheck.rows[fate]
    ]
    return "\n".join(lines)


def _object(recheck: SourceRecheck, listed: list[Found]) -> dict[str, Any]:
    return {
        "has_difference": recheck.has_difference,
        "messages": recheck.messages,
        "rows": {fate.value: recheck.rows[fate] for fate in Fate},
        "refusals": recheck.refusals,
        "differences": {kind.value: number for kind, number in recheck.differences.items()},
        "listed": [
            {
                "kind": each.kind.value,
                "where": each.where,
                "message_id": each.message_id,
                "heartbeats": each.heartbeats,
            }
            for each in listed
        ],
    }
