"""One enterprise on one platform: its outcome, and every hour and day of evidence behind it."""

from typing import Final

from dashboards.counts import (
    ENTERPRISE_UID,
    OVERVIEW_UID,
    PLATFORM_UID,
    THE_COUNT,
    signature,
    which_platform,
    which_stage,
    which_year,
)
from dashboards.fields import Column, Shown, steps
from dashboards.headings import (
    CLAUSE,
    CONTRACT,
    DECIDED_BY,
    DECISION,
    ENTERPRISE,
    FROM,
    KIND,
    LAST_DAY_OF_WINDOW,
    LAST_HEARD,
    NAME,
    NO_COUNT,
    OUTCOME,
    OVERVIEW,
    PLATFORM,
    REASON,
    SERIAL,
    SINCE,
    STATE,
    UNTIL,
    VALIDITY,
    WITHDRAWN_REASON,
)
from dashboards.layout import Dashboard, DashboardLink, Period, Row
from dashboards.panels import FULL, HALF, HeatMap, Stat, StateTimeline, Table, TimeSeries
from dashboards.queries import (
    FIRST_DAY,
    LAST_DAY,
    THE_ENTERPRISE,
    THE_PLATFORM,
    THE_YEAR,
    TODAY,
)
from dashboards.variables import Variable
from dashboards.words import (
    BASIS_LABELS,
    BLUE,
    CRITERION_LABELS,
    DECISION_LABELS,
    DEVICE_DAY_LABELS,
    DEVICE_STATUS_LABELS,
    GREEN,
    GREY,
    MET_LABELS,
    OUTCOME_LABELS,
    RED,
    VALIDITY_LABELS,
    YES_LABELS,
)
from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = ["enterprise"]

_CASE: Final = f"platform = {THE_PLATFORM} AND uscc = {THE_ENTERPRISE}"
_DETERMINATION: Final = f"FROM audit.determinations WHERE {THE_COUNT} AND {_CASE}"
_DAYS: Final = f"{_CASE} AND count_year = {THE_YEAR} AND stage = ${{stage:sqlstring}}"
_DEVICES: Final = "serial = ANY (ARRAY[${device:sqlstring}]::text[])"
_IN_THE_SPAN: Final = (
    f"day_on BETWEEN {FIRST_DAY} AND {LAST_DAY}"
    f" AND month BETWEEN date_trunc('month', {FIRST_DAY}::timestamp)::date AND {LAST_DAY}"
)
"""The days of the span of time, and the months that hold them: those are what is read."""


def enterprise() -> Dashboard:
    """The dashboard."""
    return Dashboard(
        uid=ENTERPRISE_UID,
        title=Text("企业接入证据", "Enterprise evidence"),
        description=Text(
            "一家企业的认定结果，及其逐日、逐时的设备心跳证据。",
            "The evidence behind one enterprise.",
        ),
        rows=(
            signature(129),
            _result(),
            _evidence(),
            _registry(),
            _decisions(),
        ),
        variables=(
            which_year(),
            which_stage(),
            which_platform(),
            Variable(
                "enterprise",
                ENTERPRISE,
                Text(
                    "与所选平台有过接入关系的企业。",
                    "An enterprise that was connected to the platform.",
                ),
                f"""
                SELECT DISTINCT enterprise || '（' || uscc || '）' AS __text, uscc AS __value
                FROM audit.connections WHERE platform = {THE_PLATFORM} ORDER BY __text
                """,
            ),
            Variable(
                "device",
                spoken(_("Devices")),
                Text("曾归属该企业的设备，可多选。", "Devices that stood for the enterprise."),
                f"""
                SELECT DISTINCT serial AS __text, serial AS __value
                FROM audit.assignments WHERE {_CASE} ORDER BY serial
                """,
                is_multi=True,
            ),
        ),
        links=(
            DashboardLink(OVERVIEW, OVERVIEW_UID, ("year", "stage")),
            DashboardLink(PLATFORM, PLATFORM_UID, ("year", "stage", "platform")),
        ),
        period=Period("now-120d"),
    )


