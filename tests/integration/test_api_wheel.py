"""The built wheel carries everything that a program reads at run time, and disturbs nobody."""

import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from command import _MODULES
from tests.support.command import clean_environment
from tests.support.mosquitto import MosquittoBroker
from tests.support.processes import free_port
from tests.support.wheelhouse import PRODUCTION_LOCK, ensure_wheelhouse

_ROOT = Path(__file__).parents[2]
_START_S = 60
_DATA = (
    "jieru/migrations/*.sql",
    "jieru/take_over.sql",
    "jieru/auditor/sql/fence/*.sql",
    "jieru/auditor/sql/views/*.sql",
    "jieru/credentials/*.acl",
    "jieru/locale/**/*.po",
    "verifier/policy/*.yaml",
    "simulators/scenarios/*.toml",
    "dashboards/runbooks/*.md",
    "api/templates/**/*",
    "api/static/**/*",
)
_SHARED = {"deploy/mosquitto": "mosquitto", "deploy/systemd": "systemd", "docs": "docs"}
_PINNED = re.compile(r"^(\S+==\S+)(?: ; .+)? \\$", re.MULTILINE)


def _build(source: Path, *, into: Path, kind: str = "wheel") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)],
        cwd=source,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def _run(*argv: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(word) for word in argv],
        env=clean_environment(language="en", **settings),
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )


def _packages_of_demo() -> list[str]:
    """What pyproject.toml names under the extra `demo`."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named: list[str] = project["optional-dependencies"]["demo"]
    return [re.split(r"[<>=]", each, maxsplit=1)[0] for each in named]


def _pip_for(programs: Path) -> tuple[str | Path, ...]:
    """This environment's pip, at work in another."""
    return (sys.executable, "-m", "pip", "--python", programs / "python")


@pytest.fixture(scope="module")
def wheel_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    done = _build(_ROOT, into=folder)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(wheel_path: Path) -> zipfile.ZipFile:
    """What is in it."""
    return zipfile.ZipFile(wheel_path)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What git has of this checkout, without what is fetched."""
    folder = tmp_path / "clone"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=_ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.split("\0"):
        if name and not name.startswith("tests/") and (_ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def installed(wheel_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment with the wheel and the lock of production.

    urllib3 was in it before.
    """
    folder = tmp_path_factory.mktemp("installed")
    programs = folder / "bin"
    wheels = f"--find-links={ensure_wheelhouse()}"
    pip = (*_pip_for(programs), "install", "--quiet", "--no-index", wheels)
    for step in (
        # Debian's Python may have no pip of its own to put into it.
        (sys.executable, "-m", "venv", "--without-pip", folder),
        (*pip, "urllib3"),
        (*pip, "--require-hashes", "--requirement", PRODUCTION_LOCK),
        (*pip, "--no-deps", wheel_path),
        (*_pip_for(programs), "check"),
    ):
        done = _run(*step)
        assert done.returncode == 0, done.stderr + done.stdout
    return programs


@pytest.mark.parametrize("pattern", _DATA)
def test_files_that_are_read_at_run_time_are_inside(wheel: zipfile.ZipFile, pattern: str) -> None:
    """Those that are not committed too."""
    expected = {
        path.relative_to(_ROOT).as_posix() for path in _ROOT.glob(pattern) if path.is_file()
    }
    assert expected
    assert expected <= set(wheel.namelist())


@pytest.mark.parametrize("folder", _SHARED)
def test_what_an_installation_copies_is_inside(wheel: zipfile.ZipFile, folder: str) -> None:
    """Units, the broker's configuration, the guides, the lock, the command with settings."""
    data = next(name.split("/")[0] for name in wheel.namelist() if ".data/" in name)
    expected = {
        f"{data}/data/share/jieru/{_SHARED[folder]}/{path.relative_to(_ROOT / folder).as_posix()}"
        for path in (_ROOT / folder).rglob("*")
        if path.is_file()
    }
    single = ("jieru.sh", "requirements-production.lock")
    expected.update(f"{data}/data/share/jieru/{name}" for name in single)
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
    assert "jieru = command:main" in wheel.read(entry_points).decode()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_nothing_is_built_without_the_libraries_of_the_pages(clone: Path, kind: str) -> None:
    """One sentence that says what to run, and no file."""
    done = _build(clone, into=clone / "built", kind=kind)
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing was built, ")
    assert "htmx.min.js" in done.stderr
    assert done.stderr.endswith("run `make wheel`, which fetches them first.\n")
    assert not list((clone / "built").glob("*"))


