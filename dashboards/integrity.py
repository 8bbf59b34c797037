"""Integrity: what deserves a second look before a count is believed. It proves no fault."""

from typing import Final

from dashboards.counts import (
    INTEGRITY_UID,
    OPERATIONS_UID,
    OVERVIEW_UID,
    PLATFORM_UID,
    SPAN_OF_WINDOW,
    THE_COUNT,
    to_enterprise,
    to_platform,
    which_platforms,
    which_stage,
    which_year,
)
from dashboards.fields import column, data_link, field_config, steps
from dashboards.layout import Period, Row, dashboard, link
from dashboards.panels import FULL, HALF, Proof, bar_chart, stat, table, time_series
from dashboards.queries import THE_PLATFORMS, THE_YEAR, Json
from dashboards.variables import choice
from dashboards.words import (
    ACTION_WORDS,
    BLUE,
    CHAIN_WORDS,
    DECISION_WORDS,
    GREEN,
    GREY,
    OPEN_WORDS,
    ORANGE,
    RECORD_KIND_WORDS,
    RED,
    REJECTION_WORDS,
    YELLOW,
    YES_WORDS,
    mapping,
)

__all__ = ["integrity"]

_OF_THE_PLATFORMS: Final = f"platform = {THE_PLATFORMS}"
_OF_THE_PLATFORMS_OR_NONE: Final = f"(platform IS NULL OR {_OF_THE_PLATFORMS})"
"""A message whose topic names no registered platform is nobody's, so it is always shown."""
_THE_MONTH: Final = "month = (SELECT to_date(${month:sqlstring}, 'YYYY-MM'))"
"""As a subquery it is computed once, not for each row of presence."""


def integrity() -> Json:
    """The dashboard."""
    return dashboard(
        INTEGRITY_UID,
        "数据可信度",
        "核定采信之前值得复查的迹象；均非违规结论。What deserves a second look; proof of nothing.",
        rows=[_reception(), _devices(), _rush(), _changes()],
        variables=[which_year(), which_stage(), which_platforms(), _which_month(), _which_rhythm()],
        links=[
            link("总览", OVERVIEW_UID, "year", "stage", "platform"),
            link("平台", PLATFORM_UID, "year", "stage"),
            link("运行状况", OPERATIONS_UID),
        ],
        period=Period("now-90d"),
    )


def _which_month() -> Json:
    """A month of the year; at first the latest that has begun."""
    return choice(
        "month",
        "月份",
        "比对设备节律的月份。The month whose rhythms are compared.",
        f"""
        SELECT to_char(month, 'YYYY-MM') AS __text, to_char(month, 'YYYY-MM') AS __value
        FROM generate_series(make_date({THE_YEAR}, 1, 1)::timestamp,
                             make_date({THE_YEAR}, 12, 1)::timestamp, interval '1 month') AS month
        WHERE month::date IN (SELECT found.month FROM audit.presence_months AS found)
        ORDER BY __value DESC
        """,
    )


def _which_rhythm() -> Json:
    """One rhythm that several devices share; at first that of the most enterprises."""
    return choice(
        "rhythm",
        "节律",
        "多台设备共有的节律。A rhythm that several devices share.",
        f"""
        SELECT left(rhythm, 8) || '（' || devices || ' 台，' || enterprises || ' 家）' AS __text,
               rhythm AS __value
        FROM audit.identical_rhythms WHERE {_THE_MONTH}
        ORDER BY enterprises DESC, devices DESC, rhythm LIMIT 100
        """,
    )


