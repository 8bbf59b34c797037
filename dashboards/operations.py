"""Operations: whether evidence comes in, how fast, how far behind, and what is refused."""

from typing import Final

from dashboards.counts import INTEGRITY_UID, OPERATIONS_UID, OVERVIEW_UID
from dashboards.fields import Column, Shown, steps
from dashboards.headings import (
    AUDIT_CHAIN,
    FROM,
    INGESTER,
    INTEGRITY,
    OPERATIONS,
    OVERVIEW,
    PER_SECOND,
    SINCE,
    UNTIL,
)
from dashboards.headings import SIGNALS as SEVERAL_SIGNALS
from dashboards.layout import Dashboard, DashboardLink, Period, Row
from dashboards.panels import FULL, HALF, Stat, Table, TimeSeries
from dashboards.variables import Variable
from dashboards.words import (
    BLUE,
    CHAIN_LABELS,
    CLOCK_LABELS,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    REJECTION_LABELS,
    YELLOW,
    Label,
)
from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = [
    "ARCHIVE",
    "BEHIND",
    "BROKER_FILES",
    "BROKER_REFUSALS",
    "CHAIN",
    "CHECKPOINTS",
    "DATABASE_SIZE",
    "EVIDENCE",
    "REJECTIONS",
    "SIGNALS",
    "SILENCE",
    "operations",
]

SILENCE: Final = 2
BEHIND: Final = 3
REJECTIONS: Final = 4
CHAIN: Final = 5
DATABASE_SIZE: Final = 6
EVIDENCE: Final = 40
CHECKPOINTS: Final = 41
SIGNALS: Final = 42
ARCHIVE: Final = 43
BROKER_FILES: Final = 44
BROKER_REFUSALS: Final = 14
"""Panels to which alert rules lead."""

_VERIFIED_AT: Final = Text("核验时间", "Verified")
_THE_INGESTERS: Final = "ingester = ANY (ARRAY[${ingester:sqlstring}]::text[])"
_MINUTES: Final = f"FROM audit.ingest_minutes WHERE $__timeFilter(starts_at) AND {_THE_INGESTERS}"
_PER_MINUTE: Final = "1m"
"""Ingesters report once a minute; a finer interval would show holes."""


def operations() -> Dashboard:
    """The dashboard."""
    return Dashboard(
        uid=OPERATIONS_UID,
        title=OPERATIONS,
        description=Text(
            "心跳接收的速率、积压、写入耗时与拒收。", "Does evidence come in, and how fast?"
        ),
        rows=(
            _now(),
            _reception(),
            _writing(),
            _storage(),
            _record(),
        ),
        variables=(
            Variable(
                "ingester",
                INGESTER,
                Text("七日内报告过的接收程序，可多选。", "Ingesters that reported within a week."),
                """
                SELECT ingester AS __text, ingester AS __value
                FROM audit.ingesters ORDER BY ingester
                """,
                is_multi=True,
            ),
        ),
        links=(
            DashboardLink(OVERVIEW, OVERVIEW_UID),
            DashboardLink(INTEGRITY, INTEGRITY_UID),
        ),
        period=Period("now-6h"),
        refresh="1m",
    )


