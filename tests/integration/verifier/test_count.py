"""The count on a real database, and `jieru count` at the command line."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

import verifier.counting.reading
from command.counting import today
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE as _WORKED
from tests.integration.verifier.conftest import Run
from tests.support.databases import DatabaseServer
from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of
from verifier.counting.reading import consistent_snapshot, read_evidence, read_presence
from verifier.counting.run import count_year
from verifier.policy import load_policy
from verifier.procedure.presence_digest import device_digests

_POLICY = load_policy("putian-2026")


def _count(database: psycopg.Connection, year: int = 2026, as_of: date | None = None) -> Any:  # noqa: ANN401 - JSON
    database.commit()
    count = count_year(database, year, as_of=as_of or date(2027, 4, 5), policy=_POLICY)
    return json.loads(json.dumps(count.to_json_object()))


def _enterprises(count: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        each["uscc"]: each for platform in count["platforms"] for each in platform["enterprises"]
    }


# --- The count ------------------------------------------------------------------------------------


def test_the_worked_example_of_the_design(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """From rows in the database to the award, in the shape of design section 8."""
    uscc = registry.served_enterprise(1, registry.platform(), _WORKED)
    count = _count(database, as_of=date(2026, 5, 30))
    assert (count["year"], count["policy"], count["as_of"]) == (2026, "putian-2026", "2026-05-30")
    assert (count["simulation"], count["total_yuan"]) == (False, 10_000)
    (platform,) = count["platforms"]
    assert (platform["platform"], platform["counted"], platform["pending"]) == ("alpha", 1, 0)
    assert platform["award_yuan"] == 10_000
    assert platform["lines"] == [
        {"clause": "1.2", "count": 1, "uncapped_yuan": 10_000, "amount_yuan": 10_000}
    ]
    (enterprise,) = platform["enterprises"]
    assert enterprise == {
        "uscc": uscc,
        "name": "第1鞋厂",
        "outcome": "counted",
        "connected_on": "2026-03-02",
        "window_last_day": "2026-05-30",
        "window_active_days": 78,
        "window_longest_gap_days": 1,
        "window_live_percent": None,
        "year_counted": 2026,
        "pending_until": None,
        "reasons": [],
        "backdated": [],
        "confirmation": "none",
        "confirmation_on": None,
    }


def test_a_day_earlier_the_worked_example_is_pending(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """And it says until when."""
    uscc = registry.served_enterprise(1, registry.platform(), _WORKED)
    count = _count(database, as_of=date(2026, 5, 29))
    found = _enterprises(count)[uscc]
    assert (found["outcome"], found["connected_on"]) == ("pending", None)
    assert found["pending_until"] == "2026-05-30"
    assert (count["total_yuan"], count["platforms"][0]["pending"]) == (0, 1)


def test_hours_heard_late_do_not_count(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """They are kept apart from the others."""
    platform = registry.platform()
    uscc = registry.enterprise()
    registry.connection(platform, uscc)
    for serial in ("a", "b", "c"):
        device_id = registry.device(platform, serial, uscc)
        registry.presence(device_id, _WORKED, range(8, 11))
        registry.presence(device_id, _WORKED, range(11, 20), is_late=True)
    assert _enterprises(_count(database))[uscc]["outcome"] == "not_effective"


def test_the_sixteenth_enterprise_earns_nothing_and_is_evaluated(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Fifteen fill the cap, another year begins anew."""
    platform = registry.platform()
    for number in range(16):
        registry.served_enterprise(number, platform, _WORKED)
    count = _count(database)
    (line,) = count["platforms"][0]["lines"]
    assert line == {"clause": "1.2", "count": 16, "uncapped_yuan": 160_000, "amount_yuan": 150_000}
    assert count["total_yuan"] == 150_000
    next_year = _count(database, 2027)
    assert next_year["total_yuan"] == 0
    assert {each["outcome"] for each in _enterprises(next_year).values()} == {"connected_earlier"}


