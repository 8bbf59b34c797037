"""One platform: its enterprises and their outcomes, its award, its evidence as it comes in."""

from typing import Final

from dashboards.counts import (
    INTEGRITY_UID,
    OVERVIEW_UID,
    PLATFORM_UID,
    SPAN_OF_WINDOW,
    THE_COUNT,
    to_enterprise,
    two_years,
    which_platform,
    which_stage,
    which_year,
)
from dashboards.fields import column, field_config, steps
from dashboards.layout import Period, Row, dashboard, link
from dashboards.panels import FULL, HALF, Proof, bar_chart, stat, table, time_series
from dashboards.queries import THE_PLATFORM, THE_YEAR, TODAY, Json
from dashboards.words import (
    BLUE,
    DEVICE_STATUS_WORDS,
    GREEN,
    LEVEL_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    RECOVERY_WORDS,
    RED,
    YELLOW,
    mapping,
    said,
)

__all__ = ["platform"]

_OF_THE_PLATFORM: Final = f"platform = {THE_PLATFORM}"
_RESULT: Final = f"FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORM}"


def platform() -> Json:
    """The dashboard."""
    return dashboard(
        PLATFORM_UID,
        "平台接入情况",
        "一个平台的企业认定结果、奖励与证据接收情况。One platform's enterprises, award, evidence.",
        rows=[_result(), _enterprises(), two_years(112, _OF_THE_PLATFORM), _evidence(), _records()],
        variables=[which_year(), which_stage(), which_platform()],
        links=[
            link("总览", OVERVIEW_UID, "year", "stage"),
            link("数据可信度", INTEGRITY_UID, "year", "stage", "platform"),
        ],
        period=Period("now-90d"),
    )