def _result() -> Row:
    return Row(
        120,
        OUTCOME,
        (
            Stat(
                1,
                OUTCOME,
                Text(
                    "该企业在本年度核定中的结果，与核定文件一致。",
                    "What the count says of this enterprise, as its document has it.",
                ),
                f"SELECT outcome {_DETERMINATION}",
                shown=Shown(words=OUTCOME_LABELS, no_value=Text("未列入", "not listed")),
            ),
            Stat(
                2,
                Text("接入日期（窗口首日）", "Connected on (first day of the window)"),
                Text(
                    "最早一个完整有效服务窗口的首日；无窗口则为空。",
                    "The first day of its earliest complete effective window.",
                ),
                f"SELECT connected_on::text AS connected_on {_DETERMINATION}",
            ),
            Stat(
                3,
                LAST_DAY_OF_WINDOW,
                Text(
                    "该窗口的末日（含）；待满期者为最早可能的满期日。",
                    "The last day of that window; of a pending one the earliest it could be.",
                ),
                f"""
                SELECT coalesce(window_last_on, pending_until_on)::text AS window_last_on
                {_DETERMINATION}
                """,
            ),
            Stat(
                4,
                spoken(_("Active days in the window")),
                Text(
                    "窗口内达到活跃标准的天数；所需天数见下方认定条件。",
                    "Active days inside the window; how many are required stands below.",
                ),
                f"SELECT window_active_days {_DETERMINATION}",
            ),
            Stat(
                5,
                Text("窗口内最长间断（天）", "Longest gap in the window (days)"),
                Text(
                    "窗口内最长一段连续不活跃的天数。",
                    "The longest run of days inside the window that were not active.",
                ),
                f"SELECT window_longest_gap_days {_DETERMINATION}",
            ),
            Stat(
                6,
                spoken(_("Evidence up to")),
                Text(
                    "本次核定所用证据的最后一日；其后的证据不影响结果。",
                    "The last day whose evidence the count used.",
                ),
                f"SELECT as_of_on::text AS as_of_on FROM audit.counts WHERE {THE_COUNT}",
                shown=Shown(no_value=NO_COUNT),
            ),
            Table(
                10,
                spoken(_("Criteria")),
                Text(
                    "逐项列明实测值、要求、依据条款，以及是否经裁定放宽。",
                    "Criterion by criterion: measured, required, clause, and whether it is waived.",
                ),
                f"""
                SELECT criterion,
                       CASE is_met WHEN true THEN 'met' WHEN false THEN 'failed'
                                   ELSE 'unmeasured' END AS is_met,
                       {_without_brackets("measured")} AS measured,
                       {_without_brackets("required")} AS required,
                       clause, basis, waiver_id
                FROM audit.determination_criteria WHERE {THE_COUNT} AND {_CASE} ORDER BY place
                """,
                shown=Shown(
                    unit="none",
                    columns=(
                        Column(
                            "criterion", spoken(_("Criterion")), words=CRITERION_LABELS, width=240
                        ),
                        Column(
                            "is_met",
                            spoken(_("Met")),
                            words=MET_LABELS,
                            cell="color-text",
                            width=110,
                        ),
                        Column("measured", spoken(_("Measured"))),
                        Column("required", spoken(_("Required"))),
                        Column("clause", CLAUSE, width=90),
                        Column("basis", spoken(_("Basis")), words=BASIS_LABELS, width=110),
                        Column("waiver_id", Text("放宽裁定号", "Waiver"), width=110),
                    ),
                ),
                size=(FULL, 11),
            ),
        ),
    )


def _without_brackets(measure: str) -> str:
    """SQL for a measure that may be JSON of several values: what is in it, with commas between."""
    return f"translate({measure}, '[]{{}}\"', '')"


