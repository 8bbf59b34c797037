"""Who sends."""

from pathlib import Path

import pytest

from jieru.errors import UserError
from jieru.wire import DeviceAddress
from simulators.load.devices import devices_by_pattern, devices_of_file


def test_a_pattern_numbers_the_serials() -> None:
    """From zero."""
    assert devices_by_pattern("xielian", "CNC-%03d", 2) == [
        DeviceAddress("xielian", "CNC-000"),
        DeviceAddress("xielian", "CNC-001"),
    ]


@pytest.mark.parametrize("pattern", ["CNC", "CNC-%s-%s", "CNC-%0", "%d/%%"])
def test_a_pattern_that_gives_no_serials_is_refused(pattern: str) -> None:
    """No place for the number, two, or a letter that no serial has."""
    with pytest.raises(UserError):
        devices_by_pattern("xielian", pattern, 2)


def test_a_file_to_import_names_the_devices(tmp_path: Path) -> None:
    """Each once, though it is listed with two assignments; of one platform where asked."""
    file = tmp_path / "devices.csv"
    file.write_text("platform,serial,uscc\nalpha,A,1\nalpha,A,2\nbeta,B,1\n", encoding="utf-8")
    both = [DeviceAddress("alpha", "A"), DeviceAddress("beta", "B")]
    assert devices_of_file(file) == both
    assert devices_of_file(file, "beta") == both[1:]


@pytest.mark.parametrize("text", [None, "", "platform,name\na,b\n", "platform,serial\nalpha,A/B\n"])
def test_a_file_without_devices_is_refused(tmp_path: Path, text: str | None) -> None:
    """Missing, empty, without the columns, or with what is no serial."""
    file = tmp_path / "devices.csv"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        devices_of_file(file)
