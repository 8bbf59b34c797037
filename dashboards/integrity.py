"""Integrity: what deserves a second look before a count is believed. It proves no fault."""

from typing import Final

from dashboards.counts import (
    INTEGRITY_UID,
    OPERATIONS_UID,
    OVERVIEW_UID,
    PLATFORM_UID,
    SPAN_OF_WINDOW,
    THE_COUNT,
    TRUST_UID,
    month_name,
    signature,
    to_enterprise,
    to_platform,
    which_platforms,
    which_stage,
    which_year,
)
from dashboards.fields import Column, Shown, ValueLink, steps
from dashboards.headings import (
    AUDIT_CHAIN,
    CONNECTED_ON,
    COUNTED,
    DECIDED_BY,
    DECISION,
    ENTERPRISE,
    ENTERPRISES,
    FROM,
    INTEGRITY,
    LATE_BY_DAY,
    NEVER,
    OPERATIONS,
    OVERVIEW,
    PLATFORM,
    REASON,
    RHYTHM,
    SERIAL,
    TRUST,
    UNTIL,
    USCC,
    VALIDITY,
    WHEN,
)
from dashboards.layout import Dashboard, DashboardLink, Period, Row
from dashboards.panels import (
    FULL,
    HALF,
    STAT_HEIGHT,
    BarChart,
    Stat,
    Table,
    TimeSeries,
    in_each_language,
)
from dashboards.queries import THE_PLATFORMS, THE_YEAR
from dashboards.variables import Variable
from dashboards.words import (
    ACTION_LABELS,
    BLUE,
    CHAIN_LABELS,
    DECISION_LABELS,
    GREEN,
    GREY,
    ORANGE,
    RECORD_KIND_LABELS,
    RED,
    REJECTION_LABELS,
    VALIDITY_LABELS,
    YELLOW,
    YES_LABELS,
)
from jieru.i18n import Language
from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = ["integrity"]

_OF_THE_PLATFORMS: Final = f"platform = {THE_PLATFORMS}"
_OF_THE_PLATFORMS_OR_NONE: Final = f"(platform IS NULL OR {_OF_THE_PLATFORMS})"
"""A message whose topic names no registered platform is nobody's, so it is always shown."""
_SHARED_BY: Final = Text(
    "'（' || devices || ' 台，' || enterprises || ' 家）'",
    "' (' || devices || ' devices, ' || enterprises || ' enterprises)'",
)
"""SQL for how many share a rhythm."""
_THE_MONTH: Final = "month = (SELECT to_date(${month:sqlstring}, 'YYYY-MM'))"
"""As a subquery it is computed once, not for each row of presence."""


def integrity() -> Dashboard:
    """The dashboard."""
    return Dashboard(
        uid=INTEGRITY_UID,
        title=INTEGRITY,
        description=Text(
            "核定采信之前值得复查的迹象；均非违规结论。",
            "What deserves a second look; proof of nothing.",
        ),
        rows=(
            signature(139),
            _reception(),
            _devices(),
            _rush(),
            _changes(),
        ),
        variables=(
            which_year(),
            which_stage(),
            which_platforms(),
            _which_month(),
            _which_rhythm(),
        ),
        links=(
            DashboardLink(OVERVIEW, OVERVIEW_UID, ("year", "stage", "platform")),
            DashboardLink(PLATFORM, PLATFORM_UID, ("year", "stage")),
            DashboardLink(TRUST, TRUST_UID, ("platform",)),
            DashboardLink(OPERATIONS, OPERATIONS_UID),
        ),
        period=Period("now-90d"),
    )


def _which_month() -> Variable:
    """A month of the year; at first the latest that has begun."""
    return Variable(
        "month",
        spoken(_("Month")),
        Text("比对设备节律的月份。", "The month whose rhythms are compared."),
        f"""
        SELECT to_char(month, 'YYYY-MM') AS __text, to_char(month, 'YYYY-MM') AS __value
        FROM generate_series(make_date({THE_YEAR}, 1, 1)::timestamp,
                             make_date({THE_YEAR}, 12, 1)::timestamp, interval '1 month') AS month
        WHERE month::date IN (SELECT found.month FROM audit.presence_months AS found)
        ORDER BY __value DESC
        """,
    )


