"""Every mistake a user can make at the command line: one clear sentence, no traceback."""

from pathlib import Path

import pytest

from jieru.schema import migrate
from tests.support.command import jieru

_USCC = "91350302MA0TAL2M8N"


def _sentence(*arguments: str, **settings: str) -> str:
    """What the command says when it refuses."""
    done = jieru(*arguments, timeout_s=60, **settings)
    assert done.returncode not in {0, None}
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate",),
        ("ingest",),
        ("serve",),
        ("count", "2026"),
        ("explain", "2026", "xielian", _USCC),
        ("decide", "hold", "xielian", _USCC, "--reason", "r", "--by", "b"),
        ("import", "platforms", __file__),
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_database_is_named(arguments: tuple[str, ...]) -> None:
    """Each command that needs one names the setting."""
    assert "JIERU_DATABASE_URL" in _sentence(*arguments)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://127.0.0.1:1/nothing", "127.0.0.1:1/nothing"),
        ("postgresql://me:secret@127.0.0.1:1/nothing", "cannot be reached"),
        ("mysql://h/d", "not a PostgreSQL address"),
        ("nonsense", "not a PostgreSQL address"),
    ],
)
@pytest.mark.parametrize("command", [("count", "2026"), ("migrate",), ("ingest",), ("serve",)])
def test_the_database_is_not_there(command: tuple[str, ...], url: str, said: str) -> None:
    """Address and reason are said, the password never."""
    sentence = _sentence(*command, database_url=url)
    assert said in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize("command", [("count", "2026"), ("ingest",), ("serve",)])
def test_the_schema_is_missing(embedded_url: str, command: tuple[str, ...]) -> None:
    """It says which command makes it."""
    assert "jieru migrate" in _sentence(*command, database_url=embedded_url)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("count", "26"), "26"),
        (("count", "1999"), "1999"),
        (("count", "2026", "--as-of", "2026-02-30"), "2026-02-30"),
        (("count", "2026", "--as-of", "01.02.2026"), "01.02.2026"),
        (("count", "2026", "--platform", "nobody"), "nobody"),
        (("count", "2026", "--policy", "/nowhere.yaml"), "/nowhere.yaml"),
        (("explain", "2026", "nobody", _USCC), "nobody"),
        (("decide", "hold", "nobody", _USCC, "--reason", "r", "--by", "b"), "nobody"),
        (("count",), "jieru count --help"),
        (("count", "2026", "--yesterday"), "--yesterday"),
        (("decide", "hold", "xielian", _USCC, "--by", "b"), "--reason"),
        (("recount", "2026"), "recount"),
        (("decide", "withdraw", "77", "--reason", "r", "--by", "b"), "77"),
        (("import", "platforms", "/nowhere.csv"), "/nowhere.csv"),
    ],
)
def test_an_argument_is_wrong(
    embedded_simulation_url: str, arguments: tuple[str, ...], said: str
) -> None:
    """The sentence names what was wrong."""
    assert said in _sentence(*arguments, database_url=embedded_simulation_url)


def test_the_event_clock_on_a_database_of_real_evidence(embedded_database_url: str) -> None:
    """Devices would say when they were heard: never where money depends on it."""
    sentence = _sentence("ingest", database_url=embedded_database_url, ingest_clock="event")
    assert "JIERU_INGEST_CLOCK" in sentence


def test_a_real_database_is_not_made_a_simulation(embedded_database_url: str) -> None:
    """The mark is set when the database is made, or never."""
    assert "--simulation" in _sentence(
        "migrate", "--simulation", database_url=embedded_database_url
    )


def test_a_wrong_file_is_refused_whole(embedded_database_url: str, tmp_path: Path) -> None:
    """Every bad row is listed with number and column; the last line says nothing was imported."""
    path = tmp_path / "platforms.csv"
    path.write_text("code,name,operator_uscc\nAB,Upper,\nok,Fine,\nx,Short,123\n")
    done = jieru("import", "platforms", str(path), database_url=embedded_database_url)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    said = done.stdout + done.stderr
    assert all(part in said for part in ("code", "operator_uscc", "2", "4"))
    again = jieru("count", "2026", "--json", database_url=embedded_database_url)
    assert '"platforms": []' in again.stdout


def test_a_broken_policy_names_file_line_and_reason(
    embedded_database_url: str, tmp_path: Path
) -> None:
    """A policy is law in numbers: a slip of the pen must not count."""
    path = tmp_path / "policy.yaml"
    path.write_text("name: broken\nwindow_days: [\n")
    sentence = _sentence("count", "2026", "--policy", str(path), database_url=embedded_database_url)
    assert "policy.yaml" in sentence
    assert any(character.isdigit() for character in sentence.replace(str(tmp_path), ""))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mqtt_url": "broker"}, "JIERU_MQTT_URL"),
        ({"mqtt_protocol": "3.1.1", "ingest_group": "jieru"}, "JIERU_INGEST_GROUP"),
        ({"mqtt_protocol": "4"}, "JIERU_MQTT_PROTOCOL"),
        ({"ingest_batch_size": "many"}, "JIERU_INGEST_BATCH_SIZE"),
        ({"env_file": "/nowhere.env"}, "/nowhere.env"),
    ],
)
def test_a_setting_is_wrong(
    embedded_database_url: str, settings: dict[str, str], said: str
) -> None:
    """The sentence names the setting."""
    assert said in _sentence("ingest", database_url=embedded_database_url, **settings)


def test_chinese_is_the_language_unless_told_otherwise(embedded_url: str) -> None:
    """The interface is Chinese first."""
    done = jieru("count", "2026", database_url=embedded_url, language="zh")
    assert done.returncode == 1
    assert "错误" in done.stderr
    assert "jieru migrate" in done.stderr


def test_migrate_and_an_empty_count_work(embedded_url: str) -> None:
    """The first two things one does."""
    assert "current" in jieru("migrate", "--simulation", database_url=embedded_url).stdout
    migrate(embedded_url)
    done = jieru("count", "2026", "--as-of", "2027-04-05", database_url=embedded_url)
    assert done.returncode == 0
    assert "SIMULAT" in done.stdout.upper()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dcide",), "There is no command dcide: did you mean decide? See `jieru --help`."),
        (
            ("decide", "withdrw"),
            "There is no command withdrw: did you mean withdraw? See `jieru decide --help`.",
        ),
        (
            ("simulate", "laod"),
            "There is no command laod: did you mean load? See `jieru simulate --help`.",
        ),
        (("xyz",), "There is no command xyz. See `jieru --help`."),
    ],
)
def test_a_mistyped_command_is_told_which_was_meant(words: tuple[str, ...], said: str) -> None:
    """Where one resembles it."""
    done = jieru(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Error: {said}\n")


def test_a_word_that_resembles_a_command_may_be_a_scenario(tmp_path: Path) -> None:
    """A file of that name is played, or told what is wrong with it."""
    (tmp_path / "loads").write_text("no scenario")
    done = jieru("simulate", str(tmp_path / "loads"))
    assert done.returncode == 1
    assert "Scenario loads is not TOML" in done.stderr