def _result() -> Row:
    return Row(
        110,
        "核定结果",
        [
            stat(
                1,
                "现有认定级别",
                Proof(
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
                field=field_config(words=mapping(LEVEL_WORDS), no_value="未认定"),
            ),
            stat(
                2,
                "计入企业（家）",
                Proof(
                    "本年度计入的企业数，与核定文件一致。",
                    "Enterprises counted, as the count's document has it.",
                ),
                f"SELECT counted {_RESULT}",
                field=field_config(colour=GREEN),
            ),
            stat(
                3,
                "待满期企业（家）",
                Proof(
                    "窗口尚未满期、仍可能计入的企业数。",
                    "Enterprises whose window is not complete yet and could still count.",
                ),
                f"SELECT pending {_RESULT}",
                field=field_config(thresholds=steps(GREEN, (1, YELLOW))),
            ),
            stat(
                4,
                "列入企业（家）",
                Proof(
                    "本年度列入核定的全部企业，含各种结果。",
                    "Enterprises listed in the count, whatever their outcome.",
                ),
                f"SELECT listed {_RESULT}",
            ),
            stat(
                5,
                "应得奖励（元）",
                Proof(
                    "各条款奖励之和，已按上限封顶。",
                    "What the platform earns under all clauses, after the cap.",
                ),
                f"SELECT award_yuan {_RESULT}",
                field=field_config(colour=BLUE),
            ),
            stat(
                6,
                "当前在线设备（台）",
                Proof(
                    "此刻在线的设备数：静默不超过两个上报间隔。",
                    "Devices online now: silent for no more than two intervals.",
                ),
                f"""
                SELECT coalesce(sum(devices), 0)::integer AS online
                FROM audit.device_statuses WHERE {_OF_THE_PLATFORM} AND status = 'online'
                """,
                field=field_config(colour=GREEN),
            ),
        ],
    )


def _enterprises() -> Row:
    return Row(
        111,
        "企业认定结果",
        [
            bar_chart(
                10,
                "各结果企业数（家）",
                Proof(
                    "列入核定的企业按结果分布；合计等于列入企业数。",
                    "Listed enterprises by outcome; together they are all that are listed.",
                ),
                f"""
                SELECT outcome, enterprises FROM audit.platform_outcomes
                WHERE {THE_COUNT} AND {_OF_THE_PLATFORM} AND enterprises > 0
                ORDER BY enterprises DESC, outcome
                """,
                category="outcome",
                field=field_config(
                    colour=BLUE,
                    columns=[
                        column("outcome", "结果", words=OUTCOME_WORDS),
                        column("enterprises", "企业（家）"),
                    ],
                ),
                style="bars",
                size=(FULL, 8),
            ),
            table(
                11,
                "企业明细",
                Proof(
                    "每家列入企业的结果及其窗口；点击企业可查看设备心跳证据。",
                    "Each listed enterprise, its outcome and window; a click shows the evidence.",
                ),
                f"""
                SELECT enterprise, uscc, outcome, connected_on::text AS connected_on,
                       window_last_on::text AS window_last_on, window_active_days,
                       window_longest_gap_days, pending_until_on::text AS pending_until_on,
                       {said(REASON_WORDS, "reasons")} AS reasons, contract_nos, closing_reason,
                       platform,
                       {SPAN_OF_WINDOW}
                FROM audit.determinations
                WHERE {THE_COUNT} AND {_OF_THE_PLATFORM}
                ORDER BY connected_on NULLS LAST, uscc
                """,
                field=field_config(
                    columns=[
                        column("enterprise", "企业", link=to_enterprise(), width=240),
                        column("uscc", "统一社会信用代码", link=to_enterprise(), width=190),
                        column(
                            "outcome", "结果", words=OUTCOME_WORDS, cell="color-text", width=150
                        ),
                        column("connected_on", "接入日期", width=110),
                        column("window_last_on", "窗口末日", width=110),
                        column("window_active_days", "活跃天数", width=90),
                        column("window_longest_gap_days", "最长间断（天）", width=120),
                        column("pending_until_on", "最早满期", width=110),
                        column("reasons", "不符合的条件"),
                        column("contract_nos", "合同编号"),
                        column("closing_reason", "不再等待的理由"),
                        column("platform", is_hidden=True),
                        column("from_ms", is_hidden=True),
                        column("to_ms", is_hidden=True),
                    ]
                ),
                size=(FULL, 14),
                page_size=50,
            ),
            table(
                12,
                "奖励明细（元）",
                Proof(
                    "各条款的数量、封顶前金额、上限与应得金额。",
                    "Clause by clause: how many, the amount before the cap, the cap, the award.",
                ),
                f"""
                SELECT clause, number, uncapped_yuan, cap_yuan, amount_yuan
                FROM audit.awards WHERE {THE_COUNT} AND {_OF_THE_PLATFORM} ORDER BY clause
                """,
                field=field_config(
                    columns=[
                        column("clause", "条款"),
                        column("number", "数量"),
                        column("uncapped_yuan", "封顶前"),
                        column("cap_yuan", "上限"),
                        column("amount_yuan", "应得"),
                    ]
                ),
                size=(FULL, 6),
            ),
        ],
    )


def _evidence() -> Row:
    return Row(
        113,
        "证据接收",
        [
            time_series(
                30,
                "每日心跳（条）",
                Proof(
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
                field=field_config(columns=[column("heartbeats", "心跳", colour=BLUE)]),
                style="bars",
                size=(HALF, 9),
            ),
            time_series(
                31,
                "每日迟到心跳占比",
                Proof(
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
                field=field_config(
                    unit="percentunit",
                    minimum=0,
                    thresholds=steps(GREEN, (0.05, YELLOW), (0.2, RED)),
                    columns=[column("late_share", "迟到占比")],
                ),
                size=(HALF, 9),
            ),
            table(
                32,
                "不在线的设备（至多 500 台）",
                Proof(
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
                field=field_config(
                    columns=[
                        column("serial", "序列号"),
                        column("name", "名称"),
                        column("kind", "类别"),
                        column("enterprise", "归属企业"),
                        column("status", "状态", words=DEVICE_STATUS_WORDS, cell="color-text"),
                        column("last_seen_at", "最近心跳"),
                    ]
                ),
                page_size=25,
            ),
        ],
    )


def _records() -> Row:
    return Row(
        114,
        "认定与资金",
        [
            table(
                40,
                "平台认定记录",
                Proof(
                    "平台各级认定的起止日期，核定据此判断平台资格。",
                    "From when until when the platform was recognised, and at which level.",
                ),
                f"""
                SELECT level, recognised_on::text AS recognised_on, revoked_on::text AS revoked_on
                FROM audit.recognitions WHERE {_OF_THE_PLATFORM} ORDER BY recognised_on, level
                """,
                field=field_config(
                    columns=[
                        column("level", "级别", words=LEVEL_WORDS),
                        column("recognised_on", "认定日期"),
                        column("revoked_on", "撤销日期"),
                    ]
                ),
                size=(8, 8),
            ),
            table(
                41,
                "拨付记录（元）",
                Proof(
                    "本年度历次核定下已拨付的款项及国库支付凭证号。",
                    "What was paid under the year's counts, with the treasury's reference.",
                ),
                f"""
                SELECT count_id, clause, amount_yuan, paid_on::text AS paid_on, reference,
                       recorded_by
                FROM audit.payments
                WHERE year = {THE_YEAR} AND {_OF_THE_PLATFORM} ORDER BY paid_on, clause, count_id
                """,
                field=field_config(
                    columns=[
                        column("count_id", "核定"),
                        column("clause", "条款"),
                        column("amount_yuan", "金额"),
                        column("paid_on", "拨付日期"),
                        column("reference", "支付凭证号"),
                        column("recorded_by", "登记人"),
                    ]
                ),
                size=(8, 8),
            ),
            table(
                42,
                "应追回（元）",
                Proof(
                    "更正核定后应追回（或补拨）的金额及缘由，各行相加为合计。",
                    "What a corrected count claims back of what was paid, line by line.",
                ),
                f"""
                SELECT count_id, clause, kind, uscc, amount_yuan
                FROM audit.recoveries
                WHERE year = {THE_YEAR} AND {_OF_THE_PLATFORM} ORDER BY count_id, clause, kind, uscc
                """,
                field=field_config(
                    columns=[
                        column("count_id", "核定"),
                        column("clause", "条款"),
                        column("kind", "缘由", words=RECOVERY_WORDS),
                        column("uscc", "企业"),
                        column("amount_yuan", "金额"),
                    ]
                ),
                size=(8, 8),
            ),
        ],
    )