def _now() -> Row:
    return Row(
        140,
        Text("此刻", "Now"),
        (
            Stat(
                1,
                Text("心跳（条/秒）", "Heartbeats per second"),
                Text(
                    "最近五个完整分钟的平均提交速率。",
                    "The mean rate of committed heartbeats over the last five full minutes.",
                ),
                f"""
                SELECT coalesce(sum(committed), 0) / 300.0 AS heartbeats_per_s
                FROM audit.ingest_minutes
                WHERE starts_at >= date_trunc('minute', now()) - interval '5 minutes'
                  AND starts_at < date_trunc('minute', now()) AND {_THE_INGESTERS}
                """,
                shown=Shown(unit=PER_SECOND, decimals=1, colour=BLUE),
            ),
            Stat(
                SILENCE,
                Text("最近一次报告距今", "Since the last report"),
                Text(
                    "报告最新的接收程序距今多久；超过三分钟即无程序在接收。",
                    "How long ago any ingester reported; after three minutes none is running.",
                ),
                f"SELECT min(silent_s) AS silent_s FROM audit.ingesters WHERE {_THE_INGESTERS}",
                shown=Shown(
                    unit="s",
                    decimals=0,
                    thresholds=steps(GREEN, (180, YELLOW), (600, RED)),
                    no_value=Text("七日内无报告", "no report within a week"),
                ),
            ),
            Stat(
                BEHIND,
                Text("最大积压", "Farthest behind"),
                Text(
                    "最近五分钟内接收程序落后的最大秒数；持续增长说明数据库或消息代理跟不上。",
                    "How far behind any ingester was within the last five minutes.",
                ),
                f"""
                SELECT max(behind_s_max) AS behind_s
                FROM audit.ingest_minutes
                WHERE starts_at >= now() - interval '5 minutes' AND {_THE_INGESTERS}
                """,
                shown=Shown(
                    unit="s", decimals=0, thresholds=steps(GREEN, (60, YELLOW), (300, RED))
                ),
            ),
            Stat(
                REJECTIONS,
                Text("近一小时拒收占比", "Rejected share of the last hour"),
                Text(
                    "最近一小时拒收的消息占收到消息的比例。",
                    "The share of the messages received within the last hour that were refused.",
                ),
                f"""
                SELECT sum(rejected)::double precision / nullif(sum(received), 0) AS rejected_share
                FROM audit.ingest_minutes
                WHERE starts_at >= now() - interval '1 hour' AND {_THE_INGESTERS}
                """,
                shown=Shown(
                    unit="percentunit",
                    decimals=1,
                    thresholds=steps(GREEN, (0.01, YELLOW), (0.05, RED)),
                ),
            ),
            Stat(
                CHAIN,
                AUDIT_CHAIN,
                Text(
                    "操作日志的哈希链是否完整；断裂即有人改动或删除了日志。",
                    "Whether the chain of changes is whole; broken means somebody changed it.",
                ),
                """
                SELECT CASE WHEN is_broken THEN 'broken' ELSE 'whole' END AS chain
                FROM audit.audit_chain
                """,
                shown=Shown(words=CHAIN_LABELS),
            ),
            Stat(
                DATABASE_SIZE,
                Text("数据库大小", "Size of the database"),
                Text(
                    "数据库占用的磁盘空间，含索引；与磁盘容量对照。",
                    "The room that the database takes, with indexes.",
                ),
                "SELECT bytes FROM audit.storage WHERE name = 'database'",
                shown=Shown(unit="bytes", decimals=1, colour=BLUE),
            ),
        ),
    )