def _evidence() -> Row:
    return Row(
        121,
        Text("逐日与逐时证据", "Evidence by day and hour"),
        (
            TimeSeries(
                20,
                Text("每日活跃设备（台）", "Active devices by day"),
                Text(
                    "每日达到时数的设备台数与要求台数对照；达到要求且接入关系有效的日子为活跃日。",
                    "Devices active on each day against how many are required for an active day.",
                ),
                f"""
                SELECT starts_at AS time, devices_active, devices_heard, active_devices_min
                FROM audit.enterprise_days
                WHERE {_DAYS} AND $__timeFilter(starts_at) ORDER BY starts_at
                """,
                shown=Shown(
                    columns=(
                        Column("devices_active", Text("活跃设备", "Active devices"), colour=GREEN),
                        Column("devices_heard", Text("有心跳的设备", "Devices heard"), colour=BLUE),
                        Column(
                            "active_devices_min",
                            Text("要求台数", "Devices required"),
                            colour=RED,
                            is_line=True,
                        ),
                    )
                ),
                style="bars",
                size=(FULL, 9),
            ),
            StateTimeline(
                21,
                Text("各设备逐日状态", "Each device by day"),
                Text(
                    "每台设备每日达到时数、时数不足、仅有迟到心跳、无心跳或未归属本企业。",
                    "Each device on each day: enough hours, too few, only late, none, or not its.",
                ),
                f"""
                SELECT day.day_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS time,
                       device.serial AS metric,
                       CASE WHEN NOT bool_or(assigned.serial IS NOT NULL) THEN 0
                            WHEN max(heard.hours_heard) >= max(rule.hours) THEN 4
                            WHEN max(heard.hours_heard) > 0 THEN 3
                            WHEN max(heard.hours_late) > 0 THEN 2
                            ELSE 1 END AS state
                FROM (SELECT DISTINCT serial FROM audit.assignments
                      WHERE {_CASE} AND {_DEVICES}) AS device
                CROSS JOIN (
                    SELECT first_day + n AS day_on
                    FROM (SELECT {FIRST_DAY} AS first_day, {LAST_DAY} AS last_day) AS span
                    CROSS JOIN generate_series(0, last_day - first_day) AS n
                ) AS day
                CROSS JOIN (
                    SELECT coalesce(
                        (SELECT required::integer FROM audit.determination_criteria
                         WHERE {THE_COUNT} AND {_CASE} AND criterion = 'active_hours_per_day_min'),
                        (SELECT active_hours_per_day_min FROM audit.count_rules WHERE {THE_COUNT})
                    ) AS hours
                ) AS rule
                LEFT JOIN (SELECT * FROM audit.assignments WHERE {_CASE}) AS assigned
                    ON assigned.serial = device.serial AND assigned.from_on <= day.day_on
                   AND (assigned.to_on IS NULL OR assigned.to_on > day.day_on)
                LEFT JOIN (SELECT serial, day_on, hours_heard, hours_late FROM audit.device_days
                           WHERE {_CASE} AND {_IN_THE_SPAN}) AS heard
                    ON heard.serial = device.serial AND heard.day_on = day.day_on
                WHERE day.day_on <= {TODAY}
                   OR EXISTS (SELECT FROM audit.installation WHERE is_simulation)
                GROUP BY day.day_on, device.serial
                ORDER BY day.day_on, device.serial
                """,
                shown=Shown(
                    unit="none",
                    thresholds=steps(GREY),
                    words=DEVICE_DAY_LABELS,
                ),
                size=(FULL, 12),
            ),
            HeatMap(
                22,
                Text("逐日各时段在线设备（台）", "Devices heard in each hour of each day"),
                Text(
                    "每日 0 至 23 时按时收到心跳的设备台数；停产、夜班与整齐划一的节律一望可知。",
                    "How many devices were heard in time in each hour of each day.",
                ),
                _hours_by_day(),
                size=(FULL, 13),
            ),
        ),
    )


def _hours_by_day() -> str:
    hours = ",\n       ".join(
        f'(count(*) FILTER (WHERE hour = {hour}))::integer AS "{hour:02}"' for hour in range(24)
    )
    return f"""
SELECT day_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS time,
       {hours}
FROM audit.device_hours
WHERE {_CASE} AND {_DEVICES} AND heard = 'in_time' AND {_IN_THE_SPAN}
GROUP BY day_on ORDER BY day_on
"""


