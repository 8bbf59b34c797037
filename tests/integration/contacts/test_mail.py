"""Mail leaves through a real server: over TLS, at least once, repeated, and given up."""

import ssl
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Final, LiteralString

import psycopg
import pytest

from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.outbox.mail import MailServer, mail_server_of
from jieru.outbox.queue import Message, enqueue, revive_dead
from jieru.outbox.sending import MAX_ATTEMPTS, Metrics, Round, delay_before, send_due
from jieru.settings import Settings
from tests.integration.contacts.conftest import Post
from tests.support.certificates import Authority
from tests.support.mail_server import mail_server
from tests.support.roles import API, as_role

_CHANGES: Final[tuple[LiteralString, ...]] = (
    "UPDATE outbox SET recipient = 'mallory@alpha.example'",
    "UPDATE outbox SET body = 'other'",
)
_NOW: Final = "UPDATE outbox SET next_attempt_at = now() WHERE sent_at IS NULL"


def _server(post: Post, **settings: str) -> MailServer:
    return mail_server_of(post.settings.model_copy(update=settings))


def _write(post: Post, key: str = "one", recipient: str = "lin@factory.example") -> None:
    enqueue(post.work, Message(key, recipient, "请确认", "正文\n"))


def _send(post: Post, server: MailServer | None = None) -> Round:
    return send_due(post.work, server or _server(post), Metrics(), now=post.now)


def test_a_message_is_sent_once_and_its_text_forgotten(post: Post) -> None:
    """It stays known that it was sent; what it said, which may be a link, does not."""
    _write(post)
    _write(post)
    assert _send(post) == (1, 0, 0)
    assert _send(post) == (0, 0, 0)
    (received,) = post.mail.received
    assert received["subject"] == "请确认"
    assert "莆田市工业和信息化局" in received["from"]
    assert received.get_content() == "正文\n"
    assert post.rows("SELECT body, sent_at IS NULL FROM outbox") == [("", False)]


def test_what_is_written_in_a_transaction_that_fails_is_not_sent(post: Post) -> None:
    """The message and what it tells are one."""
    with post.work.transaction(force_rollback=True):
        _write(post)
    assert _send(post) == (0, 0, 0)


def test_a_refusal_for_good_is_a_dead_letter_and_others_go_on(post: Post) -> None:
    """Its text stays, to be tried anew once the fault is mended; no log names the recipient."""
    post.mail.refused["gone@factory.example"] = "550 <gone@factory.example> unknown"
    _write(post, "one", "gone@factory.example")
    _write(post, "two")
    assert _send(post) == (1, 0, 1)
    ((error, body),) = post.rows("SELECT last_error, body FROM outbox WHERE dead")
    assert "550" in error
    assert "gone@" not in error
    assert body == "正文\n"
    post.mail.refused.clear()
    assert revive_dead(post.work) == 1
    assert _send(post) == (1, 0, 0)


def test_a_refusal_for_now_is_repeated_and_then_given_up(post: Post) -> None:
    """Later each time, as often as mail servers do."""
    post.mail.refused["lin@factory.example"] = "451 come again"
    _write(post)
    assert _send(post) == (0, 1, 0)
    assert _send(post) == (0, 0, 0), "not before its time"
    for attempt in range(2, MAX_ATTEMPTS + 1):
        post.work.execute(_NOW)
        assert _send(post) == ((0, 0, 1) if attempt == MAX_ATTEMPTS else (0, 1, 0))
    assert post.rows("SELECT dead, attempts FROM outbox") == [(True, MAX_ATTEMPTS)]
    delays = [delay_before(attempt).total_seconds() for attempt in range(1, MAX_ATTEMPTS)]
    assert delays == sorted(delays)
    assert 2 * 86_400 < sum(delays) < 3 * 86_400


def test_a_message_whose_time_is_over_is_dropped(post: Post) -> None:
    """Whether it waited or was given up and is tried anew; its text is forgotten, others go out."""
    post.mail.refused["lin@factory.example"] = "550 unknown"
    over = post.now + timedelta(minutes=20)
    enqueue(post.work, Message("one", "lin@factory.example", "请停机", "正文\n", expires_at=over))
    assert _send(post) == (0, 0, 1)
    post.mail.refused.clear()
    revive_dead(post.work)
    enqueue(post.work, Message("two", "wu@factory.example", "请停机", "正文\n", expires_at=over))
    _write(post, "three")
    post.later(minutes=20)
    assert _send(post) == (1, 0, 0)
    assert len(post.mail.received) == 1
    dropped = post.rows("SELECT dropped, dead, body FROM outbox WHERE sent_at IS NULL")
    assert dropped == [("expired", False, "")] * 2
    assert revive_dead(post.work) == 0
    with pytest.raises(psycopg.errors.RestrictViolation):
        post.work.execute("UPDATE outbox SET dropped = NULL WHERE dropped IS NOT NULL")


