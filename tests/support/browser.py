"""Chromium for the browser tests: the machine's own, or Debian's package installed now.

Playwright's downloads come from a host that many networks do not reach; Debian's package does not.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.debian_packages import ensure_debian_packages

__all__ = ["AXE_SCRIPT", "BROWSER_ARGUMENTS", "ensure_chromium"]

_PACKAGES: Final = ("chromium", "fonts-noto-cjk")

BROWSER_ARGUMENTS: Final = (
    # Chromium refuses its sandbox to root, and a test machine is often root.
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
    # Whatever the browser would ask the network for on its own account.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",
)
AXE_SCRIPT: Final = Path(__file__).parent.parent.parent / "node_modules/axe-core/axe.min.js"
"""Fetched at set-up, like the assets of the pages."""


def ensure_chromium() -> str:
    """The path of a Chromium that can show 汉字, installed now where it is missing.

    Raises:
        StartError: it is missing and cannot be installed; the message says what to run.
    """
    # Without fonts 汉字 are boxes, and a layout that fits boxes proves nothing.
    if shutil.which("chromium") is None or not _has_chinese_fonts():
        ensure_debian_packages(*_PACKAGES)
    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("chromium is installed but not on the PATH")
    return path


def _has_chinese_fonts() -> bool:
    if shutil.which("fc-list") is None:
        return False
    listing = subprocess.run(
        ["fc-list", ":lang=zh-cn", "family"], check=True, capture_output=True, text=True
    )
    return bool(listing.stdout.strip())
