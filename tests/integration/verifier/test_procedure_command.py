"""The procedure at the command line: every step, and the files it leaves."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

import command.counting
import command.procedure
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.heard import vouch_for_evidence
from tests.support.people import personal_key_file
from tests.support.procedure import HOLIDAYS_OF_2027, frozen_with_award
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.award import AwardLine
from verifier.procedure import clock

_MAY = datetime(2027, 5, 6, 1, tzinfo=UTC)
_JUNE = datetime(2027, 6, 1, 1, tzinfo=UTC)
_LIN, _CHEN, _ZHAO = (("--key-file", f"{name}.key") for name in ("lin", "chen", "zhao"))
"""In the folder of the test: this is no simulation, so they show who they are."""


@pytest.fixture
def embedded_database_url(database_url: str) -> str:
    """The commands run on TimescaleDB here."""
    return database_url


@pytest.fixture(autouse=True)
def uscc(
    database: psycopg.Connection,
    registry: RegistryBuilder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> str:
    """An enterprise that counts on alpha, in May 2027."""
    _set_clock(monkeypatch, _MAY)
    monkeypatch.chdir(tmp_path)
    for name in ("lin", "chen", "zhao"):
        personal_key_file(database, tmp_path, name)
    counted = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    vouch_for_evidence(database)
    database.commit()
    return counted


def _set_clock(monkeypatch: pytest.MonkeyPatch, instant: datetime) -> None:
    monkeypatch.setattr(command.counting, "now", lambda: instant)
    monkeypatch.setattr(command.procedure, "now", lambda: instant)
    monkeypatch.setattr(command.procedure, "step_instant", lambda _connection, own: own)


def _said(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert (code, err) == (0, "")
    return out.rstrip("\n")


def _refused(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert (code, out) == (1, "")
    return err.rstrip("\n")


@pytest.fixture
def frozen(jieru: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The count of 2026, frozen at the command line; the public key."""
    key = tmp_path / "count.pem"
    public = _said(jieru("signing-key", "new", key)).removeprefix("Public key: ")
    monkeypatch.setenv("JIERU_SIGNING_KEY_FILE", str(key))
    drafted = jieru("procedure", "draft", 2026, "--as-of", "2027-04-05", *_LIN)
    assert _said(drafted) == "2026-1 is drafted."
    assert _said(jieru("procedure", "submit", 2026, *_LIN)) == "2026-1 is in review."
    frozen = _said(jieru("procedure", "freeze", 2026, *_CHEN))
    assert re.fullmatch(r"2026-1 is frozen\. Digest: [0-9a-f]{64}", frozen)
    return public


@pytest.mark.usefixtures("frozen")
def test_a_count_is_led_to_its_payment(
    jieru: Run, monkeypatch: pytest.MonkeyPatch, uscc: str
) -> None:
    """With an objection that is dismissed, and a correction that claims the award back."""
    publish = ("procedure", "publish", 2026, "--notice-ends", "2027-05-20", *_LIN)
    assert _said(jieru(*publish)) == "2026-1 is published. Its public notice ends on 2027-05-20."
    objection = ("--from", "某厂", "--text", "漏计")
    assert _said(jieru("procedure", "object", 2026, *objection, *_LIN)) == (
        "Objection 1 is recorded."
    )
    assert "runs until the end of 2027-05-20" in _refused(
        jieru("procedure", "payable", 2026, *_CHEN)
    )
    _set_clock(monkeypatch, _JUNE)
    assert "Objection 1 by 某厂" in _refused(jieru("procedure", "payable", 2026, *_CHEN))
    resolution = ("--outcome", "dismissed", "--reason", "已核实")
    assert _said(jieru("procedure", "resolve", 2026, 1, *resolution, *_LIN)) == (
        "Objection 1 is resolved."
    )
    assert "another person" in _refused(jieru("procedure", "payable", 2026, *_LIN))
    assert _said(jieru("procedure", "payable", 2026, *_CHEN)) == (
        "2026-1 is payable: 10,000 yuan are due."
    )
    assert _said(jieru("procedure", "paid", 2026, "alpha", "--reference", "国库-17", *_ZHAO)) == (
        "The payment to alpha is recorded; 0 yuan are still due."
    )
    shown = _said(jieru("procedure", "show", 2026))
    for part in ("Count 2026-1: Paid", "国库-17", "2027-06-01", "10,000", "某厂", "Dismissed"):
        assert part in shown
    (listed,) = json.loads(_said(jieru("procedure", "list", "--json")))
    assert (listed["count_id"], listed["state"], listed["frozen_by"]) == ("2026-1", "paid", "chen")

    _said(jieru("decide", "exclude", "alpha", uscc, "--reason", "虚假", *_LIN))
    draft = ("procedure", "draft", 2026, "--as-of", "2027-04-05", *_LIN)
    assert "A reason" in _refused(jieru(*draft))
    assert _said(jieru(*draft, "--reason", "复核")) == "2026-2 is drafted."
    _said(jieru("procedure", "submit", 2026, *_LIN))
    _said(jieru("procedure", "freeze", 2026, *_CHEN))
    compared = _said(jieru("procedure", "compare", 2026, 1, 2))
    assert "From 2026-1 to 2026-2: 10,000 yuan, then 0 yuan" in compared
    assert "Claimed back: 10,000 yuan" in compared
    assert json.loads(_said(jieru("procedure", "compare", 2026, 1, 2, "--json")))["platforms"] == [
        {
            "platform": "alpha",
            "clause": "1.2",
            "count_before": 1,
            "count_after": 0,
            "yuan_before": 10_000,
            "yuan_after": 0,
        }
    ]
    assert "Superseded" in _said(jieru("procedure", "list"))


