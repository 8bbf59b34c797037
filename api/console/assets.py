"""Static files, each under an address that changes with its content.

So a browser may keep what it has for a year, and never shows an old script with a new page.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from jieru.errors import UserError

__all__ = ["Assets"]

_FOLDER: Final = Path(__file__).parent.parent / "static"
_FETCHED_AT_SETUP: Final = ("vendor/echarts.min.js", "vendor/htmx.min.js")
_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_VERSION_LENGTH: Final = 12


class Assets(StaticFiles):
    """Serves the static folder and knows the versioned address of each file in it."""

    def __init__(self, prefix: str, folder: Path = _FOLDER) -> None:
        """Read every file once for its version.

        Args:
            prefix: path under which the files are mounted, for instance `/static`.
            folder: where they are.

        Raises:
            UserError: set-up has not fetched the libraries of the pages.
        """
        missing = [name for name in _FETCHED_AT_SETUP if not (folder / name).is_file()]
        if missing:
            raise UserError(
                "Files that the pages load are missing ({missing}): run `make setup` first.",
                missing=", ".join(missing),
            )
        super().__init__(directory=folder)
        self._prefix = prefix
        self._versions = {
            path.relative_to(folder).as_posix(): _version(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def address(self, name: str) -> str:
        """The path and query of a file, for instance `/static/jieru.css?v=0a1b2c3d4e5f`."""
        return f"{self._prefix}/{name}?v={self._versions[name]}"

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """The file, to be kept for a year when it was asked for by its present version."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        asked = QueryParams(scope.get("query_string", b"")).get("v")
        is_present = asked is not None and asked == self._versions.get(self.get_path(scope))
        response.headers["Cache-Control"] = _FOR_A_YEAR if is_present else _ASK_AGAIN
        return response


def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_VERSION_LENGTH]
