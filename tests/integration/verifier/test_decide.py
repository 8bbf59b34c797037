"""Decisions: recorded, honoured by the count, withdrawn, never lost."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import psycopg
import pytest

from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.procedure import drafted
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from verifier.counting.decisions import list_decisions, record_decision, withdraw_decision
from verifier.policy import WAIVABLE, load_policy

_POLICY = load_policy("putian-2026")
_WHO = ("--reason", "现场核查", "--by", "林工")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def embedded_database_url(embedded_simulation_url: str) -> str:
    """A simulation, where a name is believed."""
    return embedded_simulation_url


@pytest.fixture
def uscc(database: psycopg.Connection, registry: RegistryBuilder) -> str:
    """An enterprise that counts on alpha; beta knows it not."""
    counted = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    registry.platform("beta")
    database.commit()
    return counted


def _found(jieru: Run) -> Any:  # noqa: ANN401 - JSON
    code, out, _err = jieru("count", "2026", "--as-of", "2027-04-05", "--json")
    assert code == 0
    (found,) = json.loads(out)["platforms"][0]["enterprises"]
    return found


@pytest.mark.parametrize(
    ("kind", "outcome", "reason"),
    [("exclude", "excluded", "not_excluded"), ("hold", "held", "not_held")],
)
def test_an_exclusion_or_a_hold_is_honoured_until_it_is_withdrawn(
    jieru: Run, uscc: str, kind: str, outcome: str, reason: str
) -> None:
    """And stays on record afterwards."""
    assert _found(jieru)["outcome"] == "counted"
    code, out, _err = jieru("decide", kind, "alpha", uscc, *_WHO)
    assert (code, out) == (0, "Decision 1 is recorded.\n")
    found = _found(jieru)
    assert (found["outcome"], found["reasons"]) == (outcome, [reason])
    code, out, _err = jieru("decide", "withdraw", "1", "--reason", "疑点已查清", "--by", "陈工")
    assert (code, out) == (0, "Decision 1 is withdrawn.\n")
    assert _found(jieru)["outcome"] == "counted"
    (decision,) = json.loads(jieru("decide", "list", "--json")[1])["decisions"]
    assert (decision["kind"], decision["platform"], decision["uscc"]) == (kind, "alpha", uscc)
    assert (decision["reason"], decision["decided_by"]) == ("现场核查", "林工")
    assert (decision["withdrawn_reason"], decision["withdrawn_by"]) == ("疑点已查清", "陈工")


@pytest.mark.parametrize(
    ("criterion", "value"),
    [
        ("active_hours_per_day_min", 6),
        ("active_devices_min", 4),
        ("window_days", 366),
        ("active_days_min", 79),
        ("longest_gap_days_max", 0),
    ],
)
def test_a_waiver_sets_a_numeric_criterion(
    jieru: Run, uscc: str, criterion: str, value: int
) -> None:
    """Here each to a value that the worked example does not reach."""
    waiver = ("--criterion", criterion, "--value", value)
    assert jieru("decide", "waive", "alpha", uscc, *waiver, *_WHO)[0] == 0
    assert _found(jieru)["outcome"] == "not_effective"


def test_a_waiver_lets_a_small_enterprise_count(
    jieru: Run, database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """One device where the policy asks for three."""
    small = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE, devices=1)
    database.commit()
    assert _found(jieru)["outcome"] == "not_effective"
    waiver = ("--criterion", "active_devices_min", "--value", "1")
    jieru("decide", "waive", "alpha", small, *waiver, *_WHO)
    assert _found(jieru)["outcome"] == "counted"


def test_decisions_are_listed_for_people(jieru: Run, uscc: str) -> None:
    """All, or those of one platform."""
    assert jieru("decide", "list")[1].endswith("\nNo decision is recorded.\n")
    jieru("decide", "waive", "alpha", uscc, "--criterion", "window_days", "--value", 80, *_WHO)
    _code, out, _err = jieru("decide", "list")
    assert "window_days = 80" in out
    assert "现场核查" in out
    of_beta = jieru("decide", "list", "--platform", "beta")[1]
    assert of_beta.endswith("\nNo decision is recorded.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exclude", "gamma", "{uscc}", *_WHO], "There is no platform gamma."),
        (["hold", "alpha", uscc_of(9), *_WHO], f"There is no enterprise {uscc_of(9)}."),
        (["hold", "alpha", "123", *_WHO], "123 is not a unified social credit code."),
        (
            ["hold", "beta", "{uscc}", *_WHO],
            "The enterprise {uscc} was never connected to the platform beta.",
        ),
        (
            ["hold", "alpha", "{uscc}", "--reason", " ", "--by", "Lin"],
            "A decision needs a reason and the name of who decided.",
        ),
        (
            ["hold", "alpha", "{uscc}", "--reason", "x", "--by", ""],
            "A decision needs a reason and the name of who decided.",
        ),
        (
            ["waive", "alpha", "{uscc}", "--criterion", "district", "--value", "1", *_WHO],
            f"district cannot be waived: only {', '.join(WAIVABLE)} can.",
        ),
        (
            ["waive", "alpha", "{uscc}", "--criterion", "window_days", "--value", "0", *_WHO],
            "window_days must be from 1 to 366, not 0.",
        ),
        (
            ["waive", "alpha", "{uscc}", "--criterion", "window_days", "--value", "30", *_WHO],
            "This would ask for 60 active days in a window of 30, which nothing can fulfil.",
        ),
        (
            ["waive", "alpha", "{uscc}", "--criterion", "window_days", "--value", "-5", *_WHO],
            "-5 is not a whole number.",
        ),
        (
            ["waive", "alpha", "{uscc}", "--criterion", "window_days", "--value", "many", *_WHO],
            "many is not a whole number.",
        ),
        (["withdraw", "5", *_WHO], "There is no decision 5."),
        (["withdraw", "five", *_WHO], "five is not a whole number."),
        (["withdraw", "99999999999", *_WHO], "There is no decision 99999999999."),
        (
            ["withdraw", "9" * 5_000, *_WHO],
            f"{'9' * 20}… is too large: a number has 18 digits at most.",
        ),
        (["withdraw", "²", *_WHO], "² is not a whole number."),
        (
            ["waive", "alpha", "{uscc}", "--criterion", "window_days", "--value", "9" * 18, *_WHO],
            f"window_days must be from 1 to 366, not {'9' * 18}.",
        ),
    ],
)
def test_a_wrong_decision_is_refused_in_one_sentence(
    jieru: Run, uscc: str, arguments: list[str], said: str
) -> None:
    """And nothing is recorded."""
    code, out, err = jieru("decide", *(each.format(uscc=uscc) for each in arguments))
    assert (code, out, err) == (1, "", f"Error: {said.format(uscc=uscc)}\n")
    assert jieru("decide", "list")[1].endswith("\nNo decision is recorded.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["exclude", "alpha", "{uscc}", "--by", "Lin"],
        ["exclude", "alpha", "{uscc}", "--reason", "x"],
        ["waive", "alpha", "{uscc}", *_WHO],
        ["exclude", "alpha", "{uscc}", "--criterion", "window_days", "--value", "1", *_WHO],
    ],
)
def test_what_a_decision_needs_is_asked_for(jieru: Run, uscc: str, arguments: list[str]) -> None:
    """Reason, name, and a criterion with a waiver and with nothing else."""
    code, _out, err = jieru("decide", *(each.format(uscc=uscc) for each in arguments))
    assert code == 2
    assert "Traceback" not in err


def test_a_criterion_is_waived_once_at_a_time(jieru: Run, uscc: str) -> None:
    """The second waiver needs the first withdrawn."""
    waiver = ("waive", "alpha", uscc, "--criterion", "active_devices_min", "--value", "1", *_WHO)
    assert jieru("decide", *waiver)[0] == 0
    code, _out, err = jieru("decide", *waiver)
    said = (
        "active_devices_min is waived for this enterprise already, by decision 1 of 林工: "
        "withdraw that one first."
    )
    assert (code, err) == (1, f"Error: {said}\n")
    assert jieru("decide", "withdraw", "1", *_WHO)[0] == 0
    assert jieru("decide", *waiver)[0] == 0


@pytest.mark.parametrize("kind", ["exclude", "hold", "keep"])
def test_the_same_decision_twice_is_refused(jieru: Run, uscc: str, kind: str) -> None:
    """By the number of the one that stands; once that is withdrawn, there may be another."""
    decide = ("decide", kind, "alpha", uscc, *_WHO)
    assert jieru(*decide)[0] == 0
    said = "This is decided already: decision 1 of 林工 says the same and stands."
    code, _out, err = jieru(*decide)
    assert (code, err) == (1, f"Error: {said}\n")
    assert len(json.loads(jieru("decide", "list", "--json")[1])["decisions"]) == 1
    assert jieru("decide", "withdraw", "1", *_WHO)[0] == 0
    assert jieru(*decide)[0] == 0


def test_of_two_that_decide_the_same_at_once_one_is_refused(
    database: psycopg.Connection, embedded_database_url: str, uscc: str
) -> None:
    """The second waits for the first, and then sees it."""

    def decide(connection: psycopg.Connection) -> int:
        said = {"reason": "x", "decided_by": "Lin", "policy": _POLICY}
        return record_decision(connection, "exclude", "alpha", uscc, **said)  # type: ignore[arg-type]

    with connect(embedded_database_url) as other, ThreadPoolExecutor(1) as pool:
        decide(other)
        second = pool.submit(decide, database)
        _wait_until_it_waits(other, database.info.backend_pid)
        other.commit()
        with pytest.raises(UserError, match="says the same and stands"):
            second.result()
    database.rollback()
    assert len(list_decisions(database)) == 1


def _wait_until_it_waits(connection: psycopg.Connection, pid: int) -> None:
    while connection.execute("SELECT pg_blocking_pids(%s)", (pid,)).fetchone() == ([],):
        time.sleep(0.01)


def test_duplicates_of_earlier_releases_stay_until_they_are_withdrawn(
    database: psycopg.Connection, uscc: str
) -> None:
    """They stop no migration and no withdrawal; a third is refused by the first."""
    insert = """
        INSERT INTO decisions (kind, platform_id, enterprise_id, reason, decided_by)
        SELECT 'hold', p.id, e.id, '存疑', 'Lin' FROM platforms p, enterprises e
        WHERE p.code = 'alpha' AND e.uscc = %s
    """
    database.execute(insert, (uscc,))
    database.execute(insert, (uscc,))
    said = {"reason": "x", "decided_by": "Lin", "policy": _POLICY}
    for number in (1, 2):
        with pytest.raises(UserError, match=f"decision {number} of Lin"):
            record_decision(database, "hold", "alpha", uscc, **said)  # type: ignore[arg-type]
        withdraw_decision(database, number, reason="y", withdrawn_by="Lin")
    assert record_decision(database, "hold", "alpha", uscc, **said) > 2  # type: ignore[arg-type]


def test_what_is_kept_changes_no_outcome_and_no_document(
    jieru: Run, database: psycopg.Connection, uscc: str
) -> None:
    """It stands beside the count: what was drafted before is what would be drafted after."""
    before, found = drafted(database), _found(jieru)
    assert jieru("decide", "keep", "alpha", uscc, *_WHO)[0] == 0
    assert _found(jieru) == found
    assert drafted(database).content_sha256 == before.content_sha256
    explained = json.loads(jieru("explain", "2026", "alpha", uscc, "--json")[1])
    assert [each["kind"] for each in explained["decisions"]] == ["keep"]
    assert "Keep as it is" in jieru("decide", "list")[1]
    assert jieru("decide", "withdraw", "1", *_WHO)[0] == 0


def test_a_shorter_window_is_waived_after_its_active_days(jieru: Run, uscc: str) -> None:
    """What two waivers ask together must be possible."""
    days = ("waive", "alpha", uscc, "--criterion", "active_days_min", "--value", "20", *_WHO)
    window = ("waive", "alpha", uscc, "--criterion", "window_days", "--value", "30", *_WHO)
    assert jieru("decide", *window)[0] == 1
    assert jieru("decide", *days)[0] == 0
    assert jieru("decide", *window)[0] == 0
    found = _found(jieru)
    assert (found["connected_on"], found["window_last_day"]) == ("2026-03-02", "2026-03-31")


def test_a_decision_is_withdrawn_once(jieru: Run, uscc: str) -> None:
    """The first withdrawal stands."""
    jieru("decide", "hold", "alpha", uscc, *_WHO)
    assert jieru("decide", "withdraw", "1", *_WHO)[0] == 0
    code, _out, err = jieru("decide", "withdraw", "1", "--reason", "again", "--by", "Chen")
    assert (code, err) == (1, "Error: Decision 1 is withdrawn already.\n")
    (decision,) = json.loads(jieru("decide", "list", "--json")[1])["decisions"]
    assert decision["withdrawn_by"] == "林工"


def test_a_decision_waits_for_its_caller_to_commit(database: psycopg.Connection, uscc: str) -> None:
    """A refused second waiver leaves the transaction usable."""

    def waive() -> int:
        return record_decision(
            database,
            "waive",
            "alpha",
            uscc,
            reason="x",
            decided_by="Lin",
            waiver=("window_days", 80),
            policy=_POLICY,
        )

    waive()
    with pytest.raises(UserError):
        waive()
    (recorded,) = list_decisions(database)
    assert (recorded.decision.criterion, recorded.decision.value) == ("window_days", 80)
    withdraw_decision(database, recorded.decision.id, reason="y", withdrawn_by="Lin")
    assert not list_decisions(database, "alpha", uscc)[0].decision.is_open
    database.rollback()
    assert list_decisions(database) == []


def test_a_decision_of_one_platform_is_none_of_another(
    jieru: Run, database: psycopg.Connection, registry: RegistryBuilder, uscc: str
) -> None:
    """The same enterprise on two platforms."""
    registry.connection("beta", uscc, date(2026, 1, 1))
    for serial in ("x", "y", "z"):
        registry.presence(registry.device("beta", serial, uscc), WORKED_EXAMPLE)
    database.commit()
    jieru("decide", "exclude", "beta", uscc, *_WHO)
    count = json.loads(jieru("count", "2026", "--as-of", "2027-04-05", "--json")[1])
    assert [
        each["outcome"] for platform in count["platforms"] for each in platform["enterprises"]
    ] == ["counted", "excluded"]