def _registry() -> Row:
    return Row(
        122,
        Text("间断与归属", "Gaps and assignments"),
        (
            Table(
                30,
                Text("间断（连续不活跃的日子）", "Gaps (runs of days that were not active)"),
                Text(
                    "截至证据截止日的每段间断，以及是否落在有效服务窗口之内；窗口内的间断不得超过上限。",
                    "Every run of days that were not active, and whether it touches the window.",
                ),
                f"""
                SELECT gap.first_on::text AS first_on, gap.last_on::text AS last_on, gap.days,
                       CASE WHEN gap.first_on <= found.window_last_on
                             AND gap.last_on >= found.connected_on THEN 'yes' ELSE 'no' END
                           AS in_window,
                       rules.longest_gap_days_max
                FROM audit.enterprise_gaps AS gap
                LEFT JOIN (SELECT connected_on, window_last_on {_DETERMINATION}) AS found ON true
                LEFT JOIN (SELECT longest_gap_days_max FROM audit.count_rules
                           WHERE {THE_COUNT}) AS rules ON true
                WHERE {_DAYS}
                ORDER BY gap.first_on
                """,
                shown=Shown(
                    columns=(
                        Column("first_on", SINCE),
                        Column("last_on", Text("止日", "Last day")),
                        Column("days", Text("天数", "Days")),
                        Column(
                            "in_window", Text("涉及窗口", "Touches the window"), words=YES_LABELS
                        ),
                        Column(
                            "longest_gap_days_max",
                            Text("窗口内上限（天）", "Longest allowed (days)"),
                        ),
                    )
                ),
                size=(HALF, 9),
            ),
            Table(
                31,
                spoken(_("Assignments")),
                Text(
                    "曾归属该企业的设备、起止日期与现状；止日为空即仍在归属。",
                    "The devices that stood for the enterprise, from when until when, and now.",
                ),
                f"""
                SELECT a.serial, d.name, d.kind, a.from_on::text AS from_on, a.to_on::text AS to_on,
                       d.status, d.last_seen_at
                FROM audit.assignments AS a
                LEFT JOIN audit.devices AS d ON d.platform = a.platform AND d.serial = a.serial
                WHERE a.platform = {THE_PLATFORM} AND a.uscc = {THE_ENTERPRISE}
                ORDER BY a.serial, a.from_on
                """,
                shown=Shown(
                    columns=(
                        Column("serial", SERIAL),
                        Column("name", NAME),
                        Column("kind", KIND),
                        Column("from_on", FROM),
                        Column("to_on", UNTIL),
                        Column("status", STATE, words=DEVICE_STATUS_LABELS, cell="color-text"),
                        Column("last_seen_at", LAST_HEARD),
                    )
                ),
                size=(HALF, 9),
            ),
            Table(
                32,
                spoken(_("Connections")),
                Text(
                    "该企业与该平台的服务合同及起止日期；只有关系有效的日子才计入。",
                    "The contracts of the two; only days that one of them covers can count.",
                ),
                f"""
                SELECT contract_no, signed_on::text AS signed_on, from_on::text AS from_on,
                       to_on::text AS to_on
                FROM audit.connections WHERE {_CASE} ORDER BY from_on
                """,
                shown=Shown(
                    columns=(
                        Column("contract_no", CONTRACT),
                        Column("signed_on", spoken(_("Signed on"))),
                        Column("from_on", FROM),
                        Column("to_on", UNTIL),
                    )
                ),
                size=(FULL, 6),
            ),
        ),
    )


def _decisions() -> Row:
    return Row(
        123,
        DECISION,
        (
            Table(
                40,
                Text("对该企业的裁定", "Decisions on this enterprise"),
                Text(
                    "排除、暂缓与放宽的裁定，何人何时因何作出，是否已撤回。",
                    "Exclusions, holds and waivers: who decided, when, why, and whether they hold.",
                ),
                f"""
                SELECT id, kind, criterion, value, reason, decided_by, decided_at,
                       CASE WHEN waits THEN 'waiting' WHEN is_open THEN 'open'
                            ELSE 'withdrawn' END AS is_open,
                       withdrawn_by, withdrawn_reason
                FROM audit.decisions WHERE {_CASE} ORDER BY id
                """,
                shown=Shown(
                    unit="none",
                    columns=(
                        Column("id", spoken(_("No.")), width=70),
                        Column("kind", DECISION, words=DECISION_LABELS, cell="color-text"),
                        Column(
                            "criterion",
                            Text("放宽的条件", "Criterion waived"),
                            words=CRITERION_LABELS,
                        ),
                        Column("value", Text("放宽为", "Waived to")),
                        Column("reason", REASON),
                        Column("decided_by", DECIDED_BY),
                        Column("decided_at", spoken(_("Decided at"))),
                        Column("is_open", VALIDITY, words=VALIDITY_LABELS, cell="color-text"),
                        Column("withdrawn_by", spoken(_("Withdrawn by"))),
                        Column("withdrawn_reason", WITHDRAWN_REASON),
                    ),
                ),
                size=(FULL, 7),
            ),
            Table(
                41,
                Text("不再等待该企业满期的了结", "Closings of this enterprise"),
                Text(
                    "本年度核定不再等待该企业窗口满期的决定及理由。",
                    "Whether the year's count does not wait for its window, and why.",
                ),
                f"""
                SELECT reason, closed_by, closed_at,
                       CASE WHEN is_open THEN 'open' ELSE 'withdrawn' END AS is_open,
                       withdrawn_reason
                FROM audit.closings WHERE year = {THE_YEAR} AND {_CASE} ORDER BY closed_at, id
                """,
                shown=Shown(
                    columns=(
                        Column("reason", REASON),
                        Column("closed_by", spoken(_("Closed by"))),
                        Column("closed_at", spoken(_("Closed at"))),
                        Column("is_open", VALIDITY, words=VALIDITY_LABELS, cell="color-text"),
                        Column("withdrawn_reason", WITHDRAWN_REASON),
                    )
                ),
                size=(FULL, 6),
            ),
        ),
    )
