"""From an event to a mail: once, in order, when its person wants it, and until they leave."""

import psycopg
import pytest

from jieru.outbox.mail import Session
from jieru.outbox.queue import revive_dead
from tests.integration.notices.conftest import PUBLIC_URL, Town


def _key_expires(town: Town, name: str = "sync") -> None:
    """A key of the platform alpha that ends within two weeks."""
    town.owner.execute(
        "INSERT INTO api_keys (key_id, secret_hash, name, role, platform_id, created_by, "
        "expires_at) SELECT lpad(%s, 8, '0'), sha256('x'), %s, 'operator', id, 'command:x', %s "
        "FROM platforms WHERE code = 'alpha'",
        (str(len(name)), name, town.now.replace(day=10)),
    )
    town.owner.commit()


def _operator(town: Town, **wanted: object) -> str:
    town.build.platform("alpha")
    return town.mailbox(town.person("lin", "operator", "alpha"), **wanted)  # type: ignore[arg-type]


def test_whoever_dies_between_sending_and_marking_sends_it_again_under_the_same_id(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once, and a mail program shows it once."""
    _operator(town)
    _key_expires(town)
    town.find()
    town.compose()
    send = Session.send

    def dying(session: Session, *said: str, **more: str) -> None:
        send(session, *said, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "send", dying)
    with pytest.raises(KeyboardInterrupt):
        town.send()
    monkeypatch.undo()
    assert town.send().sent == 1
    first, second = town.mail.received
    assert first["Message-ID"] == second["Message-ID"]
    assert town.send().sent == 0


def test_what_two_followers_find_is_told_once(town: Town) -> None:
    """However often anybody looks."""
    _operator(town)
    _key_expires(town)
    assert [town.find(), town.find()] == [1, 0]
    assert [town.compose(), town.compose()] == [1, 0]


def test_nothing_goes_out_in_quiet_hours_and_nothing_is_lost(town: Town) -> None:
    """From ten in the evening until seven, in Asia/Shanghai."""
    _operator(town, quiet=(22, 7))
    town.later(hours=12)
    _key_expires(town)
    for _hour in range(9):
        town.deliver()
        assert not town.mail.received
        town.later(hours=1)
    town.deliver()
    assert len(town.mail.received) == 1


def test_a_digest_comes_once_a_day_with_all_of_it(town: Town) -> None:
    """At half past eight of the next day."""
    _operator(town, frequency="daily")
    _key_expires(town, "one")
    town.deliver()
    _key_expires(town, "three")
    town.later(hours=5)
    town.deliver()
    assert not town.mail.received
    town.later(hours=18)
    town.deliver()
    town.later(hours=1)
    town.deliver()
    (text,) = town.texts()
    assert "“one”" in text
    assert "“three”" in text


def test_a_mail_names_how_to_leave_with_one_click_and_reads_in_both_forms(town: Town) -> None:
    """RFC 8058; plain text first, then HTML."""
    code = _operator(town)
    _key_expires(town)
    town.deliver()
    (mail,) = town.mail.received
    assert mail["List-Unsubscribe"].strip() == f"<{PUBLIC_URL}/notices/leave/{code}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Subject"] == "【接入】密钥即将到期"


def test_whoever_left_gets_not_even_what_waits(town: Town) -> None:
    """The message is dropped, with its text."""
    _operator(town)
    _key_expires(town)
    town.find()
    town.compose()
    town.owner.execute("UPDATE notice_channels SET left_at = now()")
    assert town.rows("SELECT count(*) FROM outbox") == [(1,)]
    assert town.send().sent == 0
    assert town.rows("SELECT dropped, body FROM outbox") == [("left", "")]


def test_what_a_server_refuses_for_good_is_a_dead_letter_that_can_be_sent_anew(town: Town) -> None:
    """It stays, with its reason, until somebody has it tried again."""
    _operator(town)
    _key_expires(town)
    ((address,),) = town.rows("SELECT address FROM notice_channels")
    town.mail.refused[address] = "550 no such mailbox"
    assert town.deliver().dead == 1
    ((number, error),) = town.rows("SELECT id, last_error FROM outbox WHERE dead")
    assert "550" in error
    assert address not in error
    town.mail.refused.clear()
    assert revive_dead(town.work, number) == 1
    assert town.send().sent == 1


def test_who_lost_the_role_hears_nothing_of_what_waits(town: Town) -> None:
    """An operator who is of another platform by now may not see it any more."""
    _operator(town)
    _key_expires(town)
    town.find()
    town.build.platform("beta")
    town.owner.execute(
        "UPDATE users SET platform_id = (SELECT id FROM platforms WHERE code = 'beta')"
    )
    town.owner.commit()
    assert town.compose() == 0


def test_the_first_event_after_an_upgrade_is_not_the_whole_past(town: Town) -> None:
    """Silences that began before are history."""
    town.build.platform("alpha")
    uscc = town.build.enterprise(1)
    town.build.connection("alpha", uscc)
    town.fleet("alpha", uscc, 3)
    town.later(days=40)
    town.owner.execute("UPDATE notice_following SET since_at = %s", (town.now,))
    town.later(hours=2)
    assert town.find() == 0


def test_a_channel_that_was_left_stays_left(town: Town) -> None:
    """Nobody brings it back; it is entered anew."""
    _operator(town)
    town.owner.execute("UPDATE notice_channels SET left_at = now()")
    with pytest.raises(psycopg.errors.RestrictViolation):
        town.owner.execute("UPDATE notice_channels SET left_at = NULL")
