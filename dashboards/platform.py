"""One platform: its enterprises and their outcomes, its award, its evidence as it comes in."""

from typing import Final

from dashboards.counts import (
    INTEGRITY_UID,
    OVERVIEW_UID,
    PLATFORM_UID,
    SPAN_OF_WINDOW,
    THE_COUNT,
    signature,
    to_enterprise,
    two_years,
    which_platform,
    which_stage,
    which_year,
)
from dashboards.fields import Column, Shown, steps
from dashboards.headings import (
    AMOUNT,
    CLAUSE,
    CONNECTED_ON,
    CONTRACT,
    COUNT_NUMBER,
    COUNTED_ENTERPRISES,
    DEVICES_ONLINE,
    ENTERPRISE,
    ENTERPRISES,
    INTEGRITY,
    KIND,
    LAST_DAY_OF_WINDOW,
    LAST_HEARD,
    LATE_BY_DAY,
    NAME,
    ONLINE_MEANS,
    OUTCOME,
    OVERVIEW,
    PENDING_ENTERPRISES,
    RESULTS_OF_THE_COUNT,
    SERIAL,
    STATE,
    USCC,
)
from dashboards.layout import Dashboard, DashboardLink, Period, Row
from dashboards.panels import FULL, HALF, BarChart, Stat, Table, TimeSeries, in_each_language
from dashboards.queries import THE_PLATFORM, THE_YEAR, TODAY
from dashboards.words import (
    BLUE,
    DEVICE_STATUS_LABELS,
    GREEN,
    LEVEL_LABELS,
    OUTCOME_LABELS,
    REASON_LABELS,
    RECOVERY_LABELS,
    RED,
    YELLOW,
    list_in_words,
)
from jieru.i18n import Language
from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = ["platform"]

_OF_THE_PLATFORM: Final = f"platform = {THE_PLATFORM}"
_RESULT: Final = f"FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORM}"


def platform() -> Dashboard:
    """The dashboard."""
    return Dashboard(
        uid=PLATFORM_UID,
        title=Text("平台接入情况", "Platform"),
        description=Text(
            "一个平台的企业认定结果、奖励与证据接收情况。",
            "One platform's enterprises, award, evidence.",
        ),
        rows=(
            signature(119),
            _result(),
            _enterprises(),
            two_years(112, _OF_THE_PLATFORM),
            _evidence(),
            _records(),
        ),
        variables=(
            which_year(),
            which_stage(),
            which_platform(),
        ),
        links=(
            DashboardLink(OVERVIEW, OVERVIEW_UID, ("year", "stage")),
            DashboardLink(INTEGRITY, INTEGRITY_UID, ("year", "stage", "platform")),
        ),
        period=Period("now-90d"),
    )


def _result() -> Row:
    return Row(
        110,
        RESULTS_OF_THE_COUNT,
        (
            Stat(
                1,
                Text("现有认定级别", "Level of recognition today"),
                Text(
                    "平台今日有效的最高认定级别；核定按接入日期（或年末）的级别判断。",
                    "The platform's highest level today; a count asks for that of another day.",
                ),
                f"""
                SELECT level FROM audit.recognitions
                WHERE {_OF_THE_PLATFORM}
                  AND recognised_on <= {TODAY}
                  AND (revoked_on IS NULL OR revoked_on > {TODAY})
                ORDER BY array_position(ARRAY['national', 'provincial', 'municipal'], level)
                LIMIT 1
                """,
                shown=Shown(words=LEVEL_LABELS, no_value=spoken(_("not recognised"))),
            ),
            Stat(
                2,
                COUNTED_ENTERPRISES,
                Text(
                    "本年度计入的企业数，与核定文件一致。",
                    "Enterprises counted, as the count's document has it.",
                ),
                f"SELECT counted {_RESULT}",
                shown=Shown(colour=GREEN),
            ),
            Stat(
                3,
                PENDING_ENTERPRISES,
                Text(
                    "窗口尚未满期、仍可能计入的企业数。",
                    "Enterprises whose window is not complete yet and could still count.",
                ),
                f"SELECT pending {_RESULT}",
                shown=Shown(thresholds=steps(GREEN, (1, YELLOW))),
            ),
            Stat(
                4,
                Text("列入企业（家）", "Listed enterprises"),
                Text(
                    "本年度列入核定的全部企业，含各种结果。",
                    "Enterprises listed in the count, whatever their outcome.",
                ),
                f"SELECT listed {_RESULT}",
            ),
            Stat(
                5,
                Text("应得奖励（元）", "Award (yuan)"),
                Text(
                    "各条款奖励之和，已按上限封顶。",
                    "What the platform earns under all clauses, after the cap.",
                ),
                f"SELECT award_yuan {_RESULT}",
                shown=Shown(colour=BLUE),
            ),
            Stat(
                6,
                DEVICES_ONLINE,
                ONLINE_MEANS,
                f"""
                SELECT coalesce(sum(devices), 0)::integer AS online
                FROM audit.device_statuses WHERE {_OF_THE_PLATFORM} AND status = 'online'
                """,
                shown=Shown(colour=GREEN),
            ),
        ),
    )