def test_platforms_come_by_code_and_enterprises_by_uscc(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Whatever the order in which they were registered; a platform without enterprises too."""
    for code in ("zeta", "ab-c", "abc", "0x"):
        registry.platform(code)
    for number in (7, 3, 5):
        registry.served_enterprise(number, "abc", _WORKED[:1])
    count = _count(database)
    assert [each["platform"] for each in count["platforms"]] == ["0x", "ab-c", "abc", "zeta"]
    assert list(_enterprises(count)) == sorted(uscc_of(number) for number in (7, 3, 5))


def test_a_newly_national_platform_earns_both_clauses(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Beside a platform that is not recognised at all."""
    registry.platform("alpha", level="provincial")
    registry.recognition("alpha", "national", date(2026, 9, 1))
    registry.platform("beta", level=None)
    counted = registry.served_enterprise(1, "alpha", _WORKED)
    refused = registry.served_enterprise(2, "beta", _WORKED)
    count = _count(database)
    assert {each["platform"]: each["award_yuan"] for each in count["platforms"]} == {
        "alpha": 310_000,
        "beta": 0,
    }
    found = _enterprises(count)
    assert found[counted]["outcome"] == "counted"
    assert found[refused]["outcome"] == "platform_not_recognised"
    assert found[refused]["reasons"] == ["platform_recognised"]


def test_devices_that_move_between_enterprises_count_for_each_in_its_time(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Three devices work all year and belong to one enterprise until August, then to another."""
    platform = registry.platform()
    first, second = registry.enterprise(1), registry.enterprise(2)
    moved_on = date(2026, 8, 15)
    days = days_between(date(2026, 1, 1), date(2026, 12, 31))
    for uscc in (first, second):
        registry.connection(platform, uscc)
    for serial in ("a", "b", "c"):
        registry.presence(registry.device(platform, serial, first, to_date=moved_on), days)
        registry.assignment(platform, serial, second, moved_on)
    found = _enterprises(_count(database))
    assert found[first]["connected_on"] == "2026-01-01"
    assert found[second]["connected_on"] == "2026-08-15"


def test_a_connection_that_ends_too_early_leaves_no_window(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """The days after it are not active, though the devices go on."""
    platform = registry.platform()
    uscc = registry.enterprise()
    registry.connection(platform, uscc, date(2026, 3, 1), date(2026, 5, 1))
    for serial in ("a", "b", "c"):
        registry.presence(registry.device(platform, serial, uscc), _WORKED)
    assert _enterprises(_count(database))[uscc]["outcome"] == "not_effective"


def test_an_enterprise_that_left_and_came_back_was_connected_already(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Two connections, two windows, a year apart."""
    platform = registry.platform()
    uscc = registry.enterprise()
    registry.connection(platform, uscc, date(2026, 1, 1), date(2026, 8, 1))
    registry.connection(platform, uscc, date(2027, 3, 1))
    days = [*_WORKED, *days_between(date(2027, 3, 1), date(2027, 8, 1))]
    for serial in ("a", "b", "c"):
        registry.presence(registry.device(platform, serial, uscc), days)
    as_of = date(2028, 1, 31)
    assert _enterprises(_count(database, 2026, as_of))[uscc]["outcome"] == "counted"
    later = _enterprises(_count(database, 2027, as_of))[uscc]
    assert (later["outcome"], later["connected_on"]) == ("connected_earlier", "2026-03-02")


@pytest.mark.parametrize(
    ("first", "as_of", "outcome_2027", "outcome_2028"),
    [
        (date(2027, 12, 31), date(2028, 3, 29), "counted", "connected_earlier"),
        (date(2027, 12, 31), date(2028, 3, 28), "pending", "pending"),
        (date(2028, 1, 1), date(2028, 3, 30), "not_effective", "counted"),
    ],
)
def test_a_window_over_the_new_year_counts_for_the_year_it_began_in(
    database: psycopg.Connection,
    registry: RegistryBuilder,
    first: date,
    as_of: date,
    outcome_2027: str,
    outcome_2028: str,
) -> None:
    """Ninety days from New Year's Eve 2027 end on 2028-03-29, over a leap day."""
    days = days_between(first, date(2028, 6, 30))
    uscc = registry.served_enterprise(1, registry.platform(), days)
    assert _enterprises(_count(database, 2027, as_of))[uscc]["outcome"] == outcome_2027
    assert _enterprises(_count(database, 2028, as_of))[uscc]["outcome"] == outcome_2028


def test_the_last_day_in_force_counts_and_the_next_does_not(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """2029-12-31."""
    platform = registry.platform()
    last = registry.served_enterprise(
        1, platform, days_between(date(2029, 12, 31), date(2030, 5, 1))
    )
    after = registry.served_enterprise(
        2, platform, days_between(date(2030, 1, 1), date(2030, 5, 1))
    )
    as_of = date(2030, 6, 1)
    assert _enterprises(_count(database, 2029, as_of))[last]["outcome"] == "counted"
    assert _enterprises(_count(database, 2030, as_of))[after]["outcome"] == "policy_not_in_force"


def test_a_year_that_has_not_begun_is_pending_and_says_so(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Nothing is decided of it yet."""
    uscc = registry.served_enterprise(1, registry.platform(), _WORKED[:10])
    count = _count(database, 2027, date(2026, 4, 1))
    assert _enterprises(count)[uscc]["outcome"] == "pending"
    assert [each["code"] for each in count["notices"]] == ["before_the_year"]


def test_an_enterprise_on_two_platforms_is_an_overlap_or_counted_elsewhere(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """By `connection_uniqueness`; with one platform listed, the other still matters."""
    uscc = registry.enterprise()
    for code, days in (("alpha", _WORKED), ("beta", _WORKED[10:])):
        registry.platform(code)
        registry.connection(code, uscc)
        for serial in ("a", "b", "c"):
            registry.presence(registry.device(code, serial, uscc), days)
    per_platform = _count(database)
    assert per_platform["total_yuan"] == 20_000
    (overlap,) = per_platform["overlaps"]
    assert [each["platform"] for each in overlap["platforms"]] == ["alpha", "beta"]

    changed = _POLICY.connection_uniqueness.model_copy(update={"value": "city"})
    city = _POLICY.model_copy(update={"connection_uniqueness": changed})
    count = count_year(database, 2026, as_of=date(2027, 4, 5), policy=city, platform="beta")
    (found,) = count.platforms[0].determinations
    assert (found.outcome.value, count.total_yuan) == ("counted_elsewhere", 0)


def test_rules_of_evidence_other_than_the_policy_s_are_noticed(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """As is the event clock."""
    registry.platform()
    database.execute(
        "INSERT INTO evidence_rules (policy, max_delay_hours, max_clock_ahead_minutes, clock) "
        "VALUES ('putian-2026', 72, 10, 'receipt'), ('other', 24, 10, 'receipt'), "
        "('putian-2026', 72, 10, 'event')"
    )
    codes = [each["code"] for each in _count(database)["notices"]]
    assert codes == ["evidence_rules_differ", "event_clock"]


def test_an_empty_registry_counts_nothing(database: psycopg.Connection) -> None:
    """No platforms, no awards, no error."""
    count = _count(database)
    assert (count["platforms"], count["total_yuan"]) == ([], 0)


def test_a_count_reads_one_moment_and_writes_nothing(
    database: psycopg.Connection, registry: RegistryBuilder, embedded_database_url: str
) -> None:
    """What is committed meanwhile is not seen; what it tries to write is refused."""
    uscc = registry.served_enterprise(1, registry.platform(), _WORKED)
    database.commit()
    with consistent_snapshot(database), connect(embedded_database_url) as other:
        before = read_evidence(database)
        other.execute("DELETE FROM presence")
        other.execute("UPDATE assignments SET to_date = from_date + 1")
        other.commit()
        assert read_evidence(database).assignments.end.tolist() == before.assignments.end.tolist()
        blocks = list(read_presence(database, np.array([1, 2, 3]), date(2027, 1, 1)))
        assert sum(len(block.device) for block in blocks) == 12
        assert [case.enterprise.uscc for case in before.cases] == [uscc]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), database.transaction():
            database.execute("DELETE FROM decisions")
    assert _enterprises(_count(database))[uscc]["outcome"] == "not_effective"
    database.execute("DELETE FROM device_states")  # the connection can write again


def test_presence_is_read_in_blocks_and_only_that_of_the_devices_asked_for(
    database: psycopg.Connection, registry: RegistryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids far apart lie in blocks of their own; months after `as_of` stay where they are."""
    registry.platform()
    ids = np.array([registry.device("alpha", f"d{number}") for number in range(7)])
    for device_id in ids.tolist():
        registry.presence(device_id, [date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)])
    monkeypatch.setattr(verifier.counting.reading, "_DEVICES_AT_A_TIME", 3)
    monkeypatch.setattr(verifier.counting.reading, "_ID_GAP", 2)
    wanted = ids[[0, 1, 2, 3, 6]]
    blocks = list(read_presence(database, wanted, date(2026, 2, 1)))
    assert [sorted(set(block.device.tolist())) for block in blocks] == [[1, 2, 3], [4], [7]]
    assert {month for block in blocks for month in block.month.tolist()} == {
        2026 * 12,
        2026 * 12 + 1,
    }
    first = int(np.flatnonzero(blocks[0].device == 1)[0])
    heard = np.unpackbits(blocks[0].hours[first]).nonzero()[0]
    assert heard.tolist() == [4 * 24 + hour for hour in range(8, 13)]


def test_a_devices_hours_are_those_of_all_its_publishers(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """An active day in halves, one by a gateway, is an active day; its digest too is the same."""
    for number, code in enumerate(("alpha", "beta"), start=1):
        registry.served_enterprise(number, registry.platform(code), _WORKED)
    ids = [row[0] for row in database.execute("SELECT id FROM devices ORDER BY id")]
    whole, halves = ids[:3], ids[3:]
    for device_id in halves:
        database.execute(
            "INSERT INTO presence_by_others (device_id, month, publisher_id, hours)"
            " SELECT device_id, month, 7, hours & (lpad('', 744, '01'))::bit(744) FROM presence"
            " WHERE device_id = %s",
            (device_id,),
        )
        database.execute(
            "UPDATE presence SET hours = hours & (lpad('', 744, '10'))::bit(744)"
            " WHERE device_id = %s AND publisher_id = 1",
            (device_id,),
        )
    digests: dict[int, str] = {}
    for block in read_presence(database, np.array(ids), date(2026, 12, 31)):
        digests |= device_digests(block, date(2026, 12, 31))
    assert [digests[each] for each in whole] == [digests[each] for each in halves]
    counted = _count(database)
    one, other = (each["enterprises"][0] for each in counted["platforms"])
    assert one["outcome"] == other["outcome"] == "counted"
    assert one["connected_on"] == other["connected_on"]


@pytest.mark.parametrize("year", [2019, 2101])
def test_a_year_out_of_range_is_refused(database: psycopg.Connection, year: int) -> None:
    """One sentence."""
    with pytest.raises(UserError):
        count_year(database, year, as_of=date(2027, 1, 1), policy=_POLICY)


# --- The command ----------------------------------------------------------------------------------


@pytest.fixture
def counted(database: psycopg.Connection, registry: RegistryBuilder) -> str:
    """The worked example and an enterprise outside, committed; the code of the first."""
    uscc = registry.served_enterprise(1, registry.platform(), _WORKED)
    registry.served_enterprise(2, "alpha", _WORKED, district="other")
    registry.platform("beta", level=None)
    database.commit()
    return uscc


def test_the_command_prints_json(jieru: Run, counted: str) -> None:
    """All of standard output is one object."""
    code, out, _err = jieru("count", "2026", "--as-of", "2026-05-30", "--json")
    count = json.loads(out)
    assert (code, count["total_yuan"]) == (0, 10_000)
    assert _enterprises(count)[counted]["outcome"] == "counted"
    assert {each["name"]: each["basis"] for each in count["parameters"]}[
        "window_days"
    ] == "decision"


def test_the_command_prints_tables(jieru: Run, counted: str) -> None:
    """Awards, determinations with reasons, and what the municipality decided."""
    code, out, _err = jieru("count", "2026", "--as-of", "2026-08-01")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Draft count of 2026"
    assert any("alpha" in line and "平台 alpha" in line and "10,000" in line for line in lines)
    assert any(counted in line and "Counted" in line and "2026-03-02" in line for line in lines)
    assert any(
        "Out of scope" in line and "outside the policy's districts" in line for line in lines
    )
    assert any("window_days" in line and "90 days" in line for line in lines)
    assert "SIMULATED" not in out


def test_columns_line_up_beside_chinese_names(jieru: Run, counted: str) -> None:
    """A Chinese character is two columns wide."""
    _code, out, _err = jieru("count", "2026", "--as-of", "2026-08-01", "--platform", "alpha")
    rows = [line for line in out.splitlines() if "鞋厂" in line]
    starts = {
        sum(2 if character > "⺀" else 1 for character in row[: row.index("9135")]) for row in rows
    }
    assert len(rows) == 2
    assert len(starts) == 1
    assert counted in rows[0]


def test_one_platform_may_be_listed(jieru: Run, counted: str) -> None:
    """The total is of what is listed."""
    _code, out, _err = jieru("count", "2026", "--platform", "beta", "--json")
    count = json.loads(out)
    assert [each["platform"] for each in count["platforms"]] == ["beta"]
    assert counted not in out


def test_evidence_is_used_until_yesterday_by_default(jieru: Run, counted: str) -> None:
    """Today is not over."""
    _code, out, _err = jieru("count", "2026", "--json")
    assert json.loads(out)["as_of"] == (today() - timedelta(days=1)).isoformat()
    assert counted in out


def test_a_day_that_is_not_over_is_noted_aside(jieru: Run, counted: str) -> None:
    """On standard error, so that JSON stays JSON."""
    _code, out, err = jieru("count", "2026", "--as-of", today().isoformat(), "--json")
    assert f"Note: {today()} is not over" in err
    assert counted in json.loads(out)["platforms"][0]["enterprises"][0]["uscc"]


def test_another_policy_may_be_named(jieru: Run, counted: str, tmp_path: Path) -> None:
    """By its file."""
    text = Path(verifier.__path__[0], "policy", "putian-2026.yaml").read_text(encoding="utf-8")
    path = tmp_path / "strict.yaml"
    path.write_text(
        text.replace("name: putian-2026", "name: strict").replace("value: 3\n", "value: 4\n"),
        encoding="utf-8",
    )
    arguments = ("count", "2026", "--as-of", "2027-04-05", "--json", "--policy")
    count = json.loads(jieru(*arguments, path)[1])
    assert (count["policy"], count["total_yuan"]) == ("strict", 0)
    assert _enterprises(count)[counted]["outcome"] == "not_effective"


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["26"], "26 is not a year such as 2026."),
        (["２０２６"], "２０２６ is not a year such as 2026."),
        (["2019"], "The year 2019 cannot be counted: only 2020 to 2100 can."),
        (["2026", "--as-of", "20260405"], "20260405 is not a date of the form YYYY-MM-DD."),
        (["2026", "--as-of", "2026-02-30"], "2026-02-30 is not a date of the form YYYY-MM-DD."),
        (["2026", "--as-of", "yesterday"], "yesterday is not a date of the form YYYY-MM-DD."),
        (["2026", "--platform", "gamma"], "There is no platform gamma."),
        (
            ["2026", "--policy", "nowhere"],
            "There is no policy nowhere: name one of putian-2026, or the path of a policy file.",
        ),
    ],
)
def test_a_wrong_argument_is_one_sentence(jieru: Run, arguments: list[str], said: str) -> None:
    """And exit code 1, without a traceback."""
    code, out, err = jieru("count", *arguments)
    assert (code, out, err) == (1, "", f"Error: {said}\n")


def test_a_simulation_is_marked_in_every_output(
    jieru: Run, monkeypatch: pytest.MonkeyPatch, embedded_server: DatabaseServer
) -> None:
    """Text and JSON, of counts and decisions."""
    with embedded_server.database() as url:
        monkeypatch.setenv("JIERU_DATABASE_URL", url)
        assert jieru("migrate", "--simulation")[0] == 0
        assert json.loads(jieru("count", "2026", "--json")[1])["simulation"] is True
        assert "SIMULATED DATA" in jieru("count", "2026")[1]
        assert "SIMULATED DATA" in jieru("decide", "list")[1]
        assert json.loads(jieru("decide", "list", "--json")[1])["simulation"] is True


def test_a_database_without_a_schema_is_one_sentence(
    jieru: Run, monkeypatch: pytest.MonkeyPatch, embedded_server: DatabaseServer
) -> None:
    """It says what to do."""
    with embedded_server.database() as url:
        monkeypatch.setenv("JIERU_DATABASE_URL", url)
        code, _out, err = jieru("count", "2026")
    assert (code, err.count("\n")) == (1, 1)
    assert "jieru migrate" in err


def test_a_count_on_timescaledb_is_the_same(database_url: str) -> None:
    """The packed reading does not depend on the server."""
    with connect(database_url) as connection:
        registry = RegistryBuilder(connection)
        uscc = registry.served_enterprise(1, registry.platform(), _WORKED)
        found = _enterprises(_count(connection, as_of=date(2026, 5, 30)))[uscc]
    assert (found["outcome"], found["window_active_days"]) == ("counted", 78)
