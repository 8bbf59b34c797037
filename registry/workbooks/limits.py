"""How much a workbook may take, in bytes, cells and seconds. Pure."""

from dataclasses import asdict, dataclass
from typing import Final

__all__ = ["WORKBOOK_LIMITS", "WorkbookLimits"]

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WorkbookLimits:
    """What the process that reads a workbook is held to."""

    memory_bytes: int = 768 * _MIB
    """Of address space: several times what 300,000 devices need (docs/import.md)."""
    cpu_s: int = 60
    wall_s: float = 180.0
    """Longer than `cpu_s`, for a busy machine."""
    content_bytes: int = 100 * _MIB
    unpacked_bytes: int = 256 * _MIB
    """Of all parts of the archive together."""
    parts: int = 10_000
    cells: int = 5_000_000
    """Up to the last cell that holds anything: the parser's table is dense."""
    text_bytes: int = 64 * _MIB
    """Of what comes out: one long text may stand in every cell."""

    def as_json(self) -> dict[str, float]:
        """The arguments that make the same limits again."""
        return asdict(self)


WORKBOOK_LIMITS: Final = WorkbookLimits()