def _reception() -> Row:
    return Row(
        130,
        "迟到与拒收",
        [
            time_series(
                1,
                "每日迟到心跳占比",
                Proof(
                    "各平台当日心跳中迟到、不计入证据的比例；长期偏高说明补报或时钟有误。",
                    "The share of a day's heartbeats that came too late to count, by platform.",
                ),
                f"""
                SELECT received_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS time,
                       platform AS metric,
                       sum(late)::double precision / nullif(sum(heartbeats), 0) AS late_share
                FROM audit.ingest_hours
                WHERE $__timeFilter(starts_at) AND {_OF_THE_PLATFORMS}
                GROUP BY received_on, platform ORDER BY received_on, platform
                """,
                field=field_config(
                    unit="percentunit",
                    minimum=0,
                    thresholds=steps(GREEN, (0.05, YELLOW), (0.2, RED)),
                    has_palette=True,
                ),
            ),
            time_series(
                2,
                "每日拒收消息（条）",
                Proof(
                    "按原因统计的拒收条数；未登记设备骤增可能是有人以未登记的序列号上报。",
                    "Refused messages by reason; unknown devices are serials nobody registered.",
                ),
                f"""
                SELECT received_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS time,
                       reason AS metric, sum(rejections)::bigint AS rejections
                FROM audit.rejection_hours
                WHERE $__timeFilter(starts_at) AND {_OF_THE_PLATFORMS_OR_NONE}
                GROUP BY received_on, reason ORDER BY received_on, reason
                """,
                field=field_config(
                    columns=[
                        column(code, chinese) for code, (chinese, _) in REJECTION_WORDS.items()
                    ]
                ),
                style="stacked bars",
            ),
            table(
                3,
                "最近拒收的消息（至多 200 条）",
                Proof(
                    "被拒收的消息、其主题与原因；载荷内容不在审计范围内显示。",
                    "Which messages were refused, with topic and reason; not what was in them.",
                ),
                f"""
                SELECT received_at, reason, platform, serial, topic, payload_bytes
                FROM audit.rejections
                WHERE $__timeFilter(received_at) AND {_OF_THE_PLATFORMS_OR_NONE}
                ORDER BY received_at DESC, id DESC LIMIT 200
                """,
                field=field_config(
                    columns=[
                        column("received_at", "接收时间", width=180),
                        column("reason", "原因", words=REJECTION_WORDS, width=150),
                        column("platform", "平台（主题所称）", width=150),
                        column("serial", "序列号（主题所称）", width=170),
                        column("topic", "主题"),
                        column("payload_bytes", "载荷（字节）", width=120),
                    ]
                ),
                page_size=20,
            ),
        ],
    )


def _devices() -> Row:
    return Row(
        131,
        "设备归属与节律",
        [
            table(
                10,
                "同年先后归属两家企业的设备",
                Proof(
                    "同一台设备在一年内先后为两家企业作证，且两家名下是否均收到心跳。",
                    "Devices that stood for two enterprises in a year; were they heard for both?",
                ),
                f"""
                SELECT serial, platform, first_enterprise, first_uscc,
                       first_from_on::text AS first_from_on, first_to_on::text AS first_to_on,
                       then_enterprise, then_uscc,
                       then_from_on::text AS then_from_on, then_to_on::text AS then_to_on,
                       CASE WHEN is_first_heard AND is_then_heard THEN 'yes' ELSE 'no' END
                           AS is_heard_for_both
                FROM audit.shared_devices
                WHERE year = {THE_YEAR} AND {_OF_THE_PLATFORMS}
                ORDER BY is_heard_for_both DESC, platform, serial, then_from_on
                """,
                field=field_config(
                    columns=[
                        column("serial", "序列号", width=140),
                        column("platform", "平台", link=to_platform(), width=120),
                        column("first_enterprise", "先归属企业"),
                        column("first_uscc", "先归属企业代码", width=190),
                        column("first_from_on", "自", width=110),
                        column("first_to_on", "至（不含）", width=110),
                        column("then_enterprise", "后归属企业"),
                        column("then_uscc", "后归属企业代码", width=190),
                        column("then_from_on", "自", width=110),
                        column("then_to_on", "至（不含）", width=110),
                        column("is_heard_for_both", "两家均有心跳", words=YES_WORDS, width=130),
                    ]
                ),
                size=(FULL, 9),
                page_size=20,
            ),
            table(
                11,
                "在两个以上平台计入的企业",
                Proof(
                    "本年度在多个平台同时计入的企业；政策原文未禁止，供复核。",
                    "Enterprises counted on several platforms; the policy's text allows it.",
                ),
                f"""
                SELECT enterprise, uscc, platform, connected_on::text AS connected_on,
                       {SPAN_OF_WINDOW}
                FROM audit.determinations AS one
                WHERE {THE_COUNT} AND outcome = 'counted'
                  AND uscc IN (SELECT uscc FROM audit.determinations
                               WHERE {THE_COUNT} AND outcome = 'counted'
                               GROUP BY uscc HAVING count(*) > 1)
                ORDER BY uscc, connected_on, platform
                """,
                field=field_config(
                    columns=[
                        column("enterprise", "企业", link=to_enterprise()),
                        column("uscc", "统一社会信用代码", width=190),
                        column("platform", "平台", link=to_platform(), width=140),
                        column("connected_on", "接入日期", width=120),
                        column("from_ms", is_hidden=True),
                        column("to_ms", is_hidden=True),
                    ]
                ),
                size=(FULL, 8),
                page_size=20,
            ),
            table(
                12,
                "节律完全相同的设备",
                Proof(
                    "所选月份内每个在线小时都相同的设备；同一车间属正常，分属多家企业则可能是代报。",
                    "Devices heard in the very same hours: of one workshop normal, of several not.",
                ),
                f"""
                SELECT left(rhythm, 8) AS short_rhythm, hours_heard, devices, enterprises,
                       platforms, rhythm
                FROM audit.identical_rhythms WHERE {_THE_MONTH}
                ORDER BY enterprises DESC, devices DESC, rhythm LIMIT 100
                """,
                field=field_config(
                    columns=[
                        column("short_rhythm", "节律", link=_to_rhythm()),
                        column("hours_heard", "在线小时"),
                        column("devices", "设备（台）"),
                        column(
                            "enterprises",
                            "企业（家）",
                            thresholds=steps(GREEN, (2, ORANGE), (5, RED)),
                            cell="color-text",
                        ),
                        column("platforms", "平台（个）"),
                        column("rhythm", is_hidden=True),
                    ]
                ),
                size=(HALF, 10),
                page_size=20,
            ),
            table(
                13,
                "所选节律的设备（至多 500 台）",
                Proof(
                    "具有所选节律的设备及其月末归属的企业。",
                    "The devices of the chosen rhythm and the enterprise each stood for.",
                ),
                f"""
                SELECT platform, serial, enterprise, uscc
                FROM audit.rhythm_devices
                WHERE {_THE_MONTH} AND rhythm = ${{rhythm:sqlstring}}
                ORDER BY uscc, platform, serial LIMIT 500
                """,
                field=field_config(
                    columns=[
                        column("platform", "平台"),
                        column("serial", "序列号"),
                        column("enterprise", "企业"),
                        column("uscc", "统一社会信用代码"),
                    ]
                ),
                size=(HALF, 10),
                page_size=20,
            ),
        ],
    )


