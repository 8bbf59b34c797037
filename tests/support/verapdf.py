"""veraPDF, the reference validator of PDF/A, from Maven's central repository."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.support.debian_packages import ensure_debian_packages
from tests.support.processes import run

__all__ = ["fetch_verapdf", "verapdf"]

_PROJECT: Final = Path(__file__).parent / "verapdf.pom.xml"


def fetch_verapdf(folder: Path) -> Path:
    """Put veraPDF's jars into a folder; Maven keeps what it fetched for the next time.

    Raises:
        StartError: Maven cannot be had, or not the jars; the message says why.
    """
    ensure_debian_packages("maven")  # brings Java along
    run(
        [
            *("mvn", "--quiet", "--batch-mode", f"--file={_PROJECT}"),
            *("dependency:copy-dependencies", f"-DoutputDirectory={folder}"),
        ],
        environment=os.environ,  # a home, and perhaps a proxy
        timeout_s=600,
    )
    return folder


def verapdf(jars: Path, *files: Path) -> list[str]:
    """What veraPDF says of each file under PDF/A-2b: its verdict and the rules that are broken."""
    command = ["java", "-cp", f"{jars}/*", "org.verapdf.apps.GreenfieldCliWrapper"]
    options = ["--flavour", "2b", "--format", "text", "--verbose"]
    said = subprocess.run(
        [*command, *options, *map(str, files)], capture_output=True, text=True, check=False
    )
    return said.stdout.splitlines()