def test_a_licence_that_is_missing_stops_the_build_too(clone: Path) -> None:
    """What is shipped is shipped with its licence."""
    shutil.copytree(_ROOT / "api/static/vendor", clone / "api/static/vendor")
    (clone / "api/static/vendor/tslib.LICENSE").unlink()
    done = _build(clone, into=clone / "built")
    assert done.returncode == 1
    assert "(tslib.LICENSE)" in done.stderr


def test_a_wheel_comes_out_of_a_source_archive_as_out_of_a_clone(
    clone: Path, wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """The archive carries the libraries, and what checks that they are there."""
    shutil.copytree(_ROOT / "api/static/vendor", clone / "api/static/vendor")
    done = _build(clone, into=tmp_path / "built", kind="sdist")
    assert done.returncode == 0, done.stderr
    (archive,) = (tmp_path / "built").glob("*.tar.gz")
    (tmp_path / "unpacked").mkdir()
    unpacked = _run("tar", "--extract", f"--file={archive}", f"--directory={tmp_path / 'unpacked'}")
    assert unpacked.returncode == 0, unpacked.stderr
    (source,) = (tmp_path / "unpacked").iterdir()
    done = _build(source, into=tmp_path / "built")
    assert done.returncode == 0, done.stderr
    (built,) = (tmp_path / "built").glob("*.whl")
    assert zipfile.ZipFile(built).namelist() == wheel.namelist()


def test_an_editable_installation_comes_before_the_libraries(clone: Path) -> None:
    """So set-up may install first and fetch then."""
    done = _build(clone, into=clone / "built", kind="wheel:editable")
    assert done.returncode == 0, done.stderr
    assert len(list((clone / "built").glob("*.whl"))) == 1


def test_what_only_the_demonstration_needs_is_in_a_lock_of_its_own() -> None:
    """Its own packages and no other: together with the lock of production it is complete."""
    demo = (_ROOT / "requirements-demo.lock").read_text(encoding="utf-8")
    pinned = set(_PINNED.findall(demo))
    assert {each.partition("==")[0] for each in pinned} >= set(_packages_of_demo())
    assert pinned <= set(_PINNED.findall((_ROOT / "requirements.lock").read_text(encoding="utf-8")))
    assert pinned.isdisjoint(_PINNED.findall(PRODUCTION_LOCK.read_text(encoding="utf-8")))
    assert "://" not in demo


def test_the_lock_of_production_says_of_each_package_what_the_other_lock_says() -> None:
    """Same versions, same hashes: what is tested is what is installed; and nothing of tests."""
    production = PRODUCTION_LOCK.read_text(encoding="utf-8")
    everything = (_ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(_PINNED.findall(production))
    assert {"pytest", "ruff", "urllib3-future"}.isdisjoint(
        each.partition("==")[0] for each in pinned
    )
    assert len(pinned) > 30
    assert pinned <= set(_PINNED.findall(everything))
    hashes = re.compile(r"--hash=sha256:\w{64}")
    assert set(hashes.findall(production)) <= set(hashes.findall(everything))
    assert "://" not in production


def test_an_installation_says_its_version(installed: Path, wheel_path: Path) -> None:
    """That of the wheel."""
    version = wheel_path.name.split("-")[1]
    assert _run(installed / "jieru", "--version").stdout == f"jieru {version}\n"


def test_an_installation_leaves_urllib3_alone(installed: Path) -> None:
    """What others in the environment import is the real one, nothing runs at Python's start."""
    listed = _run(*_pip_for(installed), "list", "--format=freeze").stdout
    assert re.search(r"^urllib3==", listed, re.MULTILINE)
    assert "urllib3" not in re.sub(r"^urllib3==.*", "", listed, flags=re.MULTILINE)
    checked = _run(
        installed / "python",
        "-c",
        "from importlib.metadata import files, version; import urllib3\n"
        "assert urllib3.__version__ == version('urllib3')\n"
        "assert any(f.locate().samefile(urllib3.__file__) for f in files('urllib3'))",
    )
    assert checked.returncode == 0, checked.stderr


def test_an_installation_has_no_package_of_the_demonstration(installed: Path) -> None:
    """Neither those that the extra names nor what only these bring."""
    listed = _run(*_pip_for(installed), "list", "--format=freeze").stdout.splitlines()
    names = {line.partition("==")[0].lower() for line in listed}
    demo = (_ROOT / "requirements-demo.lock").read_text(encoding="utf-8")
    brought = {each.partition("==")[0] for each in _PINNED.findall(demo)}
    assert names
    assert names.isdisjoint(brought | set(_packages_of_demo()))


def test_an_installation_lists_and_explains_every_command(installed: Path) -> None:
    """Also those that need more than is there: somebody may want to know what they would do."""
    listed = _run(installed / "jieru", "--help")
    assert (listed.returncode, listed.stderr) == (0, "")
    for name in _MODULES:
        assert re.search(rf"^  {name} ", listed.stdout, re.MULTILINE), name
    for words in (("demo",), ("simulate",), ("simulate", "load"), ("simulate", "play")):
        explained = _run(installed / "jieru", *words, "--help")
        assert (explained.returncode, explained.stderr) == (0, "")
        assert explained.stdout.startswith(f"Usage: jieru {' '.join(words)} ")


@pytest.mark.parametrize("words", [("demo", "--once"), ("simulate", "small-city")])
def test_an_installation_says_how_to_install_the_demonstration(
    installed: Path, words: tuple[str, ...]
) -> None:
    """One sentence with the packages that are missing, and nothing is begun."""
    done = _run(installed / "jieru", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: `jieru {words[0]}")
    assert all(package in done.stderr for package in _packages_of_demo())
    assert done.stderr.endswith("run `pip install 'jieru[demo]'`.\n")
    assert len(done.stderr.splitlines()) == 1


def test_an_installation_writes_a_scenarios_registry_and_sends_load(
    installed: Path, tmp_path: Path, mosquitto: MosquittoBroker
) -> None:
    """Neither needs the demonstration's packages: the load generator has a publisher of its own."""
    written = _run(installed / "jieru", "simulate", "small-city", "--write-registry", tmp_path)
    assert (written.returncode, written.stderr) == (0, "")
    assert (tmp_path / "devices.csv").is_file()
    sent = _run(
        *(installed / "jieru", "simulate", "load", "--platform", "xielian", "--count", "3"),
        *("--messages", "30", "--json"),
        mqtt_url=mosquitto.add_user("xielian"),
    )
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["sent"] == 30


def test_an_installation_exports_dashboards_and_says_what_pushing_needs(
    installed: Path, tmp_path: Path
) -> None:
    """grafana-client, which would replace urllib3, is there only where it was asked for."""
    exported = _run(
        installed / "jieru",
        *("dashboards", "export", tmp_path),
        database_url="postgresql://jieru@127.0.0.1/jieru",
    )
    assert exported.returncode == 0, exported.stderr
    assert list(tmp_path.glob("dashboards/*.json"))
    pushed = _run(
        installed / "jieru",
        *("dashboards", "push", "http://127.0.0.1:1"),
        grafana_token="token",  # noqa: S106 - opens nothing
    )
    assert pushed.returncode == 1
    assert pushed.stderr.startswith("Error: Pushing needs the package grafana-client")
    assert len(pushed.stderr.splitlines()) == 1


def test_an_installation_serves_the_libraries_of_the_pages(
    installed: Path, wheel: zipfile.ZipFile, embedded_database_url: str
) -> None:
    """Byte for byte those of the wheel."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [installed / "jieru", "serve", "--port", str(port)],
        env=clean_environment(database_url=embedded_database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            deadline = time.monotonic() + _START_S
            while _read(f"{address}/healthz") is None:
                assert server.poll() is None, server.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            for name in ("htmx.min.js", "echarts.min.js"):
                inside = wheel.read(f"api/static/vendor/{name}")
                assert _read(f"{address}/static/vendor/{name}") == inside
        finally:
            server.kill()


def _read(address: str) -> bytes | None:
    """What is there; None where nobody answers yet."""
    try:
        with urlopen(address, timeout=5) as answer:  # noqa: S310 - our own server
            content: bytes = answer.read()
    except URLError:
        return None
    return content
