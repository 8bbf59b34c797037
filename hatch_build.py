"""Builds nothing without the libraries of the pages, which are fetched and not committed."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_VENDOR = "api/static/vendor"
_FETCHED = (
    "htmx.min.js",
    "htmx.LICENSE",
    "echarts.min.js",
    "echarts.LICENSE",
    "echarts.NOTICE",
    "zrender.LICENSE",
    "tslib.LICENSE",
)
"""What setup.sh fetches. ECharts has zrender and tslib inside."""


class AssetsAreThere(BuildHookInterface):
    """Stops a build whose result could not show its pages, or would leave out a licence."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Look before anything is built; an editable installation comes before the assets."""
        del build_data
        folder = Path(self.root, _VENDOR)
        missing = [name for name in _FETCHED if not (folder / name).is_file()]
        if missing and version != "editable":
            sys.exit(
                f"Nothing was built, for the libraries of the pages are not in {_VENDOR} "
                f"({', '.join(missing)}): run `make wheel`, which fetches them first."
            )
