"""Policy files: what they say, and one clear sentence with the line for whatever is wrong."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import verifier.policy
from jieru.errors import UserError
from verifier.policy import SignalParameters, available_policies, load_policy, policy_from_source

_FILE = Path(verifier.policy.__file__).parent / "putian-2026.yaml"
_TEXT = _FILE.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _line_of(text: str) -> int:
    return _TEXT[: _TEXT.index(text)].count("\n") + 1


def _refusal(folder: Path, content: str | bytes) -> str:
    """What is said of a file, without its name."""
    path = folder / "broken.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError) as refused:
        load_policy(str(path))
    name, _comma, rest = str(refused.value).partition(", ")
    assert name == str(path)
    return rest


@pytest.mark.parametrize("content", ["a: " + "[" * 5000 + "]" * 5000, "{a: " * 5000 + "}" * 5000])
def test_a_file_that_nests_without_end_is_refused(tmp_path: Path, content: str) -> None:
    """The YAML reader goes one call deeper for each level; no traceback shows it."""
    assert _refusal(tmp_path, content) == "line 1: it is nested too deep."


def test_the_policy_of_putian_has_the_values_of_the_design() -> None:
    """Design section 7, end."""
    policy = load_policy("putian-2026")
    values = {name: parameter.value for name, parameter in policy.parameters().items()}
    districts = values.pop("districts")
    assert values == {
        "active_hours_per_day_min": 4,
        "active_devices_min": 3,
        "window_days": 90,
        "active_days_min": 60,
        "longest_gap_days_max": 20,
        "max_delay_hours": 72,
        "max_clock_ahead_minutes": 10,
        "backdate_days_max": 7,
        "live_within_minutes": 60,
        "live_share_min": 0,
        "receipt_time_allowed": "never",
        "count_year_of": "window_start",
        "connection_uniqueness": "platform",
        "recognition_level_min": "municipal",
        "recognition_on": "connected_on",
        "confirmation_required": "report",
        "industry_sections": ("C",),
        "award_per_enterprise_yuan": 10_000,
        "award_cap_yuan": 150_000,
        "national_title_award_yuan": 300_000,
        "annual_budget_yuan": 10_000_000,
        "in_force_from": date(2026, 1, 1),
        "in_force_to": date(2029, 12, 31),
    }
    assert isinstance(districts, dict)
    assert {slug: (each.name, each.code) for slug, each in districts.items()} == {
        "licheng": ("荔城区", "350304"),
        "chengxiang": ("城厢区", "350302"),
        "hanjiang": ("涵江区", "350303"),
        "xiuyu": ("秀屿区", "350305"),
        "xianyou": ("仙游县", "350322"),
        "meizhou": ("湄洲岛", None),
        "beian": ("湄洲湾北岸", None),
    }


def test_what_the_text_says_is_told_from_what_must_be_decided() -> None:
    """Level, amounts and the last day are in the text; the rest is silent."""
    parameters = load_policy("putian-2026").parameters()
    assert {name for name, each in parameters.items() if each.basis == "text"} == {
        "recognition_level_min",
        "award_per_enterprise_yuan",
        "award_cap_yuan",
        "national_title_award_yuan",
        "annual_budget_yuan",
        "in_force_to",
    }


def test_every_parameter_is_cited_and_described_in_both_languages() -> None:
    """No reader has to guess."""
    for each in load_policy("putian-2026").parameters().values():
        assert each.clause in {"1.1", "1.2", "fund", "附则"}
        assert each.description.spoken_in("zh") != each.description.spoken_in("en")


def test_a_policy_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    """The same bytes have the same digest; one more byte has another."""
    assert available_policies() == ["putian-2026"]
    copy, changed = tmp_path / "copy.yaml", tmp_path / "changed.yaml"
    copy.write_text(_TEXT, encoding="utf-8")
    changed.write_text(_TEXT + "\n", encoding="utf-8")
    original = load_policy("putian-2026")
    assert load_policy(str(copy)).sha256 == original.sha256
    assert load_policy(str(changed)).sha256 != original.sha256
    assert policy_from_source("frozen", original.source) == original


def test_a_policy_file_is_utf_8(tmp_path: Path) -> None:
    """YAML itself would take UTF-16, which a count could not hold as it stands."""
    assert _refusal(tmp_path, _TEXT.encode("utf-16")) == "line 1: the file must be UTF-8."


@pytest.mark.parametrize("name", ["nowhere", "no/such/file.yaml", "."])
def test_an_unknown_policy_is_refused_with_the_known_names(name: str) -> None:
    """A folder is none either."""
    with pytest.raises(UserError) as refused:
        load_policy(name)
    assert str(refused.value) == (
        f"There is no policy {name}: name one of putian-2026, or the path of a policy file."
    )


_HOURS = "parameters.active_hours_per_day_min"


@pytest.mark.parametrize(
    ("before", "after", "on_line_of", "said"),
    [
        ("value: 4\n", "value: four\n", "value: 4\n", f"{_HOURS}.value must be a whole number."),
        ("value: 4\n", 'value: "4"\n', "value: 4\n", f"{_HOURS}.value must be a whole number."),
        ("value: 4\n", "value: true\n", "value: 4\n", f"{_HOURS}.value must be a whole number."),
        ("value: 4\n", "value: 4.5\n", "value: 4\n", f"{_HOURS}.value must be a whole number."),
        ("value: 4\n", "value:\n", "value: 4\n", f"{_HOURS}.value must be a whole number."),
        ("value: 4\n", "value: 25\n", "value: 4\n", f"{_HOURS}.value must be at most 24."),
        ("value: 4\n", "value: 0\n", "value: 4\n", f"{_HOURS}.value must be at least 1."),
        ("value: 4\n", "valu: 4\n", "value: 4\n", f"{_HOURS}.valu is not known here."),
        (
            "  window_days:",
            "  window_dayz:",
            "  window_days:",
            "parameters.window_dayz is not known here.",
        ),
        (
            "    value: 4\n",
            "",
            "  active_hours_per_day_min:",
            f"{_HOURS}.value is missing.",
        ),
        ("name: putian-2026\n", "", "# Clause 1", "name is missing."),
        (
            "value: 60\n",
            "value: 91\n",
            "value: 60\n",
            "active_days_min (91) is more than window_days (90): nothing could count.",
        ),
        (
            "2029-12-31",
            "2025-12-31",
            "value: 2029-12-31",
            "in_force_to (2025-12-31) is before in_force_from (2026-01-01).",
        ),
        (
            "value: 150000",
            "value: 9999",
            "value: 150000",
            "award_cap_yuan (9999) is less than award_per_enterprise_yuan (10000).",
        ),
        (
            "value: 2029-12-31",
            "value: 2029-02-29",
            "value: 2029-12-31",
            "parameters.in_force_to.value: there is no 2029-02-29.",
        ),
        (
            "value: 2029-12-31",
            "value: '2029-12-31'",
            "value: 2029-12-31",
            "parameters.in_force_to.value must be a date such as 2026-01-01, without quotes.",
        ),
        (
            "value: 2029-12-31",
            "value: 2029-12-31 08:00:00",
            "value: 2029-12-31",
            "parameters.in_force_to.value must be a date such as 2026-01-01, without quotes.",
        ),
        (
            "value: window_start",
            "value: window_middle",
            "value: window_start",
            "parameters.count_year_of.value must be 'window_start' or 'window_end'.",
        ),
        (
            "value: [C]",
            "value: C",
            "value: [C]",
            "parameters.industry_sections.value must be a list.",
        ),
        (
            "value: [C]",
            "value: [C, U]",
            "value: [C]",
            "parameters.industry_sections.value.1 must match ^[A-T]$.",
        ),
        (
            "value: [C]",
            "value: []",
            "value: [C]",
            "parameters.industry_sections.value may not be empty.",
        ),
        (
            "      beian: {",
            "      other: {",
            "    value:\n      licheng",
            "other may not be listed: it stands for every district outside the list.",
        ),
        (
            '"350304"',
            "350304",
            "      licheng: {",
            "parameters.districts.value.licheng.code must be text (put it in quotes).",
        ),
        (
            "      licheng: {",
            "      Licheng!: {",
            "      licheng: {",
            "parameters.districts.value.Licheng! must match ^[a-z0-9-]{2,32}$.",
        ),
        (
            "    basis: decision\n",
            "    basis: law\n",
            "    basis: decision\n",
            f"{_HOURS}.basis must be 'text' or 'decision'.",
        ),
        (
            '    clause: "1.2"\n',
            '    clause: ""\n',
            '    clause: "1.2"\n',
            f"{_HOURS}.clause may not be empty.",
        ),
        (
            "parameters:\n",
            "parameters: 5\nrest:\n",
            "parameters:\n",
            "parameters must be a mapping of keys and values.",
        ),
        ("value: 4\n", "value: 4\n\t- 5\n", "    unit: hours", "not YAML: found character"),
        ("name: putian-2026", "name: [putian", "title:", "not YAML: expected ',' or ']'"),
        ("name: putian-2026", "name: &n putian\nx: *n", "title:", "x: YAML aliases are not"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, before: str, after: str, on_line_of: str, said: str
) -> None:
    """Unknown, missing, of a wrong type, out of range, contradictory, no YAML."""
    assert before in _TEXT
    refusal = _refusal(tmp_path, _TEXT.replace(before, after, 1))
    line = 6 if on_line_of == "# Clause 1" else _line_of(on_line_of)
    assert refusal.startswith(f"line {line}: {said}")


def test_a_key_given_twice_is_refused_where_it_comes_again(tmp_path: Path) -> None:
    """YAML itself would take the last one without a word."""
    twice = _TEXT.replace("    unit: hours\n", "    unit: hours\n    unit: days\n", 1)
    line = _line_of("    unit: hours\n") + 1
    assert _refusal(tmp_path, twice) == f"line {line}: {_HOURS}.unit is given twice."


def test_the_first_of_several_mistakes_is_named(tmp_path: Path) -> None:
    """From top to bottom."""
    text = _TEXT.replace("value: 60\n", "value: sixty\n").replace("value: 90\n", "value: ninety\n")
    assert _refusal(tmp_path, text).startswith(f"line {_line_of('value: 90')}: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: the file must be a mapping with name, title and parameters."),
        ("[]", "line 1: the file must be a mapping with name, title and parameters."),
        ("a: b: c", "line 1: not YAML: mapping values are not allowed here."),
        (b"\n\na: \xff\xfe\n", "line 3: not YAML: invalid start byte."),
        ("a: 1\nb: \x01\n", "line 2: not YAML: special characters are not allowed."),
        ("--- {}\n--- {}\n", "line 2: not YAML: but found another document."),
        ("x: &a [*a]", "line 1: x.0: YAML aliases are not allowed."),
    ],
)
def test_what_is_no_policy_at_all_is_refused(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    """Empty, a list, not text, two documents, one that holds itself."""
    assert _refusal(tmp_path, content) == said


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_no_content_is_more_than_a_user_s_error(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    """Whatever is in the file, the answer is one sentence."""
    assert _refusal(tmp_path_factory.getbasetemp(), content)


def test_thresholds_of_signals_are_cited_and_described_too() -> None:
    """All are the municipality's to decide, and nothing proposes a hold at first."""
    policy = load_policy("putian-2026")
    assert policy.signals is not None
    assert policy.signals.holds.value == "shadow"
    assert set(policy.signal_parameters()) == set(SignalParameters.model_fields)
    for each in policy.signal_parameters().values():
        assert (each.clause, each.basis) == ("1.2", "decision")
        assert each.description.spoken_in("zh") != each.description.spoken_in("en")


def test_a_policy_of_before_there_were_signals_has_none() -> None:
    """A count that was frozen under it is read as it was."""
    old = policy_from_source("old", _TEXT.split("\n# What in the evidence is a signal")[0] + "\n")
    assert (old.signals, old.signal_parameters()) == (None, {})
    assert old.parameters() == load_policy("putian-2026").parameters()