@pytest.mark.usefixtures("frozen")
def test_an_upheld_objection_is_overridden_at_the_command_line(
    jieru: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, frozen: str
) -> None:
    """One proposes, another confirms; the page and the signed file say so, payment by payment."""
    _said(jieru("procedure", "publish", 2026, "--notice-ends", "2027-05-20", *_LIN))
    _said(jieru("procedure", "object", 2026, "--from", "某厂", "--text", "停产", *_LIN))
    _said(jieru("procedure", "resolve", 2026, 1, "--outcome", "upheld", "--reason", "属实", *_LIN))
    _set_clock(monkeypatch, _JUNE)
    assert "two people override" in _refused(jieru("procedure", "payable", 2026, *_CHEN))
    override = ("procedure", "override", 2026, 1)
    assert "--confirm to confirm one" in _refused(jieru(*override, *_CHEN))
    assert "another person must check it" in _refused(jieru(*override, "--reason", "追回", *_LIN))
    assert "another person confirms it" in _said(jieru(*override, "--reason", "追回", *_CHEN))
    assert "nobody confirmed it: 追回" in _said(jieru("procedure", "show", 2026))
    assert _said(jieru(*override, "--confirm", *_ZHAO)) == "Objection 1 is overridden."
    assert "overridden by chen and zhao: 追回" in _said(jieru("procedure", "show", 2026))
    _said(jieru("procedure", "payable", 2026, *_CHEN))
    _said(jieru("procedure", "paid", 2026, "alpha", "--reference", "国库-17", *_ZHAO))
    assert "key of this" in _said(jieru("procedure", "show", 2026))
    file = tmp_path / "paid.json"
    _said(jieru("procedure", "export", 2026, file))
    said = _said(jieru("check-signature", file, "--public-key", frozen))
    assert (
        "Signed statement 5: Confirm the override of an objection, zhao, 2027-06-01 09:00" in said
    )
    assert "10,000 yuan to " in said
    assert "order 国库-17, paid on 2027-06-01" in said
    report = tmp_path / "approval.pdf"
    options = ("--kind", "approval", "--output", report, "--public-key", frozen)
    jieru("report", file, *options)
    assert report.read_bytes().startswith(b"%PDF")
    kept = json.loads(file.read_bytes())
    last = kept["statements"][-1]
    last["content"] = last["content"].replace("国库-17", "国库-18")
    file.write_text(json.dumps(kept), encoding="utf-8")
    code, _out, err = jieru("check-signature", file, "--public-key", frozen)
    assert (code, "Statement 7 of 2026-1 is not what was signed" in err) == (1, True)
    assert "Statement 7" in _refused(jieru("report", file, *options))
    del kept["statements"][2]
    file.write_text(json.dumps(kept), encoding="utf-8")
    code, _out, err = jieru("check-signature", file, "--public-key", frozen)
    assert (code, "are no chain at number 3" in err) == (1, True)


