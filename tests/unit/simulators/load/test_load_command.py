"""`jieru simulate load`, as far as it needs no broker."""

import pytest
from click.testing import CliRunner

from command.simulate import command
from jieru.errors import UserError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--messages=1", "--count=1"), "--platform"),
        (("--messages=1", "--count=1", "--platform=xielian", "--devices=file"), "not both"),
        (("--messages=1", "--per-second=1", "--every=60"), "not both"),
        (("--count=1", "--platform=xielian"), "how long"),
        (("--messages=1", "--devices=/nowhere.csv"), "cannot be read"),
        (("--messages=1", "--count=1", "--platform=XIELIAN"), "not a platform's code"),
    ],
)
def test_what_contradicts_itself_or_is_missing_is_one_sentence(
    options: tuple[str, ...], said: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(UserError, match=said):
        CliRunner().invoke(command, ["load", *options], catch_exceptions=False)


@pytest.mark.parametrize("share", ["bad_topic", "bad_topic=much", "nonsense=0.1", "=0.1"])
def test_a_share_names_a_reason_and_a_number(share: str) -> None:
    """Anything else is refused with the reasons that there are."""
    result = CliRunner().invoke(command, ["load", "--messages=1", f"--bad={share}"])
    assert result.exit_code == 2
    assert "malformed_payload" in result.output


def test_what_is_no_command_is_a_scenario() -> None:
    """So that `jieru simulate SCENARIO` plays it, whatever stands before its name."""
    for arguments in (["nowhere"], ["--speed=5", "nowhere"]):
        with pytest.raises(UserError, match="nowhere"):
            CliRunner().invoke(command, arguments, catch_exceptions=False)
