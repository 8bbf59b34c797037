"""How long drafting and freezing a year of 10,000 enterprises and 100,000 devices take.

The database is that of `benchmarks.count`, with the audit of every record in it; its evidence has
no heartbeats and counts as verified, so freezing reads all of presence once more to see whether it
is still the same. What is measured are the functions that the console calls, and a draft also as a
request to a `jieru serve`: it is what a verifier waits for, with progress shown.
"""

import resource
import time
from datetime import UTC, date, datetime
from secrets import token_urlsafe
from statistics import median
from typing import Final

import httpx
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.access.gate import FORM_TOKEN_HEADER
from api.access.roles import Role
from api.access.users import create_user
from api.app import yesterday
from benchmarks.console import form_token_of, server
from benchmarks.count import DEVICES, ENTERPRISES, YEAR, build
from benchmarks.results import print_table, save
from jieru.audit import Actor, changing, command_actor
from jieru.database import connect
from tests.support.heard import vouch_for_evidence
from tests.support.people import session_of
from verifier.policy import load_policy
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import export_count, freeze_count
from verifier.procedure.people import Act
from verifier.procedure.recheck import recheck_count
from verifier.procedure.signing import SigningKey
from verifier.procedure.submitting import submit_count
from verifier.procedure.trusted_keys import TrustedKeys

__all__ = ["AS_OF", "NOW", "run"]

DRAFTS: Final = 3
TARGET_DRAFT_S: Final = 10.0
TARGET_FREEZE_S: Final = 60.0

AS_OF: Final = date(YEAR + 1, 3, 31)
NOW: Final = datetime(YEAR + 1, 5, 6, tzinfo=UTC)


def run(database_url: str) -> dict[str, object]:
    """Build the database's content, draft, freeze, export and recheck its count.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them, in seconds and bytes.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        build(connection)
    console_draft_s = _draft_in_the_console(database_url)
    policy = load_policy("putian-2026")
    maker, checker = (
        Act(Actor(f"user:{name}", "benchmark"), name, NOW) for name in ("lin", "chen")
    )
    with connect(database_url) as connection:
        drafts = []
        for _run in range(DRAFTS):
            started = time.perf_counter()
            record = draft_count(connection, maker, YEAR, as_of=AS_OF, policy=policy)
            drafts.append(time.perf_counter() - started)
        record = submit_count(connection, record, maker)
        vouch_for_evidence(connection)
        started = time.perf_counter()
        key = SigningKey(Ed25519PrivateKey.generate())
        record = freeze_count(connection, record, checker, key, TrustedKeys(own_key=key.public_key))
        freeze_s = time.perf_counter() - started
        started = time.perf_counter()
        file_bytes = len(export_count(connection, record))
        export_s = time.perf_counter() - started
        connection.commit()
        started = time.perf_counter()
        has_difference = recheck_count(connection, record, policy).has_difference
        recheck_s = time.perf_counter() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result: dict[str, object] = {
        "devices": DEVICES,
        "enterprises": ENTERPRISES,
        "drafts_s": [round(each, 2) for each in drafts],
        "draft_median_s": round(median(drafts), 2),
        "console_draft_s": round(console_draft_s, 2),
        "freeze_s": round(freeze_s, 2),
        "export_s": round(export_s, 2),
        "recheck_s": round(recheck_s, 2),
        "file_bytes": file_bytes,
        "peak_bytes": peak_bytes,
        "is_within_target": max(median(drafts), console_draft_s) <= TARGET_DRAFT_S
        and freeze_s <= TARGET_FREEZE_S
        and not has_difference,
    }
    print_table(
        "the procedure of a count, a year of presence",
        ("", "measured", "target"),
        (
            ("median of a draft run, s", f"{median(drafts):.2f}", f"{TARGET_DRAFT_S:g}"),
            ("draft in the console, s", f"{console_draft_s:.2f}", f"{TARGET_DRAFT_S:g}"),
            ("freeze, s", f"{freeze_s:.2f}", f"{TARGET_FREEZE_S:g}"),
            ("export of the signed file, s", f"{export_s:.2f}", ""),
            ("recheck, s", f"{recheck_s:.2f}", ""),
            ("signed file, MB", f"{file_bytes / 1e6:,.0f}", ""),
            ("peak memory, MB", f"{peak_bytes / 1e6:,.0f}", ""),
            ("devices", f"{DEVICES:,}", ""),
            ("enterprises", f"{ENTERPRISES:,}", ""),
        ),
    )
    save("freeze", result)
    return result


def _draft_in_the_console(database_url: str) -> float:
    """Seconds from a verifier's request to its answer."""
    with connect(database_url) as connection:
        with changing(connection, command_actor()):
            create_user(connection, "wu", Role.VERIFIER, password=token_urlsafe())
        cookies = {"jieru_session": session_of(connection, "wu")}
    with (
        server(database_url) as address,
        httpx.Client(base_url=address, cookies=cookies, timeout=300) as browser,
    ):
        headers = {FORM_TOKEN_HEADER: form_token_of(browser.get("/counts"))}
        # The server's clock is the real one, by which a year to come has no evidence yet.
        as_of = min(AS_OF, yesterday())
        started = time.perf_counter()
        answer = browser.post(
            f"/api/v1/counts/{YEAR}/draft", json={"as_of": as_of.isoformat()}, headers=headers
        )
        answer.raise_for_status()
        return time.perf_counter() - started
