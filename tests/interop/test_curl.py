"""The program with curl in docs/connect.md, against the ingester that takes HTTP."""

import os
import signal
from pathlib import Path
from typing import Final

import pytest

from jieru.database import connect
from jieru.snippets.snippet import EXAMPLE, Publishing
from tests.interop.conftest import stored_times
from tests.interop.programs import prepared
from tests.support.credentials import issue_to
from tests.support.debian_root import DebianRoot
from tests.support.fleet import register_devices
from tests.support.http_ingester import http_ingester
from tests.support.processes import free_port

_SOME: Final = 20


def _publishing(url: str, secret: str) -> Publishing:
    return EXAMPLE._replace(
        secret=secret, is_tls=False, ca_file="", https_url=f"{url}/ingest/v1/xielian"
    )


@pytest.mark.interop
def test_what_the_program_with_curl_says_is_acknowledged_is_stored_once(
    debian_root: DebianRoot, database_url: str, tmp_path: Path
) -> None:
    """Though it is killed and resumed, and so is the ingester."""
    log, port = tmp_path / "http.log", str(free_port())
    with connect(database_url) as connection:
        register_devices(connection, ["CNC-00059"])
        issued = issue_to(connection, EXAMPLE.username)
        with http_ingester(database_url, log, ingest_post_port=port) as ingester:
            publishing = _publishing(ingester.url, issued.secret)
            program = prepared("curl", publishing, tmp_path, debian_root)
            with program.running():
                program.wait_for_more(_SOME)
            with program.running():
                program.wait_for_more(_SOME)
                os.kill(ingester.pid, signal.SIGKILL)
                program.wait_until(lambda: "not acknowledged" in program.said(), "it waits")
                with http_ingester(database_url, log, ingest_post_port=port):
                    program.wait_for_more(_SOME)
        acknowledged, stored = program.acknowledged(), stored_times(connection)
    assert len(set(acknowledged)) == len(acknowledged) >= 3 * _SOME
    assert set(stored) >= set(acknowledged)
    assert len(set(stored)) == len(stored)


@pytest.mark.interop
def test_the_program_with_curl_says_why_a_heartbeat_is_not_taken(
    debian_root: DebianRoot, database_url: str, tmp_path: Path
) -> None:
    """The device is not registered: 200, and a reason."""
    with (
        connect(database_url) as connection,
        http_ingester(database_url, tmp_path / "http.log") as ingester,
    ):
        register_devices(connection, ["CNC-00060"])
        issued = issue_to(connection, "xielian")
        publishing = _publishing(ingester.url, issued.secret)._replace(username="xielian")
        program = prepared("curl", publishing, tmp_path, debian_root)
        with program.running():
            program.wait_until(lambda: "unknown_device" in program.said(), "it says why")
    assert program.acknowledged() == []