def _reception() -> Row:
    return Row(
        141,
        Text("接收", "Receiving"),
        (
            TimeSeries(
                10,
                Text("心跳速率（条/秒）", "Rate of heartbeats (per second)"),
                Text(
                    "各接收程序提交心跳的速率；断开处即该程序未运行或无法写入。",
                    "Committed heartbeats a second by ingester; a gap is one that did not run.",
                ),
                f"""
                SELECT $__timeGroup(starts_at, $__interval) AS time, ingester AS metric,
                       sum(committed) * 1000.0 / $__interval_ms AS heartbeats_per_s
                {_MINUTES}
                GROUP BY 1, ingester ORDER BY 1, ingester
                """,
                shown=Shown(unit=PER_SECOND, decimals=1),
                interval=_PER_MINUTE,
            ),
            TimeSeries(
                11,
                Text("落后时长", "Behind"),
                Text(
                    "各接收程序落后的最大秒数；消息代理积压或数据库缓慢时增长，恢复后归零。",
                    "How far each ingester was behind; grows while the broker holds messages back.",
                ),
                f"""
                SELECT $__timeGroup(starts_at, $__interval) AS time, ingester AS metric,
                       max(behind_s_max) AS behind_s
                {_MINUTES}
                GROUP BY 1, ingester ORDER BY 1, ingester
                """,
                shown=Shown(
                    unit="s",
                    thresholds=steps(GREEN, (60, YELLOW), (300, RED)),
                    has_palette=True,
                ),
                interval=_PER_MINUTE,
            ),
            TimeSeries(
                12,
                Text("每小时拒收（条）", "Rejections by hour"),
                Text(
                    "全部平台按原因统计的拒收条数，与写入证据同一事务记录。",
                    "Refused messages by reason, counted in the transaction that stores them.",
                ),
                """
                SELECT starts_at AS time, reason AS metric, sum(rejections)::bigint AS rejections
                FROM audit.rejection_hours WHERE $__timeFilter(starts_at)
                GROUP BY starts_at, reason ORDER BY starts_at, reason
                """,
                shown=Shown(
                    columns=tuple(
                        Column(code, label.text) for code, label in REJECTION_LABELS.items()
                    )
                ),
                style="stacked bars",
            ),
            TimeSeries(
                BROKER_REFUSALS,
                Text("消息代理每小时拒绝（次）", "Refused by the broker, by hour"),
                Text(
                    "消息代理拒绝的连接和丢弃的消息；未跟踪消息代理时为空。",
                    "Connections refused and messages dropped; empty where it is not followed.",
                ),
                """
                SELECT starts_at AS time, kind AS metric, sum(refusals)::bigint AS refusals
                FROM audit.broker_refusals WHERE $__timeFilter(starts_at)
                GROUP BY starts_at, kind ORDER BY starts_at, kind
                """,
                shown=Shown(
                    columns=(
                        Column("refused", Text("被拒连接", "Connections")),
                        Column("denied", Text("被弃消息", "Messages")),
                    )
                ),
                style="stacked bars",
            ),
            TimeSeries(
                13,
                Text("重复与迟到（条）", "Delivered twice and late"),
                Text(
                    "重复投递与迟到的心跳；重复者只存一份，迟到者不计入证据。",
                    "Heartbeats delivered again, and those that came too late to count.",
                ),
                f"""
                SELECT $__timeGroup(starts_at, $__interval) AS time,
                       sum(duplicates)::bigint AS duplicates, sum(late)::bigint AS late
                {_MINUTES}
                GROUP BY 1 ORDER BY 1
                """,
                shown=Shown(
                    columns=(
                        Column("duplicates", Text("重复", "Twice"), colour=PURPLE),
                        Column("late", spoken(_("Late")), colour=ORANGE),
                    )
                ),
                interval=_PER_MINUTE,
            ),
        ),
    )


def _writing() -> Row:
    return Row(
        142,
        Text("写入", "Writing"),
        (
            TimeSeries(
                20,
                Text("批次写入耗时", "Time to write a batch"),
                Text(
                    "自首次尝试写入至提交的平均与最大耗时，含重试；突增多为数据库缓慢或不可用。",
                    "From the first try to write a batch to its commit: mean and longest.",
                ),
                f"""
                SELECT $__timeGroup(starts_at, $__interval) AS time,
                       sum(commit_ms_mean * batches) / nullif(sum(batches), 0) AS commit_ms_mean,
                       max(commit_ms_max) AS commit_ms_max
                {_MINUTES}
                GROUP BY 1 ORDER BY 1
                """,
                shown=Shown(
                    unit="ms",
                    columns=(
                        Column("commit_ms_mean", Text("平均", "Mean"), colour=BLUE),
                        Column("commit_ms_max", Text("最大", "Longest"), colour=ORANGE),
                    ),
                ),
                interval=_PER_MINUTE,
            ),
            TimeSeries(
                21,
                Text("未确认消息（条）", "Messages unacknowledged"),
                Text(
                    "接收程序持有而尚未确认的消息数；长期触顶说明写入跟不上。",
                    "Messages held unacknowledged; at its ceiling, writing does not keep up.",
                ),
                f"""
                SELECT $__timeGroup(starts_at, $__interval) AS time, ingester AS metric,
                       max(unacknowledged_max) AS unacknowledged
                {_MINUTES}
                GROUP BY 1, ingester ORDER BY 1, ingester
                """,
                interval=_PER_MINUTE,
            ),
            Table(
                22,
                INGESTER,
                Text(
                    "七日内报告过的接收程序及其最近一分钟的情况。",
                    "Every ingester that reported within a week, and its last minute.",
                ),
                f"""
                SELECT ingester, last_minute_at, silent_s, behind_s_max, received, committed,
                       rejected
                FROM audit.ingesters WHERE {_THE_INGESTERS} ORDER BY ingester
                """,
                shown=Shown(
                    columns=(
                        Column("ingester", INGESTER),
                        Column("last_minute_at", Text("最近报告", "Last report")),
                        Column(
                            "silent_s",
                            Text("距今", "Ago"),
                            unit="s",
                            decimals=0,
                            thresholds=steps(GREEN, (180, YELLOW), (600, RED)),
                            cell="color-text",
                        ),
                        Column("behind_s_max", Text("落后", "Behind"), unit="s", decimals=0),
                        Column("received", Text("收到（条）", "Received")),
                        Column("committed", Text("提交（条）", "Committed")),
                        Column("rejected", Text("拒收（条）", "Rejected")),
                    )
                ),
                size=(FULL, 7),
            ),
        ),
    )