def _to_rhythm() -> Json:
    return data_link(
        "查看其设备",
        INTEGRITY_UID,
        {
            "year": "${year:percentencode}",
            "stage": "${stage:percentencode}",
            "month": "${month:percentencode}",
            "rhythm": "${__data.fields.rhythm:percentencode}",
        },
    )


def _rush() -> Row:
    return Row(
        132,
        "年末突击",
        [
            bar_chart(
                20,
                "每月登记与接入",
                Proof(
                    "各月起始的接入关系与设备归属、登记的设备、计入企业的窗口首日；年末集中即为突击。",
                    "Connections begun, devices assigned and registered, windows begun, by month.",
                ),
                f"""
                SELECT n || ' 月' AS month_name,
                       coalesce(begun.connections_begun, 0) AS connections_begun,
                       coalesce(begun.devices_assigned, 0) AS devices_assigned,
                       coalesce(begun.devices_registered, 0) AS devices_registered,
                       coalesce(found.windows_begun, 0) AS windows_begun
                FROM generate_series(1, 12) AS n
                LEFT JOIN (
                    SELECT extract(month FROM day_on) AS month,
                           sum(connections_begun)::integer AS connections_begun,
                           sum(devices_assigned)::integer AS devices_assigned,
                           sum(devices_registered)::integer AS devices_registered
                    FROM audit.registration_days
                    WHERE year = {THE_YEAR} AND {_OF_THE_PLATFORMS}
                    GROUP BY extract(month FROM day_on)
                ) AS begun ON begun.month = n
                LEFT JOIN (
                    SELECT extract(month FROM connected_on) AS month,
                           count(*)::integer AS windows_begun
                    FROM audit.determinations
                    WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS} AND outcome = 'counted'
                    GROUP BY extract(month FROM connected_on)
                ) AS found ON found.month = n
                ORDER BY n
                """,
                category="month_name",
                field=field_config(
                    columns=[
                        column("connections_begun", "起始的接入关系", colour=GREY),
                        column("devices_assigned", "起始的设备归属", colour=YELLOW),
                        column("devices_registered", "登记的设备", colour=BLUE),
                        column("windows_begun", "计入企业的窗口首日", colour=GREEN),
                    ]
                ),
                size=(14, 10),
            ),
            table(
                21,
                "各平台年末接入占比",
                Proof(
                    "计入企业中窗口首日在十一、十二月的比例；全年均匀接入时约为六分之一。",
                    "The share of counted enterprises whose window begins in November or December.",
                ),
                f"""
                SELECT platform, count(*)::integer AS counted,
                       (sum(late_in_year))::integer AS late_in_year,
                       avg(late_in_year)::double precision AS late_in_year_share
                FROM (
                    SELECT platform,
                           (extract(month FROM connected_on) >= 11)::integer AS late_in_year
                    FROM audit.determinations
                    WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS} AND outcome = 'counted'
                ) AS counted
                GROUP BY platform ORDER BY late_in_year_share DESC, platform
                """,
                field=field_config(
                    columns=[
                        column("platform", "平台", link=to_platform()),
                        column("counted", "计入（家）"),
                        column("late_in_year", "十一、十二月（家）"),
                        column(
                            "late_in_year_share",
                            "占比",
                            unit="percentunit",
                            decimals=0,
                            thresholds=steps(GREEN, (0.25, YELLOW), (0.5, RED)),
                            cell="color-text",
                        ),
                    ]
                ),
                size=(10, 10),
            ),
        ],
    )


