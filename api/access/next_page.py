"""Where to go on after signing in. Pure."""

from typing import Final

__all__ = ["local_page"]

_FIRST_PAGE: Final = "/"
_LONGEST: Final = 2_000


def local_page(address: str) -> str:
    r"""An address of this console as it is; the first page for everything else.

    Browsers read `//host` and `/\host` as another machine, and skip over tabs and line ends.
    """
    is_local = (
        address.startswith("/")
        and not address.startswith("//")
        and "\\" not in address
        and address.isprintable()
        and len(address) <= _LONGEST
    )
    return address if is_local else _FIRST_PAGE