def test_a_contact_of_before_is_not_written_to(post: Post) -> None:
    """What waits for a contact that was replaced meanwhile is dropped, whoever it was."""
    post.api.build.platform("alpha")
    uscc = post.api.build.enterprise(1)
    post.api.build.connection("alpha", uscc)
    post.contact(uscc, "mallory@alpha.example")
    post.mail.refused["mallory@alpha.example"] = "451 come again"
    assert post.deliver() == (0, 1, 0)
    post.mail.refused.clear()
    post.contact(uscc, "office@factory.example")
    post.work.execute(_NOW)
    assert post.deliver().sent == 1
    assert [each["to"] for each in post.mail.received] == ["office@factory.example"]
    assert post.rows("SELECT dropped FROM outbox ORDER BY id") == [("another_contact",), (None,)]


def test_a_server_that_is_away_costs_no_attempt(post: Post) -> None:
    """Whatever is due waits for it."""
    _write(post)
    with pytest.raises(WorldError, match=r"127\.0\.0\.1:1"):
        _send(post, _server(post, smtp_url="smtp://127.0.0.1:1"))
    assert post.rows("SELECT attempts FROM outbox") == [(0,)]


def test_two_followers_send_nothing_twice(post: Post, database_url: str) -> None:
    """Each message is claimed by one of them."""
    for number in range(30):
        _write(post, f"message {number}")

    def follow() -> None:
        with connect(as_role(database_url, API)) as connection:
            connection.autocommit = True
            while send_due(connection, _server(post), Metrics(), now=post.now).sent:
                pass

    threads = [Thread(target=follow) for _number in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each["message-id"] for each in post.mail.received}) == 30
    assert len(post.mail.received) == 30


def _tls(tmp_path: Path, name: str) -> tuple[ssl.SSLContext, str]:
    authority = Authority("Mail")
    made = authority.server(name)
    for file, content in (
        ("ca.pem", authority.certificate),
        ("server.pem", made.certificate),
        ("server.key", made.key),
    ):
        (tmp_path / file).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    return context, str(tmp_path / "ca.pem")


def test_tls_is_demanded_of_every_other_machine(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that offers none, or shows another name, is given neither password nor mail."""
    # As if it were elsewhere: nothing is taken for this machine.
    monkeypatch.setattr("jieru.outbox.mail._is_this_machine", lambda _host: False)
    _write(post)
    with pytest.raises(WorldError, match="STARTTLS"):
        _send(post)
    context, authority = _tls(tmp_path, "127.0.0.1")
    with mail_server(context) as server:
        url = server.url
        with pytest.raises(WorldError, match="certificate"):
            _send(post, _server(post, smtp_url=url))
        assert _send(post, _server(post, smtp_url=url, smtp_ca_file=authority)) == (1, 0, 0)
        assert server.was_encrypted == [True]


@pytest.mark.parametrize(
    ("smtp_url", "mail_from", "said"),
    [
        ("", "a@b.example", "JIERU_SMTP_URL"),
        ("smtp://h", "", "JIERU_MAIL_FROM"),
        ("http://h", "a@b.example", "smtp://"),
        ("smtp://h", "nobody", "no mail address"),
    ],
)
def test_settings_that_cannot_send_say_so(
    smtp_url: str, mail_from: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is tried."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    with pytest.raises(UserError, match=said):
        mail_server_of(Settings(smtp_url=smtp_url, mail_from=mail_from))


def test_the_database_keeps_what_was_written(post: Post) -> None:
    """Neither another recipient nor a second sending."""
    _write(post)
    for change in _CHANGES:
        with pytest.raises(psycopg.errors.RestrictViolation):
            post.work.execute(change)
    _send(post)
    with pytest.raises(psycopg.errors.RestrictViolation):
        post.work.execute("UPDATE outbox SET sent_at = NULL")