def _storage() -> Row:
    return Row(
        143,
        Text("存储", "Storage"),
        (
            Table(
                30,
                Text("各表占用", "Size of tables"),
                Text(
                    "各表占用的空间，含索引；原始心跳按保留期清理，在线时段永久保留。",
                    "The room that each table takes; presence stays for good, heartbeats do not.",
                ),
                "SELECT name, bytes, chunks FROM audit.storage ORDER BY bytes DESC, name",
                shown=Shown(
                    columns=(
                        Column("name", Text("表", "Table")),
                        Column("bytes", Text("占用", "Space"), unit="bytes", decimals=1),
                        Column("chunks", Text("分块数", "Chunks")),
                    )
                ),
                size=(HALF, 10),
                page_size=20,
            ),
            Table(
                31,
                Text("迟到判定规则", "Rules for late"),
                Text(
                    "接收程序先后依据的迟到与时钟规则；核定采用的规则应与之一致。",
                    "By which rules ingesters told late from in time, since when.",
                ),
                """
                SELECT applied_at, policy, max_delay_hours, max_clock_ahead_minutes, clock
                FROM audit.evidence_rules ORDER BY applied_at DESC
                """,
                shown=Shown(
                    columns=(
                        Column("applied_at", SINCE),
                        Column("policy", spoken(_("Policy"))),
                        Column("max_delay_hours", Text("迟到界限（小时）", "Late after (hours)")),
                        Column(
                            "max_clock_ahead_minutes",
                            Text("时钟超前（分钟）", "Clock ahead (minutes)"),
                        ),
                        Column("clock", Text("时钟", "Clock"), words=CLOCK_LABELS),
                    )
                ),
                size=(HALF, 10),
            ),
        ),
    )


