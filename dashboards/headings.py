"""Titles that several panels and columns have; what the catalogue says too is taken from it."""

from typing import Final

from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = [
    "AMOUNT",
    "AUDIT_CHAIN",
    "CLAUSE",
    "CONNECTED_ON",
    "CONTRACT",
    "COUNTED",
    "COUNTED_ENTERPRISES",
    "COUNT_NUMBER",
    "DECIDED_BY",
    "DECISION",
    "DEVICES",
    "DEVICES_ONLINE",
    "ENTERPRISE",
    "ENTERPRISES",
    "FROM",
    "HARD_SIGNALS",
    "INGESTER",
    "INTEGRITY",
    "KIND",
    "LAST_DAY_OF_WINDOW",
    "LAST_HEARD",
    "LATE_BY_DAY",
    "NAME",
    "NEVER",
    "NO_BUDGET",
    "NO_COUNT",
    "ONLINE_MEANS",
    "OPERATIONS",
    "OUTCOME",
    "OVERVIEW",
    "PENDING_ENTERPRISES",
    "PER_SECOND",
    "PLATFORM",
    "REASON",
    "RECORDED_ON",
    "RESULTS_OF_THE_COUNT",
    "RHYTHM",
    "SERIAL",
    "SIGNALS",
    "SINCE",
    "STATE",
    "TRUST",
    "UNTIL",
    "USCC",
    "VALIDITY",
    "WHEN",
    "WITHDRAWN_REASON",
]

AMOUNT: Final = Text("金额", "Amount")
AUDIT_CHAIN: Final = Text("操作日志链", "Chain of the audit log")
CLAUSE: Final = spoken(_("Clause"))
CONNECTED_ON: Final = spoken(_("Connected on"))
CONTRACT: Final = spoken(_("Contract"))
COUNTED: Final = Text("计入（家）", "Counted")
COUNTED_ENTERPRISES: Final = Text("计入企业（家）", "Counted enterprises")
COUNT_NUMBER: Final = spoken(_("Count"))
DECIDED_BY: Final = spoken(_("Decided by"))
DECISION: Final = spoken(_("Decision"))
DEVICES_ONLINE: Final = Text("当前在线设备（台）", "Devices online now")
ENTERPRISE: Final = spoken(_("Enterprise"))
ENTERPRISES: Final = Text("企业（家）", "Enterprises")
FROM: Final = spoken(_("From"))
INGESTER: Final = spoken(_("Ingester"))
INTEGRITY: Final = Text("数据可信度", "Integrity")
DEVICES: Final = Text("设备（台）", "Devices")
HARD_SIGNALS: Final = Text("强疑点（条）", "Hard signals")
SIGNALS: Final = Text("疑点（条）", "Signals")
TRUST: Final = Text("疑点与核查", "Signals and cases")
KIND: Final = spoken(_("Kind"))
LAST_DAY_OF_WINDOW: Final = spoken(_("Window's last day"))
LAST_HEARD: Final = spoken(_("Last heard"))
LATE_BY_DAY: Final = Text("每日迟到心跳占比", "Late share by day")
NAME: Final = spoken(_("Name"))
NEVER: Final = Text("从未", "never")
NO_BUDGET: Final = Text("未设预算", "no budget")
NO_COUNT: Final = Text("尚无核定", "no count yet")
ONLINE_MEANS: Final = Text(
    "此刻在线的设备数：静默不超过两个上报间隔。",
    "Devices online now: silent for no more than two intervals.",
)
OPERATIONS: Final = Text("运行状况", "Operations")
OUTCOME: Final = spoken(_("Outcome"))
OVERVIEW: Final = Text("总览", "Overview")
PENDING_ENTERPRISES: Final = Text("待满期企业（家）", "Pending enterprises")
PER_SECOND: Final = Text("条/秒", "per second")
PLATFORM: Final = spoken(_("Platform"))
REASON: Final = spoken(_("Reason"))
RESULTS_OF_THE_COUNT: Final = Text("核定结果", "Results of the count")
RHYTHM: Final = Text("节律", "Rhythm")
RECORDED_ON: Final = spoken(_("Recorded on"))
SERIAL: Final = spoken(_("Serial"))
SINCE: Final = Text("自", "Since")
STATE: Final = spoken(_("State"))
UNTIL: Final = spoken(_("Until (exclusive)"))
USCC: Final = spoken(_("Unified social credit code"))
VALIDITY: Final = Text("效力", "Validity")
WHEN: Final = spoken(_("When"))
WITHDRAWN_REASON: Final = spoken(_("Reason of the withdrawal"))