@pytest.mark.parametrize("step", ["draft", "submit", "publish"])
@pytest.mark.usefixtures("frozen")
def test_no_step_is_taken_while_the_clocks_are_apart(
    jieru: Run, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The database's clock counts: who moved that of this machine moves no step (finding C4)."""
    monkeypatch.setattr(command.procedure, "step_instant", clock.step_instant)
    ahead = datetime.now(UTC) + timedelta(minutes=2)
    monkeypatch.setattr(command.procedure, "now", lambda: ahead)
    options = ("--as-of", "2027-04-05", "--reason", "复核") if step == "draft" else ()
    said = _refused(jieru("procedure", step, 2026, *options, *_LIN))
    assert "that of the database says" in said
    near = datetime.now(UTC) - timedelta(seconds=30)
    monkeypatch.setattr(command.procedure, "now", lambda: near)
    assert "that of the database says" not in "".join(
        map(str, jieru("procedure", step, 2026, *options, *_LIN))
    )


def test_a_signed_file_is_checked_without_database_and_settings(
    jieru: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: str
) -> None:
    """Genuine, tampered with, or by another key."""
    file = tmp_path / "count.json"
    assert _said(jieru("procedure", "export", 2026, file)) == f"2026-1 is written to {file}."
    monkeypatch.delenv("JIERU_DATABASE_URL")
    monkeypatch.setenv("JIERU_ENV_FILE", "/nowhere")
    said = _said(jieru("check-signature", file, "--public-key", frozen))
    assert said.startswith("The count 2026-1 is as it was frozen.")
    code, _out, err = jieru("check-signature", file)
    assert (code, "by a key that nobody vouches for" in err) == (3, True)
    trusted = tmp_path / "trusted.toml"
    entry = f'[[keys]]\nname = "工信局"\nkey = "{frozen}"\nvalid_from = 2020-01-01\n'
    trusted.write_text(entry, encoding="utf-8")
    assert "Signed by: 工信局" in _said(jieru("check-signature", file, "--trusted-keys", trusted))
    trusted.write_text(entry + "valid_until = 2021-01-01\n", encoding="utf-8")
    code, _out, err = jieru("check-signature", file, "--trusted-keys", trusted)
    assert (code, "does not sign: do not trust it" in err) == (1, True)
    trusted.write_text(entry + "revoked_on = 2021-01-01\n", encoding="utf-8")
    code, _out, err = jieru("check-signature", file, "--trusted-keys", trusted)
    assert (code, "revoked by then" in err) == (1, True)
    trusted.write_text(entry + "owner = 1\n", encoding="utf-8")
    assert "owner" in _refused(jieru("check-signature", file, "--trusted-keys", trusted))
    other = tmp_path / "other.pem"
    wrong = _said(jieru("signing-key", "new", other)).removeprefix("Public key: ")
    assert _said(jieru("signing-key", "show", other)) == f"Public key: {wrong}"
    code, _out, err = jieru("check-signature", file, "--public-key", wrong)
    assert (code, err.startswith("Another key signed this file")) == (1, True)
    content = json.loads(file.read_text(encoding="utf-8"))
    content["document"]["total_yuan"] += 10_000
    file.write_text(json.dumps(content), encoding="utf-8")
    code, _out, err = jieru("check-signature", file)
    assert (code, err.startswith("The document was changed")) == (1, True)
    file.write_text("{}", encoding="utf-8")
    assert "This is not a signed count" in _refused(jieru("check-signature", file))


@pytest.mark.usefixtures("frozen")
def test_a_count_is_published_without_a_calendar_and_with_a_warning(jieru: Run) -> None:
    """Looked at first, which changes nothing; the step keeps what was not known."""
    publish = ("procedure", "publish", 2026, *_LIN)
    warning = "Holidays of 2027 not known yet: check the last day.\n"
    looked = "Nothing is published. The public notice of 2026-1 would end on 2027-05-13.\n"
    assert jieru(*publish, "--dry-run") == (0, looked, warning)
    assert "Count 2026-1: Frozen" in _said(jieru("procedure", "show", 2026))
    published = "2026-1 is published. Its public notice ends on 2027-05-13.\n"
    assert jieru(*publish) == (0, published, warning)
    shown = _said(jieru("procedure", "show", 2026))
    assert "Public notice until 2027-05-13" in shown
    assert "2027 were not known" in " ".join(shown.split())


@pytest.mark.usefixtures("frozen")
def test_the_command_takes_an_installation_s_own_holidays(
    jieru: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken file is named with its line before anything is done."""
    file = tmp_path / "holidays.yaml"
    file.write_text(HOLIDAYS_OF_2027.replace("2027-05-08", "2027-05-07"), encoding="utf-8")
    monkeypatch.setenv("JIERU_HOLIDAYS_FILE", str(file))
    publish = ("procedure", "publish", 2026, *_LIN)
    assert _refused(jieru(*publish)) == (
        f"Error: {file}, line 8: years.2027.worked_weekends: 2027-05-07 is neither a Saturday "
        "nor a Sunday."
    )
    file.write_text(HOLIDAYS_OF_2027, encoding="utf-8")
    assert _said(jieru(*publish)) == "2026-1 is published. Its public notice ends on 2027-05-12."


@pytest.mark.usefixtures("frozen")
def test_a_recheck_ends_with_1_when_anything_differs(
    jieru: Run, database: psycopg.Connection, uscc: str
) -> None:
    """And names it."""
    assert _said(jieru("recheck", 2026)) == "2026-1 follows from today's data."
    assert json.loads(_said(jieru("recheck", 2026, "--json")))["has_difference"] is False
    database.execute("UPDATE presence SET hours = ~hours WHERE device_id = 1")
    database.commit()
    code, out, _err = jieru("recheck", 2026)
    assert code == 1
    assert uscc in out
    assert "presence changed" in out
    code, out, _err = jieru("recheck", 2026, "--json")
    (difference,) = json.loads(out)["differences"]
    assert (code, difference["causes"], difference["devices"]) == (1, ["presence"], ["m1-0"])


def test_a_pending_enterprise_is_closed_and_opened_again(jieru: Run, uscc: str) -> None:
    """With a reason each time."""
    case = ("procedure", "close", 2026, "alpha", uscc, "--reason", "停产", *_LIN)
    assert _said(jieru(*case)) == "Closing 1 is recorded."
    assert "is closed for 2026 already" in _refused(jieru(*case))
    reopen = ("procedure", "reopen", 1, "--reason", "误记", *_LIN)
    assert _said(jieru(*reopen)) == "Closing 1 is withdrawn."


def test_a_count_is_returned(jieru: Run) -> None:
    """And what is next is shown."""
    assert _said(jieru("procedure", "list")) == "No count was drafted yet."
    assert "No signing key is named" in _refused(jieru("procedure", "freeze", 2026, *_CHEN))
    _said(jieru("procedure", "draft", 2026, "--as-of", "2026-05-29", *_LIN))
    _said(jieru("procedure", "submit", 2026, *_LIN))
    shown = _said(jieru("procedure", "show", 2026))
    assert "Next: Freeze" in shown
    assert "is pending until 2026-05-30" in shown
    returned = jieru("procedure", "return", 2026, "--reason", "证据期太短", *_CHEN)
    assert _said(returned) == "2026-1 is returned."


@pytest.mark.usefixtures("frozen")
def test_a_decision_keeps_where_its_document_is(jieru: Run, uscc: str) -> None:
    """The attachment is listed and audited."""
    hold = ("decide", "hold", "alpha", uscc, "--reason", "疑点", *_LIN)
    _said(jieru(*hold, "--attachment", "莆工信〔2027〕8号"))
    (decision,) = json.loads(_said(jieru("decide", "list", "--json")))["decisions"]
    assert decision["attachment"] == "莆工信〔2027〕8号"
    assert "莆工信〔2027〕8号" in _said(jieru("decide", "list"))


def test_an_award_of_another_clause_has_its_own_column(
    jieru: Run, database: psycopg.Connection
) -> None:
    """In the awards of a count that is kept."""
    record = frozen_with_award(database, "alpha", AwardLine("2.2", 1, 200_000, 200_000))
    database.commit()
    said = _said(jieru("procedure", "show", record.year))
    assert re.search(r"Clause 1\.1 +Clause 1\.2 +Clause 2\.2", said), said
    assert re.search(r"alpha .* 10,000 +200,000 +210,000", said), said