def _record() -> Row:
    return Row(
        144,
        Text("证据核验与检查点", "Verified evidence and checkpoints"),
        (
            Table(
                EVIDENCE,
                Text("在线时段核验", "Presence against heartbeats"),
                Text(
                    "各月最近一次用心跳核验在线时段的结果；不一致应为零。核验时间为空即从未核验。",
                    "The last verification of each month; no hour may differ. Without a time: the "
                    "month was never verified.",
                ),
                """
                SELECT to_char(month, 'YYYY-MM') AS month, verified_at, differences,
                       unverifiable_days, heartbeats
                FROM audit.evidence_months
                ORDER BY month DESC LIMIT 24
                """,
                shown=Shown(
                    columns=(
                        Column("month", spoken(_("Month"))),
                        Column("verified_at", _VERIFIED_AT),
                        Column(
                            "differences",
                            Text("不一致（小时）", "Differences (hours)"),
                            thresholds=steps(GREEN, (1, RED)),
                            cell="color-text",
                        ),
                        Column(
                            "unverifiable_days", Text("无法核验（天）", "Not verifiable (days)")
                        ),
                        Column("heartbeats", Text("读取心跳", "Heartbeats read")),
                    )
                ),
                size=(HALF, 10),
            ),
            Table(
                BROKER_FILES,
                Text("消息服务器的文件", "Files of the broker"),
                Text(
                    "消息代理据以认人的口令文件和访问控制文件最近一次丢失的时间；空为从未丢失。",
                    "When the broker's password and ACL files last vanished; empty: never.",
                ),
                """
                SELECT kind, vanished_at, back_at FROM audit.broker_files ORDER BY kind
                """,
                shown=Shown(
                    columns=(
                        Column(
                            "kind",
                            Text("文件种类", "File"),
                            words={
                                "passwords": Label(Text("口令", "Passwords")),
                                "acl": Label(Text("访问控制", "ACL")),
                            },
                        ),
                        Column("vanished_at", Text("发现丢失", "Found gone")),
                        Column("back_at", Text("恢复", "Back")),
                    )
                ),
                size=(HALF, 10),
            ),
            Table(
                CHECKPOINTS,
                spoken(_("Checkpoints")),
                Text(
                    "在数据库之外写下的签名声明；应每日一个，且由全部见证方会签。",
                    "Signed statements outside of the database: one a day, by every witness.",
                ),
                """
                SELECT number, written_at, occasion, findings, cosigned, witnesses
                FROM audit.checkpoints ORDER BY written_at DESC, number DESC LIMIT 30
                """,
                shown=Shown(
                    columns=(
                        Column("number", spoken(_("No."))),
                        Column("written_at", spoken(_("Written"))),
                        Column("occasion", Text("事由", "Occasion")),
                        Column(
                            "findings",
                            Text("发现", "Findings"),
                            thresholds=steps(GREEN, (1, RED)),
                            cell="color-text",
                        ),
                        Column("cosigned", Text("已会签", "Cosigned")),
                        Column("witnesses", Text("见证方", "Witnesses")),
                    )
                ),
                size=(HALF, 10),
            ),
            Table(
                ARCHIVE,
                Text("归档核验", "Archive"),
                Text(
                    "最近一次核验归档文件的结果；问题应为零，且应每周核验一次。",
                    "The last verification of archived files: once a week, and without findings.",
                ),
                """
                SELECT verified_at, findings, files, first_archived_at FROM audit.archive_state
                """,
                shown=Shown(
                    columns=(
                        Column("verified_at", _VERIFIED_AT),
                        Column(
                            "findings",
                            Text("问题", "Findings"),
                            thresholds=steps(GREEN, (1, RED)),
                            cell="color-text",
                        ),
                        Column("files", Text("归档文件", "Archived files")),
                        Column("first_archived_at", Text("首次归档", "First archived")),
                    )
                ),
                size=(FULL, 5),
            ),
            Table(
                SIGNALS,
                Text("疑点运行", "Runs of the signals"),
                Text(
                    "查找疑点的运行，应每日一次；疑点只供核查，不改变认定结果。",
                    "Runs that looked for signals: one a day. A signal changes no outcome.",
                ),
                """
                SELECT id, run_at, from_on::text AS from_on, as_of_on::text AS as_of_on, signals,
                       run_by, code_version
                FROM audit.signal_runs ORDER BY id DESC LIMIT 30
                """,
                shown=Shown(
                    columns=(
                        Column("id", spoken(_("No."))),
                        Column("run_at", Text("运行时间", "Run")),
                        Column("from_on", FROM),
                        Column("as_of_on", UNTIL),
                        Column("signals", SEVERAL_SIGNALS),
                        Column("run_by", spoken(_("By whom"))),
                        Column("code_version", spoken(_("Version of the program"))),
                    )
                ),
                size=(FULL, 8),
            ),
        ),
    )
