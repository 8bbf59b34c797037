"""What an installation may lack: packages that come only with an extra, such as `jieru[demo]`.

Which they are stands in pyproject.toml alone; an installation carries that with its metadata.
"""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from jieru.errors import UserError

__all__ = ["missing_packages", "require_demo"]

_DISTRIBUTION: Final = "jieru"
_DEMO: Final = "demo"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA: Final = re.compile(r"""\bextra\s*==\s*['"]([^'"]+)['"]""")


def missing_packages(extra: str) -> list[str]:
    """The packages of an extra that are not installed here."""
    return [name for name in _packages(extra) if not _is_installed(name)]


def require_demo(purpose: str) -> None:
    """Check that what only the demonstration and the simulators need is installed here.

    Args:
        purpose: what the user asked for, as he would type it.

    Raises:
        UserError: it is not; the sentence says how to install it.
    """
    if missing := missing_packages(_DEMO):
        raise UserError(
            "`{purpose}` needs packages that are not installed here ({packages}): run "
            "`pip install 'jieru[demo]'`.",
            purpose=purpose,
            packages=", ".join(missing),
        )


def _packages(extra: str) -> list[str]:
    found = []
    for requirement in requires(_DISTRIBUTION) or ():
        package, _semicolon, marker = requirement.partition(";")
        name, named = _NAME.match(package), _EXTRA.search(marker)
        if name and named and named[1] == extra:
            found.append(name[0])
    return found


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
