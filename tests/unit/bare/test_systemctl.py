"""What the stand-in for systemd reads in units."""

from pathlib import Path

import pytest

from tests.bare.systemctl import read_unit, split_name

_USERS = {"jieru-api", "jieru-archive", "jieru-ingest", "jieru-verifier"}
"""Whom the install guide makes."""
_SHIPPED = Path(__file__).parents[3] / "deploy/systemd"


def _put(root: Path, name: str, text: str) -> None:
    path = root / "etc/systemd/system" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mosquitto", ("mosquitto.service", "")),
        ("jieru.target", ("jieru.target", "")),
        ("jieru-ingest@1", ("jieru-ingest@.service", "1")),
        ("postgresql@17-main.service", ("postgresql@.service", "17-main")),
    ],
)
def test_a_name_leads_to_a_file_and_an_instance(name: str, expected: tuple[str, str]) -> None:
    """A service unless it says otherwise."""
    assert split_name(name) == expected


def test_a_template_is_filled_in(tmp_path: Path) -> None:
    """With what stands behind the @."""
    _put(tmp_path, "a@.service", "[Service]\nExecStart=/bin/a --number %i\n")
    unit = read_unit(tmp_path, "a@3")
    assert unit.name == "a@3.service"
    assert unit.last("ExecStart") == "/bin/a --number 3"


def test_drop_ins_are_read_by_the_name_and_by_its_beginning(tmp_path: Path) -> None:
    """As `jieru-.service.d` is for every service of ours."""
    _put(tmp_path, "jieru-api.service", "[Service]\nUser=jieru\n")
    _put(tmp_path, "jieru-.service.d/common.conf", "[Service]\nUMask=0077\n")
    _put(tmp_path, "jieru-api.service.d/own.conf", "[Service]\nUser=wu\n")
    unit = read_unit(tmp_path, "jieru-api")
    assert (unit.last("UMask"), unit.last("User")) == ("0077", "wu")


def test_an_empty_value_forgets_those_before_it(tmp_path: Path) -> None:
    """So a drop-in can put another command in a command's place."""
    _put(tmp_path, "a.service", "[Service]\nExecStart=/bin/a\n")
    _put(tmp_path, "a.service.d/b.conf", "[Service]\nExecStart=\nExecStart=/bin/b\n")
    assert read_unit(tmp_path, "a").all("Service", "ExecStart") == ["/bin/b"]


def test_a_file_of_settings_wins_over_the_unit(tmp_path: Path) -> None:
    """Comments are none, quotes fall away, `-` allows that a file is missing."""
    _put(
        tmp_path,
        "a.service",
        "[Service]\nEnvironment=ONE=1 TWO=2\nEnvironmentFile=/etc/a.env\nEnvironmentFile=-/etc/b\n",
    )
    (tmp_path / "etc/a.env").write_text("# THREE=3\nTWO=two\nFOUR=\n", encoding="utf-8")
    found = read_unit(tmp_path, "a").environment(tmp_path)
    assert found == {"ONE": "1", "TWO": "two", "FOUR": ""}


def test_a_file_of_settings_that_must_be_there_is_missed(tmp_path: Path) -> None:
    """As systemd would."""
    _put(tmp_path, "a.service", "[Service]\nEnvironmentFile=/etc/a.env\n")
    with pytest.raises(FileNotFoundError):
        read_unit(tmp_path, "a").environment(tmp_path)


def test_a_unit_that_is_not_installed_is_missed(tmp_path: Path) -> None:
    """In systemd's own words."""
    with pytest.raises(FileNotFoundError, match=r"Unit a\.service could not be found"):
        read_unit(tmp_path, "a")


@pytest.mark.parametrize("path", sorted(_SHIPPED.glob("*.service")), ids=lambda path: path.name)
def test_our_own_units_are_understood(path: Path, tmp_path: Path) -> None:
    """Each has a user, one command, and the common settings."""
    for each in (path, *_SHIPPED.glob("jieru-.service.d/*.conf")):
        _put(tmp_path, each.relative_to(_SHIPPED).as_posix(), each.read_text(encoding="utf-8"))
    unit = read_unit(tmp_path, path.stem + ("1" if path.stem.endswith("@") else ""))
    assert unit.last("User") in {"mosquitto", *_USERS}
    assert len(unit.all("Service", "ExecStart")) == 1
    assert "/etc/jieru/jieru.env" in unit.all("Service", "EnvironmentFile")
