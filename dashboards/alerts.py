"""Alert rules: what wakes somebody, each with the runbook of its name in `runbooks/`.

The queries use no macro and no variable: Grafana takes a `$` in a provisioning file for a variable
of its environment.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from dashboards.operations import (
    ARCHIVE,
    BEHIND,
    BROKER_FILES,
    BROKER_REFUSALS,
    CHAIN,
    CHECKPOINTS,
    DATABASE_SIZE,
    EVIDENCE,
    REJECTIONS,
    SIGNALS,
    SILENCE,
)
from jieru.vocabulary import Text

__all__ = ["GROUP", "INTERVAL_S", "Alert", "all_alerts", "runbooks"]

GROUP: Final = "jieru"
INTERVAL_S: Final = 60
"""Between two evaluations."""

_RUNBOOKS: Final = Path(__file__).parent / "runbooks"
_BYTES_PER_GB: Final = 10**9


@dataclass(frozen=True, slots=True)
class Alert:
    """One number, asked every minute, and when it is too large."""

    name: str
    """Also of its runbook."""
    title: Text
    summary: Text
    """What has happened."""
    sql: str
    """Always one row with one number, so that no data is a fault of its own."""
    threshold: float
    """The number fires above this."""
    wait: str
    """For how long it must, before anybody is told."""
    severity: Literal["critical", "warning"]
    panel: int
    """Of the dashboard of operations: where to look first."""

    @property
    def uid(self) -> str:
        """By which Grafana knows the rule."""
        return f"jieru-{self.name}"


def all_alerts(disk_gb: int) -> list[Alert]:
    """Every alert there is.

    Args:
        disk_gb: how much room the database may take; an auditor's role cannot see a disk.
    """
    return [
        Alert(
            name="ingest-silent",
            title=Text("接收中断", "Ingest silent"),
            summary=Text(
                "五分钟内没有任何接收程序报告，心跳没有入库。",
                "No ingester has reported for five minutes: heartbeats are not stored.",
            ),
            # A week stands for never: the view looks back no further.
            sql="SELECT coalesce(min(silent_s), 604800) AS silent_s FROM audit.ingesters",
            threshold=300,
            wait="1m",
            severity="critical",
            panel=SILENCE,
        ),
        Alert(
            name="ingest-behind",
            title=Text("接收积压", "Ingest behind"),
            summary=Text(
                "接收程序持续落后五分钟以上，消息代理正在积压。",
                "Ingesters stay more than five minutes behind: the broker holds messages.",
            ),
            sql="""
            SELECT coalesce(max(behind_s_max), 0) AS behind_s
            FROM audit.ingest_minutes WHERE starts_at >= now() - interval '5 minutes'
            """,
            threshold=300,
            wait="5m",
            severity="critical",
            panel=BEHIND,
        ),
        Alert(
            name="session-trouble",
            title=Text("会话丢失或被占用", "Session trouble"),
            summary=Text(
                "十五分钟内有接收程序在消息代理上的会话丢失或被占用，已确认的心跳可能丢失。",
                "An ingester's session at the broker was lost or taken over within 15 minutes: "
                "heartbeats that were acknowledged may be lost.",
            ),
            sql="""
            SELECT coalesce(sum(session_troubles), 0)::double precision AS troubles
            FROM audit.ingest_minutes WHERE starts_at >= now() - interval '15 minutes'
            """,
            threshold=0,
            wait="0s",
            severity="critical",
            panel=BEHIND,
        ),
        Alert(
            name="rejections-rising",
            title=Text("拒收激增", "Rejections rising"),
            summary=Text(
                "最近十五分钟的拒收条数超过近一日平均水平的四倍。",
                "Four times as many messages as usual were refused within 15 minutes.",
            ),
            # A day has 96 quarters of an hour; fewer than five each is quiet.
            sql="""
            SELECT (coalesce(sum(rejected) FILTER (
                        WHERE starts_at >= now() - interval '15 minutes'), 0)
                    / greatest(coalesce(sum(rejected), 0) / 96.0, 5))::double precision
                       AS times_usual
            FROM audit.ingest_minutes WHERE starts_at >= now() - interval '1 day'
            """,
            threshold=4,
            wait="5m",
            severity="warning",
            panel=REJECTIONS,
        ),
        Alert(
            name="broker-refusals",
            title=Text("消息代理大量拒绝", "Many refused by the broker"),
            summary=Text(
                "最近两小时内消息代理拒绝的连接和丢弃的消息超过两千次。",
                "The broker refused connections and dropped messages more than 2,000 times within "
                "two hours.",
            ),
            # Counted by hour: from the beginning of the hour before this one.
            sql="""
            SELECT coalesce(sum(refusals), 0)::double precision AS refusals
            FROM audit.broker_refusals
            WHERE starts_at >= date_trunc('hour', now(), 'UTC') - interval '1 hour'
            """,
            threshold=2000,
            wait="5m",
            severity="warning",
            panel=BROKER_REFUSALS,
        ),
        Alert(
            name="audit-chain-broken",
            title=Text("操作日志链断裂", "Audit chain broken"),
            summary=Text(
                "操作日志的哈希链不完整：有记录被改动或删除。",
                "The chain of the audit is broken: an entry was changed or removed.",
            ),
            # A row that is missing is a break too.
            sql="""
            SELECT coalesce(bool_or(is_broken), true)::integer AS is_broken FROM audit.audit_chain
            """,
            threshold=0.5,
            wait="0s",
            severity="critical",
            panel=CHAIN,
        ),
        Alert(
            name="audit-unverified",
            title=Text("操作日志久未核验", "Audit unverified"),
            summary=Text(
                "两日以上没有完整核验过操作日志。",
                "The whole audit has not been verified for more than two days.",
            ),
            # A week stands for never.
            sql="""
            SELECT coalesce(extract(epoch FROM now() - max(last_checked_at)), 604800)
                       ::double precision AS unverified_s
            FROM audit.audit_chain
            """,
            threshold=2 * 86_400,
            wait="10m",
            severity="warning",
            panel=CHAIN,
        ),
        Alert(
            name="evidence-differs",
            title=Text("证据不符", "Evidence differs"),
            summary=Text(
                "在线时段与心跳不一致：证据可能被改动。",
                "Presence and heartbeats differ: evidence may have been changed.",
            ),
            sql="""
            SELECT coalesce(sum(differences), 0)::double precision AS differences
            FROM audit.evidence_months
            """,
            threshold=0,
            wait="0s",
            severity="critical",
            panel=EVIDENCE,
        ),
        Alert(
            name="evidence-unverified",
            title=Text("证据久未核验", "Evidence unverified"),
            summary=Text(
                "两日以上没有用心跳核验过在线时段，或有收到心跳的月份从未核验。",
                "Presence has not been held against its heartbeats for more than two days, or a "
                "month in which heartbeats came never was.",
            ),
            # A week stands for never.
            sql="""
            SELECT coalesce(CASE WHEN bool_or(verified_at IS NULL) THEN 604800
                                 ELSE extract(epoch FROM now() - max(verified_at)) END, 604800)
                       ::double precision AS unverified_s
            FROM audit.evidence_months
            """,
            threshold=2 * 86_400,
            wait="10m",
            severity="warning",
            panel=EVIDENCE,
        ),
        Alert(
            name="checkpoint-overdue",
            title=Text("检查点异常", "Checkpoint trouble"),
            summary=Text(
                "两日以上没有经全部见证方会签的检查点，或三十日内有检查点发现记录被改动。",
                "No checkpoint that every witness signed for two days, or one of the last thirty "
                "days found the record changed.",
            ),
            # A week stands for never, and for a record that was changed.
            sql="""
            SELECT (CASE WHEN coalesce(sum(findings) FILTER (
                             WHERE written_at > now() - interval '30 days'), 0) > 0 THEN 604800
                         ELSE coalesce(extract(epoch FROM now() - max(written_at) FILTER (
                             WHERE cosigned = witnesses)), 604800) END)::double precision
                       AS overdue_s
            FROM audit.checkpoints
            """,
            threshold=2 * 86_400,
            wait="10m",
            severity="critical",
            panel=CHECKPOINTS,
        ),
        Alert(
            name="broker-file-vanished",
            title=Text("消息服务器文件丢失", "Broker file vanished"),
            summary=Text(
                "消息服务器的口令文件或访问控制文件不见了：口令文件恢复之前，吊销的凭据仍可使用。",
                "The broker's password file or ACL file has vanished: until a password file is "
                "back, revoked credentials go on working.",
            ),
            # An ACL file is written anew at once: an hour of alarm, for somebody took it away.
            sql="""
            SELECT count(*)::double precision AS vanished FROM audit.broker_files
            WHERE vanished_at IS NOT NULL AND coalesce(back_at, now()) > now() - interval '1 hour'
            """,
            threshold=0,
            wait="0s",
            severity="critical",
            panel=BROKER_FILES,
        ),
        Alert(
            name="archive-damaged",
            title=Text("归档异常", "Archive trouble"),
            summary=Text(
                "最近一次核验发现归档文件缺失或被改动，或九日以上没有核验过归档。",
                "The last verification found archived files missing or changed, or the archive "
                "has not been verified for nine days.",
            ),
            # A month stands for damage. Where nothing was archived there is nothing to verify.
            sql="""
            SELECT (CASE WHEN findings > 0 THEN 2592000
                         WHEN files = 0 THEN 0
                         ELSE extract(epoch FROM now() - coalesce(verified_at, first_archived_at))
                    END)::double precision AS trouble_s
            FROM audit.archive_state
            """,
            threshold=9 * 86_400,
            wait="10m",
            severity="critical",
            panel=ARCHIVE,
        ),
        Alert(
            name="signals-overdue",
            title=Text("疑点久未查找", "Signals overdue"),
            summary=Text(
                "两日以上没有查找过疑点。",
                "Nobody has looked for signals for more than two days.",
            ),
            # A week stands for never.
            sql="""
            SELECT coalesce(extract(epoch FROM now() - max(run_at)), 604800)
                       ::double precision AS overdue_s
            FROM audit.signal_runs
            """,
            threshold=2 * 86_400,
            wait="10m",
            severity="warning",
            panel=SIGNALS,
        ),
        Alert(
            name="disk-filling",
            title=Text("数据库空间将满", "Disk filling"),
            summary=Text(
                f"数据库占用已超过 {disk_gb} GB 的五分之四。",
                f"The database takes more than four fifths of {disk_gb} GB.",
            ),
            sql=f"""
            SELECT (max(bytes) / {disk_gb * _BYTES_PER_GB}.0)::double precision AS used_share
            FROM audit.storage WHERE name = 'database'
            """,
            threshold=0.8,
            wait="10m",
            severity="warning",
            panel=DATABASE_SIZE,
        ),
    ]


def runbooks() -> dict[str, bytes]:
    """The runbooks that come with Jieru, by file name."""
    return {path.name: path.read_bytes() for path in sorted(_RUNBOOKS.glob("*.md"))}
