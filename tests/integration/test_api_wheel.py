"""The built wheel carries everything that a program reads at run time."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DATA = (
    "jieru/migrations/*.sql",
    "jieru/credentials/*.acl",
    "jieru/locale/**/*.po",
    "verifier/policy/*.yaml",
    "simulators/scenarios/*.toml",
    "dashboards/runbooks/*.md",
    "api/templates/**/*",
    "api/static/**/*",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.mark.parametrize("pattern", _DATA)
def test_files_that_are_read_at_run_time_are_inside(wheel: zipfile.ZipFile, pattern: str) -> None:
    """Those that are not committed too."""
    expected = {
        path.relative_to(_ROOT).as_posix() for path in _ROOT.glob(pattern) if path.is_file()
    }
    assert expected
    assert expected <= set(wheel.namelist())


def test_every_library_of_the_pages_has_its_licence_beside_it(wheel: zipfile.ZipFile) -> None:
    """ECharts carries zrender and tslib inside."""
    vendor = {Path(name).name for name in wheel.namelist() if name.startswith("api/static/vendor/")}
    assert {"echarts.min.js", "htmx.min.js"} <= vendor
    assert {
        "echarts.LICENSE",
        "echarts.NOTICE",
        "htmx.LICENSE",
        "tslib.LICENSE",
        "zrender.LICENSE",
    } <= vendor


def test_the_licence_of_our_own_and_the_command_are_inside(wheel: zipfile.ZipFile) -> None:
    """And neither tests nor benchmarks."""
    names = wheel.namelist()
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "jieru = jieru.command:main" in wheel.read(entry_points).decode()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
