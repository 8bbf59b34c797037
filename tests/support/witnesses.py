"""A witness at work: its own folder, its own process."""

import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.command import clean_environment, jieru, jieru_path

__all__ = ["RunningWitness", "running_witness"]


@dataclass(frozen=True, slots=True)
class RunningWitness:
    """Where it listens, and what an installation needs to know of it."""

    url: str
    folder: Path
    keys_file: Path


@contextmanager
def running_witness(tmp_path: Path, *, submitter: bytes) -> Iterator[RunningWitness]:
    """`jieru witness init` and `jieru witness serve`, without any setting."""
    folder = tmp_path / "witness"
    key = base64.b64encode(submitter).decode()
    made = jieru("witness", "init", str(folder), "--submitter", key, "--name", "莆田市")
    assert made.returncode == 0, made.stderr
    keys_file = tmp_path / "witness-keys.toml"
    keys_file.write_text(
        f'[[keys]]\nname = "finance"\nkey = "{made.stdout.split()[-1]}"\nvalid_from = 2020-01-01\n',
        encoding="utf-8",
    )
    with subprocess.Popen(
        [jieru_path(), "witness", "serve", str(folder), "--port", "0"],
        env=clean_environment(language="en") | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = next(word for word in line.split() if word.startswith("http://"))
            yield RunningWitness(url, folder, keys_file)
        finally:
            process.terminate()
            assert process.wait(30) == 0
