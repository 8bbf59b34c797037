"""What is said of a command line that cannot be understood, and in which language."""

import re

import click
import pytest

import command as jieru_command
from command.usage_errors import reason_of
from tests.support.command import jieru

_JIERU = jieru_command._jieru


def _reason(line: str) -> str:
    with pytest.raises(click.UsageError) as caught:
        _JIERU.main(line.split(), prog_name="jieru", standalone_mode=False)
    return reason_of(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("counnt", "没有 counnt 这一命令，是否要用 count？"),
        ("count", "缺少 YEAR。"),
        ("count 2026 --polici x", "此处没有 --polici 这一选项，是否要用 --policy？"),
        ("count 2026 --wholly-unknown", "此处没有 --wholly-unknown 这一选项。"),
        ("count 2026 2027 2028", "多余的内容：2027 2028。"),
        ("count 2026 --policy", "选项 --policy 需要取值。"),
        ("count 2026 --json=3", "选项 --json 不带取值。"),
        (
            "import nonsense x.csv",
            "KIND 只能是：platforms、recognitions、enterprises、connections、devices。",
        ),
        (
            "import",
            "缺少 KIND，可选：platforms、recognitions、enterprises、connections、devices。",
        ),
        ("user add x --role nobody", "--role 只能是：operator、verifier、auditor、admin。"),
        ("serve --port 99999999", "--port 应为 0 至 65535 之间的整数。"),
        ("serve --port http", "--port 应为 0 至 65535 之间的整数。"),
        ("simulate load --seed x", "--seed 应为整数。"),
        ("simulate load --patience -1", "--patience 应为不小于 0 的数。"),
        ("decide hold xielian 91350302MA0TAL2M8N --by 林", "缺少 --reason。"),
    ],
)
def test_it_is_one_sentence_in_the_language_of_the_process(
    monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    """With nothing of click's own English in it."""
    monkeypatch.setenv("JIERU_LANGUAGE", "zh")
    assert _reason(line) == said


def test_it_is_english_where_the_process_speaks_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sentences, by the same names."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    assert _reason("count") == "YEAR is missing."
    assert _reason("count 2026 --policy") == "The option --policy needs a value."


@pytest.mark.parametrize("line", ["--help", "count --help", "import --help"])
def test_help_has_no_english_words_but_names(line: str) -> None:
    """Headings, and what click says of its own options, are Chinese too."""
    done = jieru(*line.split(), language="zh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("用法：jieru")
    assert not re.search(r"Usage|Options|Commands|Show|exit", done.stdout)
