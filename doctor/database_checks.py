"""How a database is, and what writes into it, judged from what it says. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from doctor.check import Area, Check, Sentence, State, moment
from doctor.facts import DatabaseFacts
from jieru.i18n import marked as _

__all__ = ["check_database"]

_APART_MAX: Final = timedelta(minutes=1)
"""As for steps of a count, which are refused beyond it."""
_APART_WELL: Final = timedelta(seconds=5)
_SILENT_MAX: Final = timedelta(minutes=5)
_BEHIND_MAX_S: Final = 300
_UNVERIFIED_MAX: Final = timedelta(days=2)
_ARCHIVE_UNVERIFIED_MAX: Final = timedelta(days=9)
_ROOM_SHARE_MAX: Final = 0.8
"""These as the alerts of the dashboards have them."""
_BYTES_PER_GB: Final = 10**9

_MIGRATE: Final = Sentence(_("Run “jieru migrate” as the owner of the database."))


def check_database(
    facts: DatabaseFacts, now: datetime, *, disk_gb: int, version: str
) -> list[Check]:
    """Every check that needs the database.

    Args:
        facts: what it says.
        now: this moment by the examining machine's clock.
        disk_gb: how much room it may take.
        version: of this program.
    """
    return [
        _server(facts),
        _extension(facts),
        _roles(facts),
        _clock(facts, now),
        _room(facts, disk_gb),
        _backup(facts),
        *_intake(facts),
        _broker_events(facts),
        _audit(facts),
        _checkpoints(facts),
        _evidence(facts),
        _damaged_days(facts),
        _archive(facts),
        _archive_verified(facts),
        _administrators(facts),
        _changes_waiting(facts),
        _keys(facts),
        _auditor(facts),
        _processes(facts, version),
    ]


def _server(facts: DatabaseFacts) -> Check:
    return Check(
        "database",
        Area.DATABASE,
        _("Database server"),
        State.GREEN,
        Sentence(
            _("It answers: PostgreSQL {server}, schema {schema}."),
            {
                "server": facts.server["server_version"],
                "schema": facts.server["schema_version"],
            },
        ),
    )


def _extension(facts: DatabaseFacts) -> Check:
    title, name = _("TimescaleDB"), "timescaledb"
    found = facts.server["timescaledb_version"]
    if found is None:
        return Check(
            name,
            Area.DATABASE,
            title,
            State.YELLOW,
            Sentence(_("The extension is not in this database; heartbeats lie in a plain table.")),
            Sentence(_("Install TimescaleDB before there are many heartbeats.")),
        )
    return Check(
        name,
        Area.DATABASE,
        title,
        State.GREEN,
        Sentence(_("Version {version}."), {"version": found}),
    )


def _roles(facts: DatabaseFacts) -> Check:
    title, name = _("Roles and rights"), "roles"
    if facts.missing_roles:
        return Check(
            name,
            Area.DATABASE,
            title,
            State.YELLOW,
            Sentence(
                _("Roles that are missing: {roles}."), {"roles": ", ".join(facts.missing_roles)}
            ),
            Sentence(
                _("Have a superuser run “jieru migrate” once, so that each process has its own.")
            ),
        )
    if facts.differing_grants:
        return Check(
            name,
            Area.DATABASE,
            title,
            State.RED,
            Sentence(
                _("Rights that differ from what processes need: {number}."),
                {"number": facts.differing_grants},
            ),
            _MIGRATE,
        )
    return Check(
        name,
        Area.DATABASE,
        title,
        State.GREEN,
        Sentence(_("Every process has exactly the rights that it needs.")),
    )


def _clock(facts: DatabaseFacts, now: datetime) -> Check:
    apart = abs(facts.server["clock"] - now)
    state = (
        State.RED if apart > _APART_MAX else State.YELLOW if apart > _APART_WELL else State.GREEN
    )
    seconds = {"seconds": round(apart.total_seconds())}
    return Check(
        "clock",
        Area.DATABASE,
        _("Clocks"),
        state,
        Sentence(_("This machine and the database are {seconds} s apart."), seconds),
        None
        if state is State.GREEN
        else Sentence(
            _("Let both machines keep their time by NTP: beyond one minute no count can advance.")
        ),
    )


def _room(facts: DatabaseFacts, disk_gb: int) -> Check:
    used = facts.server["size_bytes"] / _BYTES_PER_GB
    is_filling = used > disk_gb * _ROOM_SHARE_MAX
    return Check(
        "database-room",
        Area.DATABASE,
        _("Room of the database"),
        State.RED if used > disk_gb else State.YELLOW if is_filling else State.GREEN,
        Sentence(_("{used} GB of {disk} GB are used."), {"used": f"{used:.1f}", "disk": disk_gb}),
        Sentence(_("Make the disk larger, or archive old heartbeats (“jieru archive run”)."))
        if is_filling
        else None,
    )


def _backup(facts: DatabaseFacts) -> Check:
    title, name, server = _("Backup of the database"), "backup", facts.server
    if not server["is_wal_archived"]:
        return Check(
            name,
            Area.DATABASE,
            title,
            State.YELLOW,
            Sentence(
                _("The server archives no log, and dumps leave no trace here: nothing is known.")
            ),
            Sentence(_("Make sure that somebody backs it up, and has tried to restore it.")),
        )
    archived, failed = server["wal_archived_at"], server["wal_failed_at"]
    if failed is not None and (archived is None or failed > archived):
        return Check(
            name,
            Area.DATABASE,
            title,
            State.RED,
            Sentence(_("The server could not archive its log at {at}."), {"at": moment(failed)}),
            Sentence(_("Look at PostgreSQL's own log for why archive_command failed.")),
        )
    return Check(
        name,
        Area.DATABASE,
        title,
        State.GREEN,
        Sentence(_("The server archived its log last at {at}."), {"at": moment(archived)})
        if archived
        else Sentence(_("The server archives its log; there was nothing to archive yet.")),
    )


def _intake(facts: DatabaseFacts) -> Iterator[Check]:
    clock: datetime = facts.server["clock"]
    heard = facts.intake["heard_at"]
    title = _("Ingesters")
    start = Sentence(_("Start “jieru ingest”, or look at its log."))
    if heard is None:
        yield Check(
            "ingesters",
            Area.INTAKE,
            title,
            State.YELLOW,
            Sentence(_("None has been heard from for thirty days.")),
            start,
        )
    else:
        silent = [name for name, at in facts.ingesters if clock - at > _SILENT_MAX]
        all_silent = clock - heard > _SILENT_MAX
        finding = (
            Sentence(
                _("Last heard from at {at}: {silent}."),
                {"at": moment(heard), "silent": ", ".join(silent) or "–"},
            )
            if silent or all_silent
            else Sentence(_("All report each minute, last at {at}."), {"at": moment(heard)})
        )
        yield Check(
            "ingesters",
            Area.INTAKE,
            title,
            State.RED if all_silent else State.YELLOW if silent else State.GREEN,
            finding,
            start if silent or all_silent else None,
        )
    behind, waiting = facts.intake["behind_s"], facts.intake["unacknowledged"]
    is_behind = behind > _BEHIND_MAX_S
    yield Check(
        "queue",
        Area.INTAKE,
        _("Queue"),
        State.RED if is_behind else State.GREEN,
        Sentence(
            _("Ingesters are {seconds} s behind; messages taken and not yet stored: {waiting}."),
            {"seconds": round(behind), "waiting": waiting},
        ),
        Sentence(_("Start one more ingester in the group, or find out what slows the database."))
        if is_behind
        else None,
    )
    troubles = facts.intake["session_troubles"]
    yield Check(
        "sessions",
        Area.INTAKE,
        _("Ingesters' sessions at the broker"),
        State.RED if troubles else State.GREEN,
        Sentence(
            _("Times that one was lost or taken over in the last 15 minutes: {number}."),
            {"number": troubles},
        ),
        Sentence(_("Look whether two ingesters have one name, or the broker lost its data."))
        if troubles
        else None,
    )


def _broker_events(facts: DatabaseFacts) -> Check:
    heard = facts.broker_heard_at
    return Check(
        "broker-events",
        Area.INTAKE,
        _("What the broker tells"),
        State.UNUSED if heard is None else State.GREEN,
        Sentence(_("No broker is followed here, so nothing is known of connections."))
        if heard is None
        else Sentence(_("Last heard of a connection at {at}."), {"at": moment(heard)}),
        Sentence(_("Run “jieru broker follow” to see who connects and who is refused."))
        if heard is None
        else None,
    )


def _audit(facts: DatabaseFacts) -> Check:
    title, name, records = _("Audit"), "audit", facts.records
    checked = records["audit_checked_at"]
    verify = Sentence(_("Run “jieru audit verify --record”, each night by its timer."))
    if checked is None:
        return Check(
            name,
            Area.RECORD,
            title,
            State.YELLOW,
            Sentence(_("Its chain was never verified.")),
            verify,
        )
    values = {"at": moment(checked), "number": records["audit_checked_up_to"]}
    if records["audit_findings"]:
        return Check(
            name,
            Area.RECORD,
            title,
            State.RED,
            Sentence(_("Verified at {at}: entries were changed or removed."), values),
            Sentence(_("Follow the runbook “audit-chain-broken”, and change nothing before.")),
        )
    is_old = facts.server["clock"] - checked > _UNVERIFIED_MAX
    return Check(
        name,
        Area.RECORD,
        title,
        State.YELLOW if is_old else State.GREEN,
        Sentence(_("Whole up to entry {number}, verified at {at}."), values),
        verify if is_old else None,
    )


def _checkpoints(facts: DatabaseFacts) -> Check:
    title, name, records = _("Checkpoints"), "checkpoints", facts.records
    at = records["checkpoint_at"]
    if at is None:
        return Check(
            name,
            Area.RECORD,
            title,
            State.UNUSED,
            Sentence(_("None was ever made, so nobody outside could tell a changed record.")),
            Sentence(_("Set JIERU_CHECKPOINT_DIR, and run “jieru checkpoint” by its timer.")),
        )
    values = {
        "at": moment(at),
        "number": records["checkpoint_number"],
        "cosigned": records["cosigned"],
        "witnesses": records["witnesses"],
    }
    if records["checkpoint_findings"]:
        return Check(
            name,
            Area.RECORD,
            title,
            State.RED,
            Sentence(_("One of the last thirty days found the record changed."), values),
            Sentence(_("Run “jieru audit verify --checkpoints” with their folder, and follow it.")),
        )
    is_old = facts.server["clock"] - at > _UNVERIFIED_MAX
    is_alone = records["cosigned"] < records["witnesses"]
    return Check(
        name,
        Area.RECORD,
        title,
        State.RED if is_old else State.YELLOW if is_alone else State.GREEN,
        Sentence(
            _("Number {number} of {at}, signed by {cosigned} of {witnesses} witnesses."), values
        ),
        Sentence(_("Look at the timer of “jieru checkpoint”, and whether witnesses answer."))
        if is_old or is_alone
        else None,
    )


def _evidence(facts: DatabaseFacts) -> Check:
    title, name, records = _("Evidence"), "evidence", facts.records
    at = records["evidence_verified_at"]
    verify = Sentence(_("Run “jieru verify-evidence”, each night by its timer."))
    if at is None:
        return Check(
            name,
            Area.RECORD,
            title,
            State.YELLOW,
            Sentence(_("Hours were never held against the heartbeats that they come from.")),
            verify,
        )
    if records["evidence_differences"]:
        return Check(
            name,
            Area.RECORD,
            title,
            State.RED,
            Sentence(
                _("Verified at {at}: hours that differ from their heartbeats: {number}."),
                {"at": moment(at), "number": records["evidence_differences"]},
            ),
            Sentence(_("Follow the runbook “evidence-differs” before anything is frozen.")),
        )
    is_old = facts.server["clock"] - at > _UNVERIFIED_MAX
    return Check(
        name,
        Area.RECORD,
        title,
        State.YELLOW if is_old else State.GREEN,
        Sentence(_("Hours and heartbeats agree, verified at {at}."), {"at": moment(at)}),
        verify if is_old else None,
    )


def _damaged_days(facts: DatabaseFacts) -> Check:
    days = facts.records["damaged_days"] or 0
    return Check(
        "damaged-days",
        Area.RECORD,
        _("Days whose evidence is damaged"),
        State.RED if days else State.GREEN,
        Sentence(_("Days that cannot be verified: {number}."), {"number": days}),
        Sentence(_("Bring the archive's files back from the backup, then verify again."))
        if days
        else None,
    )


def _archive(facts: DatabaseFacts) -> Check:
    title, name, records = _("Archive"), "archive", facts.records
    if not records["is_archiving"]:
        return Check(
            name,
            Area.RECORD,
            title,
            State.UNUSED,
            Sentence(_("Old heartbeats are dropped, and not archived.")),
            Sentence(_("Set JIERU_ARCHIVE_DIR, and run “jieru archive run” by its timer.")),
        )
    values = {
        "files": records["archive_files"],
        "at": moment(records["archived_at"]) if records["archived_at"] else "–",
    }
    return Check(
        name,
        Area.RECORD,
        title,
        State.GREEN,
        Sentence(_("Files: {files}; the last was written at {at}."), values),
    )


def _archive_verified(facts: DatabaseFacts) -> Check:
    title, name, records = _("Verification of the archive"), "archive-verified", facts.records
    if not records["archive_files"]:
        return Check(
            name, Area.RECORD, title, State.UNUSED, Sentence(_("There is nothing archived yet."))
        )
    at = records["archive_verified_at"]
    if records["archive_findings"]:
        return Check(
            name,
            Area.RECORD,
            title,
            State.RED,
            Sentence(
                _("Verified at {at}: files that are missing or changed: {number}."),
                {"at": moment(at), "number": records["archive_findings"]},
            ),
            Sentence(_("Bring them back from the backup: the runbook “archive-damaged” says how.")),
        )
    since = at or records["first_archived_at"]
    is_old = facts.server["clock"] - since > _ARCHIVE_UNVERIFIED_MAX
    return Check(
        name,
        Area.RECORD,
        title,
        State.RED if is_old else State.GREEN if at else State.YELLOW,
        Sentence(_("Whole, verified at {at}."), {"at": moment(at)})
        if at
        else Sentence(_("It was never verified.")),
        Sentence(_("Run “jieru archive verify --record”, each week by its timer."))
        if is_old or at is None
        else None,
    )


def _administrators(facts: DatabaseFacts) -> Check:
    number = facts.access["administrators"]
    needed = 1 if facts.server["is_simulation"] else 2
    state = State.RED if number == 0 else State.YELLOW if number < needed else State.GREEN
    return Check(
        "administrators",
        Area.ACCESS,
        _("Administrators"),
        state,
        Sentence(_("Administrators who can sign in: {number}."), {"number": number}),
        None
        if state is State.GREEN
        else Sentence(
            _("Add another one with “jieru user add”: of two, one proposes and the other confirms.")
        ),
    )


def _changes_waiting(facts: DatabaseFacts) -> Check:
    number = facts.access["changes_waiting"]
    return Check(
        "account-changes",
        Area.ACCESS,
        _("Changes of accounts"),
        State.YELLOW if number else State.GREEN,
        Sentence(_("Changes that wait for another administrator: {number}."), {"number": number}),
        Sentence(_("Confirm or withdraw them on the page of users.")) if number else None,
    )


def _keys(facts: DatabaseFacts) -> Check:
    number = facts.access["keys_ending"]
    return Check(
        "api-keys",
        Area.ACCESS,
        _("API keys"),
        State.YELLOW if number else State.GREEN,
        Sentence(_("Keys that end within 14 days: {number}."), {"number": number}),
        Sentence(_("Make new ones in time: a key cannot be prolonged.")) if number else None,
    )


def _auditor(facts: DatabaseFacts) -> Check:
    may = facts.server["may_auditor_log_in"]
    return Check(
        "grafana",
        Area.ACCESS,
        _("Grafana"),
        State.GREEN if may else State.UNUSED,
        Sentence(_("Its role jieru_auditor may log in; whether Grafana runs is not known here."))
        if may
        else Sentence(_("There is no role jieru_auditor that may log in.")),
    )


def _processes(facts: DatabaseFacts, version: str) -> Check:
    title, name = _("Processes"), "processes"
    told = facts.processes
    if not told:
        return Check(
            name,
            Area.MACHINE,
            title,
            State.YELLOW,
            Sentence(_("No process has said what it is.")),
            Sentence(_("Restart the processes once, so that their settings can be seen.")),
        )
    others = sorted({each.kind for each in told if each.version != version})
    # An ingester judges by the policy's rules of time, and the console counts by it.
    policies = {each.policy_sha256 for each in told if each.policy_sha256}
    if others or len(policies) > 1:
        finding = (
            Sentence(
                _("Processes that started with another version than {version}: {kinds}."),
                {"version": version, "kinds": ", ".join(others)},
            )
            if others
            else Sentence(_("Processes started with policies that differ."))
        )
        return Check(
            name,
            Area.MACHINE,
            title,
            State.YELLOW if others and len(policies) <= 1 else State.RED,
            finding,
            Sentence(_("Restart them with the same program and the same settings.")),
        )
    return Check(
        name,
        Area.MACHINE,
        title,
        State.GREEN,
        Sentence(
            _("All that have started are of version {version}: {kinds}."),
            {"version": version, "kinds": ", ".join(sorted({each.kind for each in told}))},
        ),
    )
