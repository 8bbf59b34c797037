"""What commands take: a wrong argument is one sentence, whatever somebody types."""

from datetime import date

import click
import pytest
from click.testing import CliRunner

import command.archive
import command.load
import command.simulate
from command.arguments import AMOUNT, DAY, DAYS, POSITIVE_AMOUNT, WHOLE_NUMBER, YEAR
from jieru.errors import UserError
from tests.support.command import jieru

_ENDLESS = "9" * 5_000


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (YEAR, "2026", 2026),
        (DAY, "2026-03-02", date(2026, 3, 2)),
        (WHOLE_NUMBER, "0", 0),
        (WHOLE_NUMBER, "9" * 18, 10**18 - 1),
        (DAYS, "365000", 365_000),
        (AMOUNT, "0", 0.0),
        (POSITIVE_AMOUNT, "0.5", 0.5),
    ],
)
def test_what_fits_is_read(kind: click.ParamType[object], text: str, expected: object) -> None:
    """As what it means."""
    assert kind.convert(text, None, None) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (YEAR, "26"),
        (YEAR, "２０２６"),
        (YEAR, _ENDLESS),
        (DAY, "20260302"),
        (DAY, "0001-01-01"),
        (DAY, "9999-12-31"),
        (DAY, _ENDLESS),
        (WHOLE_NUMBER, ""),
        (WHOLE_NUMBER, "-1"),
        (WHOLE_NUMBER, "²"),
        (WHOLE_NUMBER, "9" * 19),
        (WHOLE_NUMBER, _ENDLESS),
    ],
)
def test_what_does_not_fit_is_one_short_sentence(kind: click.ParamType[object], text: str) -> None:
    """It shows the beginning of what was typed, and no more."""
    with pytest.raises(UserError) as refused:
        kind.convert(text, None, None)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DAYS, "0"),
        (DAYS, "365001"),
        (DAYS, _ENDLESS),
        (AMOUNT, "-0.1"),
        (AMOUNT, "nan"),
        (AMOUNT, "inf"),
        (AMOUNT, _ENDLESS),
        (POSITIVE_AMOUNT, "0"),
        (POSITIVE_AMOUNT, "nan"),
        (POSITIVE_AMOUNT, "1e300"),
    ],
)
def test_an_amount_out_of_range_is_an_error_of_usage(
    kind: click.ParamType[object], text: str
) -> None:
    """Not a number is out of every range."""
    with pytest.raises(click.BadParameter):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (command.archive.command, ["run", "--older-than", _ENDLESS]),
        (command.archive.command, ["restore", "--keep-days", "1000000000"]),
        (command.simulate.command, ["small-city", "--speed", "nan"]),
        *(
            (command.simulate.command, ["load", option, text])
            for option in (
                *("--count", "--messages", "--seconds", "--per-second", "--every", "--within"),
                *("--spacing-ms", "--connections", "--window", "--payload-bytes", "--patience"),
            )
            for text in (_ENDLESS, "nan", "-1")
        ),
        (command.simulate.command, ["load", "--seed", _ENDLESS]),
        (command.simulate.command, ["load", "--bad", "malformed_payload=nan"]),
        (command.simulate.command, ["load", "--bad", "malformed_payload=much"]),
    ],
)
def test_a_command_takes_no_number_that_it_cannot_work_with(
    group: click.Group, words: list[str]
) -> None:
    """Nothing is begun, and there is no traceback."""
    settings = {"JIERU_DATABASE_URL": "", "JIERU_MQTT_URL": "mqtt://127.0.0.1:1"}
    result = CliRunner().invoke(group, words, env=settings, standalone_mode=True)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("text", ["wu\x01", "wu\u3164", "wu\u202e", "wu\ue000"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add", "{}", "--role", "admin"),
        ("decide", "withdraw", "1", "--reason", "{}", "--by", "zheng"),
        ("explain", "2026", "xielian", "{}"),
    ],
)
def test_a_command_takes_no_text_that_cannot_be_seen(arguments: tuple[str, ...], text: str) -> None:
    """It names the character and its place, before anything is asked of a database."""
    done = jieru(*(each.format(text) for each in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"U+{ord(text[2]):04X}" in done.stderr
    assert "at place 3" in done.stderr
