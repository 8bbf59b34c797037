"""`jieru notify` as its own process: it asks, sends, and leaves on SIGTERM."""

import os
import signal
import subprocess
import sys

from tests.integration.contacts.conftest import Post
from tests.support.fleet import wait_until
from tests.support.roles import API, as_role

_STOPPED_WITHIN_S = 30


def test_the_follower_asks_sends_and_leaves_on_sigterm(post: Post, database_url: str) -> None:
    """Exit code 0, and a log of static events."""
    post.api.build.platform("alpha")
    uscc = post.api.build.enterprise(1)
    post.api.build.connection("alpha", uscc)
    post.contact(uscc)
    environment = {
        **os.environ,
        "JIERU_DATABASE_URL": as_role(database_url, API),
        "JIERU_SMTP_URL": post.mail.url,
        "JIERU_MAIL_FROM": "jieru@example.cn",
        "JIERU_PUBLIC_URL": post.settings.public_url,
        "JIERU_NOTIFY_HTTP_PORT": "0",
    }
    command = [sys.executable, "-m", "command", "notify"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: bool(post.mail.received), "the mail has come")
            process.send_signal(signal.SIGTERM)
            _out, log = process.communicate(timeout=_STOPPED_WITHIN_S)
        finally:
            process.kill()
    assert process.returncode == 0, log
    for event in ("notify_started", "enterprises_asked", "message_sent", "notify_stopped"):
        assert f'"event": "{event}"' in log
    assert "office@factory.example" not in log
    assert post.links()[0].rpartition("/")[2] not in log
