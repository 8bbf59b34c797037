"""The five kinds of import file: their columns, and the tables that their rows speak of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from jieru.registry.cells import (
    CellReader,
    one_of,
    read_date,
    read_industry_code,
    read_platform_code,
    read_serial,
    read_uscc,
    text_reader,
)

__all__ = ["KINDS", "Column", "Kind", "KindName", "Period", "Reference", "Relation"]

KindName = Literal["platforms", "recognitions", "enterprises", "connections", "devices"]


class Reference(StrEnum):
    """What a value may have to name."""

    PLATFORM = "platform"
    ENTERPRISE = "enterprise"
    DISTRICT = "district"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file."""

    name: str
    chinese: str
    """The name that the header may carry instead."""
    read: CellReader
    is_required: bool = True
    names: Reference | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Two columns that bound a time: `start` inclusive, `end` exclusive and empty while open."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Relation:
    """What a row says of one table; the columns are named as in the file."""

    name: str
    key: tuple[str, ...]
    """The columns that name a record; a row without one of them says nothing of this table."""
    others: tuple[str, ...]
    period: Period | None = None
    """Records that agree in all of the key but the period's start may not overlap."""
    fixed: str | None = None
    """The column that can never change, because evidence hangs on it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file."""

    name: KindName
    columns: tuple[Column, ...]
    relations: tuple[Relation, ...]
    key: tuple[str, ...]
    """The columns in which no two rows may agree."""
    period: Period | None = None
    together: tuple[str, str] | None = None
    """Two columns of which a row has both or neither."""


_NAME = text_reader(200)
_SHORT_TEXT = text_reader(100)


def _platform() -> Column:
    return Column("platform", "平台", read_platform_code, names=Reference.PLATFORM)


def _uscc(*, is_required: bool = True) -> Column:
    return Column(
        "uscc",
        "统一社会信用代码",
        read_uscc,
        is_required=is_required,
        names=Reference.ENTERPRISE,
    )


_RECOGNISED = Period("recognised_on", "revoked_on")
_CONNECTED = Period("from_date", "to_date")
_ASSIGNED = Period("assigned_from", "assigned_to")

_PLATFORMS = Kind(
    name="platforms",
    columns=(
        Column("code", "平台代码", read_platform_code),
        Column("name", "平台名称", _NAME),
        Column("operator_uscc", "运营单位统一社会信用代码", read_uscc, is_required=False),
    ),
    relations=(Relation("platforms", ("code",), ("name", "operator_uscc")),),
    key=("code",),
)
_RECOGNITIONS = Kind(
    name="recognitions",
    columns=(
        _platform(),
        Column("level", "级别", one_of(("municipal", "provincial", "national"))),
        Column("recognised_on", "认定日期", read_date),
        Column("revoked_on", "撤销日期", read_date, is_required=False),
    ),
    relations=(
        Relation(
            "recognitions", ("platform", "level", "recognised_on"), ("revoked_on",), _RECOGNISED
        ),
    ),
    key=("platform", "level", "recognised_on"),
    period=_RECOGNISED,
)
_ENTERPRISES = Kind(
    name="enterprises",
    columns=(
        Column("uscc", "统一社会信用代码", read_uscc),
        Column("name", "企业名称", _NAME),
        Column("district", "县区", _SHORT_TEXT, names=Reference.DISTRICT),
        Column("industry_code", "行业代码", read_industry_code, is_required=False),
    ),
    relations=(Relation("enterprises", ("uscc",), ("name", "district", "industry_code")),),
    key=("uscc",),
)
_CONNECTIONS = Kind(
    name="connections",
    columns=(
        _platform(),
        _uscc(),
        Column("contract_no", "合同编号", _SHORT_TEXT, is_required=False),
        Column("signed_on", "签订日期", read_date, is_required=False),
        Column("from_date", "起始日期", read_date),
        Column("to_date", "终止日期", read_date, is_required=False),
    ),
    relations=(
        Relation(
            "connections",
            ("platform", "uscc", "from_date"),
            ("contract_no", "signed_on", "to_date"),
            _CONNECTED,
        ),
    ),
    key=("platform", "uscc", "from_date"),
    period=_CONNECTED,
)
_DEVICES = Kind(
    name="devices",
    columns=(
        _platform(),
        Column("serial", "设备序列号", read_serial),
        _uscc(is_required=False),
        Column("kind", "设备类型", _SHORT_TEXT, is_required=False),
        Column("name", "设备名称", _NAME, is_required=False),
        Column("assigned_from", "归属起始日期", read_date, is_required=False),
        Column("assigned_to", "归属终止日期", read_date, is_required=False),
    ),
    relations=(
        Relation("devices", ("platform", "serial"), ("kind", "name")),
        Relation(
            "assignments",
            ("platform", "serial", "assigned_from"),
            ("uscc", "assigned_to"),
            _ASSIGNED,
            fixed="uscc",
        ),
    ),
    key=("platform", "serial", "assigned_from"),
    period=_ASSIGNED,
    together=("uscc", "assigned_from"),
)

KINDS: Final[dict[KindName, Kind]] = {
    kind.name: kind for kind in (_PLATFORMS, _RECOGNITIONS, _ENTERPRISES, _CONNECTIONS, _DEVICES)
}