def _enterprises() -> Row:
    return Row(
        111,
        Text("企业认定结果", "Determinations"),
        (
            BarChart(
                10,
                Text("各结果企业数（家）", "Enterprises by outcome"),
                Text(
                    "列入核定的企业按结果分布；合计等于列入企业数。",
                    "Listed enterprises by outcome; together they are all that are listed.",
                ),
                f"""
                SELECT outcome, enterprises FROM audit.platform_outcomes
                WHERE {THE_COUNT} AND {_OF_THE_PLATFORM} AND enterprises > 0
                ORDER BY enterprises DESC, outcome
                """,
                category="outcome",
                shown=Shown(
                    colour=BLUE,
                    columns=(
                        Column("outcome", OUTCOME, words=OUTCOME_LABELS),
                        Column("enterprises", ENTERPRISES),
                    ),
                ),
                style="bars",
                size=(FULL, 8),
            ),
            Table(
                11,
                Text("企业明细", "Enterprises"),
                Text(
                    "每家列入企业的结果及其窗口；点击企业可查看设备心跳证据。",
                    "Each listed enterprise, its outcome and window; a click shows the evidence.",
                ),
                in_each_language(_enterprises_listed),
                shown=Shown(
                    columns=(
                        Column("enterprise", ENTERPRISE, link=to_enterprise(), width=240),
                        Column("uscc", USCC, link=to_enterprise(), width=190),
                        Column(
                            "outcome", OUTCOME, words=OUTCOME_LABELS, cell="color-text", width=150
                        ),
                        Column("connected_on", CONNECTED_ON, width=110),
                        Column("window_last_on", LAST_DAY_OF_WINDOW, width=110),
                        Column("window_active_days", spoken(_("Active days")), width=90),
                        Column(
                            "window_longest_gap_days", spoken(_("Longest gap, days")), width=120
                        ),
                        Column("pending_until_on", spoken(_("Pending until")), width=110),
                        Column("reasons", Text("不符合的条件", "Criteria not met")),
                        Column("contract_nos", CONTRACT),
                        Column("closing_reason", Text("不再等待的理由", "Reason of the closing")),
                        Column("platform", is_hidden=True),
                        Column("from_ms", is_hidden=True),
                        Column("to_ms", is_hidden=True),
                    )
                ),
                size=(FULL, 14),
                page_size=50,
            ),
            Table(
                12,
                Text("奖励明细（元）", "Award by clause (yuan)"),
                Text(
                    "各条款的数量、封顶前金额、上限与应得金额。",
                    "Clause by clause: how many, the amount before the cap, the cap, the award.",
                ),
                f"""
                SELECT clause, number, uncapped_yuan, cap_yuan, amount_yuan
                FROM audit.awards WHERE {THE_COUNT} AND {_OF_THE_PLATFORM} ORDER BY clause
                """,
                shown=Shown(
                    columns=(
                        Column("clause", CLAUSE),
                        Column("number", spoken(_("Number"))),
                        Column("uncapped_yuan", spoken(_("Without cap"))),
                        Column("cap_yuan", spoken(_("Cap"))),
                        Column("amount_yuan", spoken(_("Award"))),
                    )
                ),
                size=(FULL, 6),
            ),
        ),
    )


def _enterprises_listed(language: Language) -> str:
    reasons = list_in_words(REASON_LABELS, "reasons", language)
    return f"""
        SELECT enterprise, uscc, outcome, connected_on::text AS connected_on,
               window_last_on::text AS window_last_on, window_active_days,
               window_longest_gap_days, pending_until_on::text AS pending_until_on,
               {reasons} AS reasons, contract_nos, closing_reason,
               platform,
               {SPAN_OF_WINDOW}
        FROM audit.determinations
        WHERE {THE_COUNT} AND {_OF_THE_PLATFORM}
        ORDER BY connected_on NULLS LAST, uscc
    """