def _changes() -> Row:
    return Row(
        133,
        "裁定与操作留痕",
        [
            stat(
                30,
                "操作日志链",
                Proof(
                    "最新 500 条此刻重算哈希，其余以最近一次完整核验为准；断裂即日志被改动或删除。",
                    "Is the chain of changes whole? The newest checked now, the rest by last run.",
                ),
                """
                SELECT CASE WHEN is_broken THEN 'broken' ELSE 'whole' END AS chain
                FROM audit.audit_chain
                """,
                field=field_config(words=mapping(CHAIN_WORDS)),
                width=6,
            ),
            stat(
                31,
                "最近一次完整核验",
                Proof(
                    "最近一次运行 jieru audit verify --record 的时间；应由定时任务执行。",
                    "When every entry was last verified and the result recorded.",
                ),
                """
                SELECT to_char(last_checked_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI')
                           AS last_checked
                FROM audit.audit_chain
                """,
                field=field_config(no_value="从未"),
                width=6,
            ),
            stat(
                32,
                "有效裁定（项）",
                Proof(
                    "所选平台上目前有效的排除、暂缓与放宽。",
                    "Exclusions, holds and waivers that stand on the chosen platforms.",
                ),
                f"""
                SELECT (count(*) FILTER (WHERE kind = 'exclude'))::integer AS exclude,
                       (count(*) FILTER (WHERE kind = 'hold'))::integer AS hold,
                       (count(*) FILTER (WHERE kind = 'waive'))::integer AS waive
                FROM audit.decisions WHERE is_open AND {_OF_THE_PLATFORMS}
                """,
                field=field_config(
                    colour=GREY,
                    columns=[
                        column(code, chinese, colour=colour)
                        for code, (chinese, colour) in DECISION_WORDS.items()
                    ],
                ),
                width=12,
                has_names=True,
            ),
            table(
                33,
                "期间内的裁定",
                Proof(
                    "所选时间内作出的裁定，何人因何作出，是否已撤回。",
                    "The decisions of the chosen span of time: by whom, why, do they stand.",
                ),
                f"""
                SELECT decided_at, kind, platform, enterprise, uscc, reason, decided_by,
                       CASE WHEN is_open THEN 'open' ELSE 'withdrawn' END AS is_open
                FROM audit.decisions
                WHERE $__timeFilter(decided_at) AND {_OF_THE_PLATFORMS}
                ORDER BY decided_at DESC, id DESC LIMIT 200
                """,
                field=field_config(
                    columns=[
                        column("decided_at", "时间", width=180),
                        column("kind", "裁定", words=DECISION_WORDS, cell="color-text", width=90),
                        column("platform", "平台", width=120),
                        column("enterprise", "企业"),
                        column("uscc", "统一社会信用代码", width=190),
                        column("reason", "理由"),
                        column("decided_by", "裁定人", width=120),
                        column("is_open", "效力", words=OPEN_WORDS, cell="color-text", width=90),
                    ]
                ),
                size=(FULL, 9),
                page_size=20,
            ),
            table(
                34,
                "期间内的操作日志（至多 200 条）",
                Proof(
                    "何人、自何处、何时改动了哪些记录的哪些字段；“database:”开头者绕过了程序。",
                    "Who changed which fields, when, from where; `database:` is past the programs.",
                ),
                f"""
                SELECT number, changed_at, actor, origin, action, record_kind, record_name,
                       platform, changed_fields
                FROM audit.audit_entries
                WHERE $__timeFilter(changed_at) AND {_OF_THE_PLATFORMS_OR_NONE}
                ORDER BY number DESC LIMIT 200
                """,
                field=field_config(
                    unit="none",
                    columns=[
                        column("number", "序号", width=90),
                        column("changed_at", "时间", width=180),
                        column("actor", "操作人", width=160),
                        column("origin", "来自", width=140),
                        column("action", "操作", words=ACTION_WORDS, width=90),
                        column("record_kind", "记录", words=RECORD_KIND_WORDS, width=130),
                        column("record_name", "对象"),
                        column("platform", "平台", width=120),
                        column("changed_fields", "改动的字段"),
                    ],
                ),
                page_size=20,
            ),
        ],
    )
