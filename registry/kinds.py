"""The five kinds of import file: their columns, and the tables that their rows speak of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from jieru.i18n import marked as _
from registry.cells import (
    CellReader,
    one_of,
    read_date,
    read_industry_code,
    read_interval,
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
    explanation: str
    """What belongs into it, for the template; untranslated."""
    read: CellReader
    is_required: bool = True
    is_in_every_header: bool = True
    """False: a file may lack the column, which is as good as leaving it empty."""
    is_for_simulations: bool = False
    """Whether a real database refuses what it says; no template and no export has it."""
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
    kept_if_empty: tuple[str, ...] = ()
    """Of the other columns, those that say nothing while empty: what is registered stays."""
    told: tuple[str, ...] = ()
    """Further columns, which are written with a new record and never compared or changed."""


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
    may_ask: bool = False
    """Whether an operator's row may name another platform's enterprise, which it then asks for."""

    @property
    def everyday_columns(self) -> tuple[Column, ...]:
        """Those that templates and exports have."""
        return tuple(column for column in self.columns if not column.is_for_simulations)


_NAME = text_reader(200)
_SHORT_TEXT = text_reader(100)


_USCC_FORM: Final = _("The unified social credit code: 18 characters, in capital letters.")
_DATE_FORM: Final = _("A date such as 2026-03-02.")
_END_FORM: Final = _(
    "A date such as 2026-03-02: the first day that no longer counts. Empty while it is open."
)


def _platform() -> Column:
    return Column(
        "platform",
        "平台",
        _("The code of a registered platform."),
        read_platform_code,
        names=Reference.PLATFORM,
    )


def _recorded_on() -> Column:
    return Column(
        "recorded_on",
        "登记日期",
        _("In a simulation only: the day of registration, if it is not the first day."),
        read_date,
        is_required=False,
        is_in_every_header=False,
        is_for_simulations=True,
    )


_RECOGNISED = Period("recognised_on", "revoked_on")
_CONNECTED = Period("from_date", "to_date")
_ASSIGNED = Period("assigned_from", "assigned_to")

_PLATFORMS = Kind(
    name="platforms",
    columns=(
        Column(
            "code",
            "平台代码",
            _("2 to 32 lower-case letters, digits and hyphens; part of every topic."),
            read_platform_code,
        ),
        Column("name", "平台名称", _("At most 200 characters."), _NAME),
        Column(
            "operator_uscc", "运营单位统一社会信用代码", _USCC_FORM, read_uscc, is_required=False
        ),
    ),
    relations=(Relation("platforms", ("code",), ("name", "operator_uscc")),),
    key=("code",),
)
_RECOGNITIONS = Kind(
    name="recognitions",
    columns=(
        _platform(),
        Column(
            "level",
            "级别",
            _("municipal, provincial or national."),
            one_of(("municipal", "provincial", "national")),
        ),
        Column("recognised_on", "认定日期", _DATE_FORM, read_date),
        Column("revoked_on", "撤销日期", _END_FORM, read_date, is_required=False),
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
        Column("uscc", "统一社会信用代码", _USCC_FORM, read_uscc),
        Column("name", "企业名称", _("At most 200 characters."), _NAME),
        Column(
            "district",
            "县区",
            _("The short name of a district of the policy, or other."),
            _SHORT_TEXT,
            names=Reference.DISTRICT,
        ),
        Column(
            "industry_code",
            "行业代码",
            _("GB/T 4754: the section's letter and up to four digits, such as C3311."),
            read_industry_code,
            is_required=False,
        ),
    ),
    relations=(Relation("enterprises", ("uscc",), ("name", "district", "industry_code")),),
    key=("uscc",),
)
_CONNECTIONS = Kind(
    name="connections",
    columns=(
        _platform(),
        Column(
            "uscc",
            "统一社会信用代码",
            _("The unified social credit code of a registered enterprise."),
            read_uscc,
            names=Reference.ENTERPRISE,
        ),
        Column(
            "contract_no",
            "合同编号",
            _("At most 100 characters."),
            _SHORT_TEXT,
            is_required=False,
        ),
        Column("signed_on", "签订日期", _DATE_FORM, read_date, is_required=False),
        Column("from_date", "起始日期", _DATE_FORM, read_date),
        Column("to_date", "终止日期", _END_FORM, read_date, is_required=False),
        _recorded_on(),
    ),
    relations=(
        Relation(
            "connections",
            ("platform", "uscc", "from_date"),
            ("contract_no", "signed_on", "to_date"),
            _CONNECTED,
            told=("recorded_on",),
        ),
    ),
    key=("platform", "uscc", "from_date"),
    period=_CONNECTED,
    may_ask=True,
)
_DEVICES = Kind(
    name="devices",
    columns=(
        _platform(),
        Column(
            "serial",
            "设备序列号",
            _("1 to 64 letters, digits, dots, underscores and hyphens; part of the topic."),
            read_serial,
        ),
        Column(
            "uscc",
            "统一社会信用代码",
            _("The registered enterprise that owns the device; empty while not yet assigned."),
            read_uscc,
            is_required=False,
            names=Reference.ENTERPRISE,
        ),
        Column("kind", "设备类型", _("At most 100 characters."), _SHORT_TEXT, is_required=False),
        Column("name", "设备名称", _("At most 200 characters."), _NAME, is_required=False),
        Column(
            "assigned_from",
            "归属起始日期",
            _("The first day on which the device stands for the enterprise, such as 2026-03-02."),
            read_date,
            is_required=False,
        ),
        Column("assigned_to", "归属终止日期", _END_FORM, read_date, is_required=False),
        Column(
            "expected_interval_s",
            "预期心跳间隔秒",
            _(
                "Seconds between two heartbeats, by which the device's status is told. Empty: as "
                "it is, or 300 for a new device. The column may be left out."
            ),
            read_interval,
            is_required=False,
            is_in_every_header=False,
        ),
        _recorded_on(),
    ),
    relations=(
        Relation(
            "devices",
            ("platform", "serial"),
            ("kind", "name", "expected_interval_s"),
            kept_if_empty=("expected_interval_s",),
        ),
        Relation(
            "assignments",
            ("platform", "serial", "assigned_from"),
            ("uscc", "assigned_to"),
            _ASSIGNED,
            fixed="uscc",
            told=("recorded_on",),
        ),
    ),
    key=("platform", "serial", "assigned_from"),
    period=_ASSIGNED,
    together=("uscc", "assigned_from"),
)

KINDS: Final[dict[KindName, Kind]] = {
    kind.name: kind for kind in (_PLATFORMS, _RECOGNITIONS, _ENTERPRISES, _CONNECTIONS, _DEVICES)
}
