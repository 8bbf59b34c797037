"""Which program made a count: the release, and a digest of the code that decides."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import verifier

__all__ = ["DECIDING_MODULES", "code_version", "version_of_modules"]

DECIDING_MODULES: Final = (
    "jieru.calendar",
    "jieru.presence",
    "verifier.counting.active_calendar",
    "verifier.counting.activity",
    "verifier.counting.award",
    "verifier.counting.count",
    "verifier.counting.decisions",
    "verifier.counting.determination",
    "verifier.counting.eligibility",
    "verifier.counting.evaluation",
    "verifier.counting.evidence",
    "verifier.counting.measures",
    "verifier.counting.measuring",
    "verifier.counting.progress",
    "verifier.counting.reading",
    "verifier.counting.registry",
    "verifier.counting.run",
    "verifier.counting.windows",
    "verifier.policy",
    "verifier.policy.checked_yaml",
    "verifier.policy.load",
    "verifier.policy.model",
    "verifier.procedure.canonical",
    "verifier.procedure.closings",
    "verifier.procedure.computing",
    "verifier.procedure.document",
    "verifier.procedure.grounds",
    "verifier.procedure.presence_digest",
    "verifier.procedure.recovery",
)
"""All that can change an outcome, a recovery or a byte of the document that is signed.

A test compares them with what `computing` and `recovery` import. The policy is not among them: the
document holds its text.
"""

_ROOT: Final = Path(verifier.__file__).parent.parent
_SHOWN: Final = 12
"""Hexadecimal digits that tell any two states of the code apart."""


@cache
def code_version(root: Path = _ROOT) -> str:
    """For instance `0.1.0+3f2a9c0d11e4`: two programs of one such name count alike.

    Args:
        root: the folder of the packages, a clone or an installation; the name does not tell which.
    """
    return version_of_modules(DECIDING_MODULES, root)


def version_of_modules(modules: Iterable[str], root: Path = _ROOT) -> str:
    """The release, and a digest of some of its modules.

    Args:
        modules: in their order.
        root: see `code_version`.
    """
    digest = hashlib.sha256()
    for module in modules:
        path = _file(root, module)
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{version('jieru')}+{digest.hexdigest()[:_SHOWN]}"


def _file(root: Path, module: str) -> Path:
    place = root.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