def _evidence() -> Row:
    return Row(
        113,
        Text("证据接收", "Evidence received"),
        (
            TimeSeries(
                30,
                Text("每日心跳（条）", "Heartbeats a day"),
                Text(
                    "按接收日（北京时间）统计的心跳条数；骤降说明平台整体失联。",
                    "Heartbeats by the day of receipt; a sudden drop is a platform out of reach.",
                ),
                f"""
                SELECT received_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS time,
                       sum(heartbeats)::bigint AS heartbeats
                FROM audit.ingest_hours
                WHERE $__timeFilter(starts_at) AND {_OF_THE_PLATFORM}
                GROUP BY received_on ORDER BY received_on
                """,
                shown=Shown(columns=(Column("heartbeats", spoken(_("Heartbeats")), colour=BLUE),)),
                style="bars",
                size=(HALF, 9),
            ),
            TimeSeries(
                31,
                LATE_BY_DAY,
                Text(
                    "迟到、不计入证据的心跳占当日心跳的比例。",
                    "The share of a day's heartbeats that came too late to count.",
                ),
                f"""
                SELECT received_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS time,
                       sum(late)::double precision / nullif(sum(heartbeats), 0) AS late_share
                FROM audit.ingest_hours
                WHERE $__timeFilter(starts_at) AND {_OF_THE_PLATFORM}
                GROUP BY received_on ORDER BY received_on
                """,
                shown=Shown(
                    unit="percentunit",
                    minimum=0,
                    thresholds=steps(GREEN, (0.05, YELLOW), (0.2, RED)),
                    columns=(Column("late_share", Text("迟到占比", "Late share")),),
                ),
                size=(HALF, 9),
            ),
            Table(
                32,
                Text("不在线的设备（至多 500 台）", "Devices not online (500 at most)"),
                Text(
                    "未终止而此刻不在线的设备，静默最久者在前。",
                    "Devices that are not ended and not online now, the longest silent first.",
                ),
                f"""
                SELECT serial, name, kind, enterprise, status, last_seen_at
                FROM audit.devices
                WHERE {_OF_THE_PLATFORM} AND status <> 'online'
                  AND (ended_on IS NULL OR ended_on > {TODAY})
                ORDER BY last_seen_at NULLS FIRST, serial LIMIT 500
                """,
                shown=Shown(
                    columns=(
                        Column("serial", SERIAL),
                        Column("name", NAME),
                        Column("kind", KIND),
                        Column("enterprise", Text("归属企业", "Assigned to")),
                        Column("status", STATE, words=DEVICE_STATUS_LABELS, cell="color-text"),
                        Column("last_seen_at", LAST_HEARD),
                    )
                ),
                page_size=25,
            ),
        ),
    )


def _records() -> Row:
    return Row(
        114,
        Text("认定与资金", "Recognitions and money"),
        (
            Table(
                40,
                Text("平台认定记录", "Recognitions"),
                Text(
                    "平台各级认定的起止日期，核定据此判断平台资格。",
                    "From when until when the platform was recognised, and at which level.",
                ),
                f"""
                SELECT level, recognised_on::text AS recognised_on, revoked_on::text AS revoked_on
                FROM audit.recognitions WHERE {_OF_THE_PLATFORM} ORDER BY recognised_on, level
                """,
                shown=Shown(
                    columns=(
                        Column("level", spoken(_("Level")), words=LEVEL_LABELS),
                        Column("recognised_on", spoken(_("Recognised on"))),
                        Column("revoked_on", spoken(_("Revoked on"))),
                    )
                ),
                size=(8, 8),
            ),
            Table(
                41,
                Text("拨付记录（元）", "Payments (yuan)"),
                Text(
                    "本年度历次核定下已拨付的款项及国库支付凭证号。",
                    "What was paid under the year's counts, with the treasury's reference.",
                ),
                f"""
                SELECT count_id, clause, amount_yuan, paid_on::text AS paid_on, reference,
                       recorded_by
                FROM audit.payments
                WHERE year = {THE_YEAR} AND {_OF_THE_PLATFORM} ORDER BY paid_on, clause, count_id
                """,
                shown=Shown(
                    columns=(
                        Column("count_id", COUNT_NUMBER),
                        Column("clause", CLAUSE),
                        Column("amount_yuan", AMOUNT),
                        Column("paid_on", spoken(_("Paid on"))),
                        Column("reference", spoken(_("Reference"))),
                        Column("recorded_by", spoken(_("Recorded by"))),
                    )
                ),
                size=(8, 8),
            ),
            Table(
                42,
                Text("应追回（元）", "To be recovered (yuan)"),
                Text(
                    "更正核定后应追回（或补拨）的金额及缘由，各行相加为合计。",
                    "What a corrected count claims back of what was paid, line by line.",
                ),
                f"""
                SELECT count_id, clause, kind, uscc, amount_yuan
                FROM audit.recoveries
                WHERE year = {THE_YEAR} AND {_OF_THE_PLATFORM} ORDER BY count_id, clause, kind, uscc
                """,
                shown=Shown(
                    columns=(
                        Column("count_id", COUNT_NUMBER),
                        Column("clause", CLAUSE),
                        Column("kind", spoken(_("Cause")), words=RECOVERY_LABELS),
                        Column("uscc", ENTERPRISE),
                        Column("amount_yuan", AMOUNT),
                    )
                ),
                size=(8, 8),
            ),
        ),
    )