def _which_rhythm() -> Variable:
    """One rhythm that several devices share; at first that of the most enterprises."""
    return Variable(
        "rhythm",
        RHYTHM,
        Text("多台设备共有的节律。", "A rhythm that several devices share."),
        in_each_language(_shared_rhythms),
    )


def _shared_rhythms(language: Language) -> str:
    return f"""
        SELECT left(rhythm, 8) || {_SHARED_BY.spoken_in(language)} AS __text,
               rhythm AS __value
        FROM audit.identical_rhythms WHERE {_THE_MONTH}
        ORDER BY enterprises DESC, devices DESC, rhythm LIMIT 100
    """


def _reception() -> Row:
    return Row(
        130,
        Text("迟到与拒收", "Late and rejected"),
        (
            TimeSeries(
                1,
                LATE_BY_DAY,
                Text(
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
                shown=Shown(
                    unit="percentunit",
                    minimum=0,
                    thresholds=steps(GREEN, (0.05, YELLOW), (0.2, RED)),
                    has_palette=True,
                ),
            ),
            TimeSeries(
                2,
                Text("每日拒收消息（条）", "Rejections by day"),
                Text(
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
                shown=Shown(
                    columns=tuple(
                        Column(code, label.text) for code, label in REJECTION_LABELS.items()
                    )
                ),
                style="stacked bars",
            ),
            Table(
                3,
                Text("最近拒收的消息（至多 200 条）", "Latest rejections (200 at most)"),
                Text(
                    "被拒收的消息、其主题与原因；载荷内容不在审计范围内显示。",
                    "Which messages were refused, with topic and reason; not what was in them.",
                ),
                f"""
                SELECT received_at, reason, platform, serial, topic, payload_bytes
                FROM audit.rejections
                WHERE $__timeFilter(received_at) AND {_OF_THE_PLATFORMS_OR_NONE}
                ORDER BY received_at DESC, id DESC LIMIT 200
                """,
                shown=Shown(
                    columns=(
                        Column("received_at", spoken(_("Received at")), width=180),
                        Column("reason", REASON, words=REJECTION_LABELS, width=150),
                        Column(
                            "platform",
                            Text("平台（主题所称）", "Platform (of the topic)"),
                            width=150,
                        ),
                        Column(
                            "serial", Text("序列号（主题所称）", "Serial (of the topic)"), width=170
                        ),
                        Column("topic", spoken(_("Topic"))),
                        Column("payload_bytes", Text("载荷（字节）", "Payload (bytes)"), width=120),
                    )
                ),
                page_size=20,
            ),
        ),
    )


def _devices() -> Row:
    return Row(
        131,
        Text("设备归属与节律", "Assignments and rhythms of devices"),
        (
            Table(
                10,
                Text("同年先后归属两家企业的设备", "Devices of two enterprises in one year"),
                Text(
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
                shown=Shown(
                    columns=(
                        Column("serial", SERIAL, width=140),
                        Column("platform", PLATFORM, link=to_platform(), width=120),
                        Column("first_enterprise", Text("先归属企业", "First enterprise")),
                        Column("first_uscc", Text("先归属企业代码", "Its code"), width=190),
                        Column("first_from_on", FROM, width=110),
                        Column("first_to_on", UNTIL, width=110),
                        Column("then_enterprise", Text("后归属企业", "Then enterprise")),
                        Column(
                            "then_uscc", Text("后归属企业代码", "Code of the latter"), width=190
                        ),
                        Column("then_from_on", FROM, width=110),
                        Column("then_to_on", UNTIL, width=110),
                        Column(
                            "is_heard_for_both",
                            Text("两家均有心跳", "Heard for both"),
                            words=YES_LABELS,
                            width=130,
                        ),
                    )
                ),
                size=(FULL, 9),
                page_size=20,
            ),
            Table(
                11,
                Text("在两个以上平台计入的企业", "Enterprises counted on several platforms"),
                Text(
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
                shown=Shown(
                    columns=(
                        Column("enterprise", ENTERPRISE, link=to_enterprise()),
                        Column("uscc", USCC, width=190),
                        Column("platform", PLATFORM, link=to_platform(), width=140),
                        Column("connected_on", CONNECTED_ON, width=120),
                        Column("from_ms", is_hidden=True),
                        Column("to_ms", is_hidden=True),
                    )
                ),
                size=(FULL, 8),
                page_size=20,
            ),
            Table(
                12,
                Text("节律完全相同的设备", "Devices of identical rhythm"),
                Text(
                    "所选月份内每个在线小时都相同的设备；同一车间属正常，分属多家企业则可能是代报。",
                    "Devices heard in the very same hours: of one workshop normal, of several not.",
                ),
                f"""
                SELECT left(rhythm, 8) AS short_rhythm, hours_heard, devices, enterprises,
                       platforms, rhythm
                FROM audit.identical_rhythms WHERE {_THE_MONTH}
                ORDER BY enterprises DESC, devices DESC, rhythm LIMIT 100
                """,
                shown=Shown(
                    columns=(
                        Column("short_rhythm", RHYTHM, link=_to_rhythm()),
                        Column("hours_heard", spoken(_("Hours heard"))),
                        Column("devices", Text("设备（台）", "Devices")),
                        Column(
                            "enterprises",
                            ENTERPRISES,
                            thresholds=steps(GREEN, (2, ORANGE), (5, RED)),
                            cell="color-text",
                        ),
                        Column("platforms", Text("平台（个）", "Platforms")),
                        Column("rhythm", is_hidden=True),
                    )
                ),
                size=(HALF, 10),
                page_size=20,
            ),
            Table(
                13,
                Text("所选节律的设备（至多 500 台）", "Devices of the chosen rhythm (500 at most)"),
                Text(
                    "具有所选节律的设备及其月末归属的企业。",
                    "The devices of the chosen rhythm and the enterprise each stood for.",
                ),
                f"""
                SELECT platform, serial, enterprise, uscc
                FROM audit.rhythm_devices
                WHERE {_THE_MONTH} AND rhythm = ${{rhythm:sqlstring}}
                ORDER BY uscc, platform, serial LIMIT 500
                """,
                shown=Shown(
                    columns=(
                        Column("platform", PLATFORM),
                        Column("serial", SERIAL),
                        Column("enterprise", ENTERPRISE),
                        Column("uscc", USCC),
                    )
                ),
                size=(HALF, 10),
                page_size=20,
            ),
        ),
    )


def _to_rhythm() -> ValueLink:
    return ValueLink(
        Text("查看其设备", "Show its devices"),
        INTEGRITY_UID,
        ("year", "stage", "month"),
        {"rhythm": "rhythm"},
    )


def _rush() -> Row:
    return Row(
        132,
        Text("年末突击", "Rush before the year's end"),
        (
            BarChart(
                20,
                Text("每月登记与接入", "Registrations and connections by month"),
                Text(
                    "各月起始的接入关系与设备归属、登记的设备、计入企业的窗口首日；年末集中即为突击。",
                    "Connections begun, devices assigned and registered, windows begun, by month.",
                ),
                in_each_language(_registrations_by_month),
                category="month_name",
                shown=Shown(
                    columns=(
                        Column(
                            "connections_begun",
                            Text("起始的接入关系", "Connections begun"),
                            colour=GREY,
                        ),
                        Column(
                            "devices_assigned",
                            Text("起始的设备归属", "Devices assigned"),
                            colour=YELLOW,
                        ),
                        Column(
                            "devices_registered",
                            Text("登记的设备", "Devices registered"),
                            colour=BLUE,
                        ),
                        Column(
                            "windows_begun",
                            Text("计入企业的窗口首日", "Windows begun"),
                            colour=GREEN,
                        ),
                    )
                ),
                size=(14, 10),
            ),
            Table(
                21,
                Text("各平台年末接入占比", "Share of the year's end by platform"),
                Text(
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
                shown=Shown(
                    columns=(
                        Column("platform", PLATFORM, link=to_platform()),
                        Column("counted", COUNTED),
                        Column("late_in_year", Text("十一、十二月（家）", "November and December")),
                        Column(
                            "late_in_year_share",
                            Text("占比", "Share"),
                            unit="percentunit",
                            decimals=0,
                            thresholds=steps(GREEN, (0.25, YELLOW), (0.5, RED)),
                            cell="color-text",
                        ),
                    )
                ),
                size=(10, 10),
            ),
        ),
    )


def _registrations_by_month(language: Language) -> str:
    return f"""
        SELECT {month_name("n", language)} AS month_name,
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
    """


def _changes() -> Row:
    return Row(
        133,
        Text("裁定与操作留痕", "Decisions and changes"),
        (
            Stat(
                30,
                AUDIT_CHAIN,
                Text(
                    "最新 500 条此刻重算哈希，其余以最近一次完整核验为准；断裂即日志被改动或删除。",
                    "Is the chain of changes whole? The newest checked now, the rest by last run.",
                ),
                """
                SELECT CASE WHEN is_broken THEN 'broken' ELSE 'whole' END AS chain
                FROM audit.audit_chain
                """,
                shown=Shown(words=CHAIN_LABELS),
                size=(6, STAT_HEIGHT),
            ),
            Stat(
                31,
                Text("最近一次完整核验", "Last verified as a whole"),
                Text(
                    "最近一次运行 jieru audit verify --record 的时间；应由定时任务执行。",
                    "When every entry was last verified and the result recorded.",
                ),
                """
                SELECT to_char(last_checked_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI')
                           AS last_checked
                FROM audit.audit_chain
                """,
                shown=Shown(no_value=NEVER),
                size=(6, STAT_HEIGHT),
            ),
            Stat(
                32,
                Text("有效裁定（项）", "Open decisions"),
                Text(
                    "所选平台上目前有效的排除、暂缓、放宽与维持。",
                    "Exclusions, holds, waivers and what was kept, on the chosen platforms.",
                ),
                f"""
                SELECT (count(*) FILTER (WHERE kind = 'exclude'))::integer AS exclude,
                       (count(*) FILTER (WHERE kind = 'hold'))::integer AS hold,
                       (count(*) FILTER (WHERE kind = 'waive'))::integer AS waive,
                       (count(*) FILTER (WHERE kind = 'keep'))::integer AS keep
                FROM audit.decisions WHERE is_open AND NOT waits AND {_OF_THE_PLATFORMS}
                """,
                shown=Shown(
                    colour=GREY,
                    columns=tuple(
                        Column(code, label.text, colour=label.colour)
                        for code, label in DECISION_LABELS.items()
                    ),
                ),
                size=(12, STAT_HEIGHT),
                has_names=True,
            ),
            Table(
                33,
                Text("期间内的裁定", "Decisions of the period"),
                Text(
                    "所选时间内作出的裁定，何人因何作出，是否已撤回。",
                    "The decisions of the chosen span of time: by whom, why, do they stand.",
                ),
                f"""
                SELECT decided_at, kind, platform, enterprise, uscc, reason, decided_by,
                       CASE WHEN waits THEN 'waiting' WHEN is_open THEN 'open'
                            ELSE 'withdrawn' END AS is_open
                FROM audit.decisions
                WHERE $__timeFilter(decided_at) AND {_OF_THE_PLATFORMS}
                ORDER BY decided_at DESC, id DESC LIMIT 200
                """,
                shown=Shown(
                    columns=(
                        Column("decided_at", WHEN, width=180),
                        Column(
                            "kind", DECISION, words=DECISION_LABELS, cell="color-text", width=90
                        ),
                        Column("platform", PLATFORM, width=120),
                        Column("enterprise", ENTERPRISE),
                        Column("uscc", USCC, width=190),
                        Column("reason", REASON),
                        Column("decided_by", DECIDED_BY, width=120),
                        Column(
                            "is_open", VALIDITY, words=VALIDITY_LABELS, cell="color-text", width=90
                        ),
                    )
                ),
                size=(FULL, 9),
                page_size=20,
            ),
            Table(
                34,
                Text("期间内的操作日志（至多 200 条）", "Changes of the period (200 at most)"),
                Text(
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
                shown=Shown(
                    unit="none",
                    columns=(
                        Column("number", spoken(_("No.")), width=90),
                        Column("changed_at", WHEN, width=180),
                        Column("actor", spoken(_("By whom")), width=160),
                        Column("origin", Text("来自", "Origin"), width=140),
                        Column("action", spoken(_("Actions")), words=ACTION_LABELS, width=90),
                        Column(
                            "record_kind", spoken(_("Record")), words=RECORD_KIND_LABELS, width=130
                        ),
                        Column("record_name", Text("对象", "Which")),
                        Column("platform", PLATFORM, width=120),
                        Column("changed_fields", Text("改动的字段", "Changed fields")),
                    ),
                ),
                page_size=20,
            ),
        ),
    )
