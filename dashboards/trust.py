"""Signals and cases: what an honest fleet rarely shows, and of whom. It proves nothing."""

from typing import Final

from dashboards.counts import INTEGRITY_UID, OPERATIONS_UID, TRUST_UID, which_platforms
from dashboards.fields import Column, Shown
from dashboards.headings import (
    DEVICES,
    ENTERPRISE,
    ENTERPRISES,
    FROM,
    HARD_SIGNALS,
    INTEGRITY,
    OPERATIONS,
    PLATFORM,
    SIGNALS,
    TRUST,
    UNTIL,
    USCC,
)
from dashboards.layout import Dashboard, DashboardLink, Period, Row
from dashboards.panels import FULL, HALF, Stat, Table, TimeSeries
from dashboards.queries import THE_PLATFORMS
from dashboards.words import (
    CASE_CAUSE_LABELS,
    CASE_STATE_LABELS,
    ORANGE,
    RED,
    SIGNAL_LABELS,
    STRENGTH_LABELS,
)
from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = ["trust"]

_LATEST: Final = f"is_latest AND platform = {THE_PLATFORMS}"
_SIGNAL: Final = spoken(_("Signal"))
_NUMBER: Final = spoken(_("No."))
_STRENGTH: Final = Text("强度", "Strength")


def trust() -> Dashboard:
    """The dashboard."""
    return Dashboard(
        uid=TRUST_UID,
        title=TRUST,
        description=Text(
            "正常设备很少出现的迹象，只供核查；不是结论，也不改变认定结果。",
            "What an honest fleet rarely shows: a reason to look, and no finding.",
        ),
        rows=(_runs(), _signals(), _cases()),
        variables=(which_platforms(),),
        links=(
            DashboardLink(INTEGRITY, INTEGRITY_UID, ("platform",)),
            DashboardLink(OPERATIONS, OPERATIONS_UID),
        ),
        period=Period("now-90d"),
    )


def _runs() -> Row:
    return Row(
        150,
        Text("最近一次运行", "Latest run"),
        (
            Stat(
                1,
                Text("证据截至", "Evidence up to"),
                Text("最近一次运行所看证据的末日。", "The last day that the latest run looked at."),
                "SELECT as_of_on::text AS as_of_on FROM audit.signal_runs WHERE is_latest",
            ),
            Stat(
                2,
                HARD_SIGNALS,
                Text(
                    "最近一次运行的强疑点：正常设备不会出现，一条即立案核查。",
                    "Of the latest run: no honest fleet shows them, and one opens a case.",
                ),
                f"SELECT count(*) AS signals FROM audit.signals WHERE {_LATEST}"
                " AND strength = 'hard'",
            ),
            Stat(
                3,
                Text("弱疑点（条）", "Soft signals"),
                Text(
                    "最近一次运行的弱疑点：两种不同的弱疑点才立案核查。",
                    "Of the latest run: two of different kinds open a case.",
                ),
                f"SELECT count(*) AS signals FROM audit.signals WHERE {_LATEST}"
                " AND strength = 'soft'",
            ),
            TimeSeries(
                4,
                Text("各次运行的疑点", "Signals by run"),
                Text(
                    "所选平台每次运行查出的疑点，按强度。",
                    "What each run found on these platforms, by strength.",
                ),
                f"""
                SELECT run_at AS time, count(*) FILTER (WHERE strength = 'hard') AS hard,
                       count(*) FILTER (WHERE strength = 'soft') AS soft
                FROM audit.signals
                WHERE $__timeFilter(run_at) AND platform = {THE_PLATFORMS}
                GROUP BY run_id, run_at ORDER BY run_at, run_id
                """,
                shown=Shown(
                    columns=(
                        Column("hard", STRENGTH_LABELS["hard"].text, colour=RED),
                        Column("soft", STRENGTH_LABELS["soft"].text, colour=ORANGE),
                    )
                ),
                size=(HALF, 10),
            ),
            Table(
                5,
                Text("按种类", "By kind"),
                Text(
                    "最近一次运行中各种疑点的条数与涉及的企业数。",
                    "How many signals of each kind the latest run found, of how many enterprises.",
                ),
                f"""
                SELECT kind, strength, count(*) AS signals, count(DISTINCT uscc) AS enterprises
                FROM audit.signals WHERE {_LATEST}
                GROUP BY kind, strength ORDER BY strength, signals DESC, kind
                """,
                shown=Shown(
                    columns=(
                        Column("kind", _SIGNAL, words=SIGNAL_LABELS),
                        Column("strength", _STRENGTH, words=STRENGTH_LABELS, cell="color-text"),
                        Column("signals", SIGNALS),
                        Column("enterprises", ENTERPRISES),
                    )
                ),
                size=(HALF, 10),
            ),
        ),
    )


def _signals() -> Row:
    return Row(
        151,
        spoken(_("Signals")),
        (
            Table(
                10,
                Text("有疑点的企业（至多 200 家）", "Enterprises with signals (200 at most)"),
                Text(
                    "最近一次运行中有疑点的企业，强疑点与种类多者在前。",
                    "Enterprises of which the latest run found something, hard signals first.",
                ),
                f"""
                SELECT platform, enterprise, uscc,
                       count(*) FILTER (WHERE strength = 'hard') AS hard,
                       count(DISTINCT kind) FILTER (WHERE strength = 'soft') AS soft_kinds,
                       min(from_on)::text AS from_on, max(to_on)::text AS to_on
                FROM audit.signals WHERE {_LATEST}
                GROUP BY platform, enterprise, uscc
                ORDER BY hard DESC, soft_kinds DESC, platform, uscc LIMIT 200
                """,
                shown=Shown(
                    columns=(
                        Column("platform", PLATFORM, width=140),
                        Column("enterprise", ENTERPRISE),
                        Column("uscc", USCC, width=190),
                        Column("hard", HARD_SIGNALS, width=120),
                        Column("soft_kinds", Text("弱疑点（种）", "Soft kinds"), width=120),
                        Column("from_on", FROM, width=110),
                        Column("to_on", UNTIL, width=110),
                    )
                ),
                page_size=20,
            ),
            Table(
                11,
                Text("疑点明细（至多 500 条）", "Signals one by one (500 at most)"),
                Text(
                    "最近一次运行的每条疑点：实测值、阈值、时段、设备和另一方。",
                    "Each signal of the latest run: what was measured, when, of whom.",
                ),
                f"""
                SELECT platform, enterprise, uscc, kind, strength, score, threshold,
                       from_on::text AS from_on, to_on::text AS to_on, devices, serials, other_uscc
                FROM audit.signals WHERE {_LATEST}
                ORDER BY platform, uscc, kind, from_on, serials, other_uscc LIMIT 500
                """,
                shown=Shown(
                    columns=(
                        Column("platform", PLATFORM, width=120),
                        Column("enterprise", ENTERPRISE),
                        Column("uscc", USCC, width=190),
                        Column("kind", _SIGNAL, words=SIGNAL_LABELS, width=170),
                        Column(
                            "strength",
                            _STRENGTH,
                            words=STRENGTH_LABELS,
                            cell="color-text",
                            width=80,
                        ),
                        Column("score", spoken(_("Measured")), width=90),
                        Column("threshold", spoken(_("Threshold")), width=90),
                        Column("from_on", FROM, width=110),
                        Column("to_on", UNTIL, width=110),
                        Column("devices", DEVICES, width=100),
                        Column("serials", Text("设备序列号", "Serials")),
                        Column("other_uscc", Text("另一方代码", "Code of the other"), width=190),
                    )
                ),
                size=(FULL, 14),
                page_size=20,
            ),
        ),
    )


def _cases() -> Row:
    return Row(
        152,
        Text("核查与抽查", "Cases and draws"),
        (
            Table(
                20,
                Text("核查（至多 500 件）", "Cases (500 at most)"),
                Text(
                    "所选平台的核查：因何立案、进展和答复期限，未结的在前。",
                    "Cases on these platforms: why, how far, until when; open ones first.",
                ),
                f"""
                SELECT id, platform, enterprise, uscc, cause, strength, state,
                       opened_on::text AS opened_on, due_on::text AS due_on
                FROM audit.cases WHERE platform = {THE_PLATFORMS}
                ORDER BY is_concluded, id LIMIT 500
                """,
                shown=Shown(
                    columns=(
                        Column("id", _NUMBER, width=80),
                        Column("platform", PLATFORM, width=120),
                        Column("enterprise", ENTERPRISE),
                        Column("uscc", USCC, width=190),
                        Column("cause", Text("因何立案", "Because of"), words=CASE_CAUSE_LABELS),
                        Column(
                            "strength",
                            _STRENGTH,
                            words=STRENGTH_LABELS,
                            cell="color-text",
                            width=110,
                        ),
                        Column(
                            "state",
                            Text("进展", "How far"),
                            words=CASE_STATE_LABELS,
                            cell="color-text",
                            width=150,
                        ),
                        Column("opened_on", Text("立案日期", "Opened on"), width=110),
                        Column("due_on", spoken(_("Answer due on")), width=110),
                    )
                ),
                size=(FULL, 10),
                page_size=20,
            ),
            Table(
                21,
                spoken(_("Draws")),
                Text(
                    "每次公布的名单：家数、抽取数、已走访数和不符数。",
                    "Each published list: how many are on it, drawn, visited, and amiss.",
                ),
                """
                SELECT id, year, announced_on::text AS announced_on, listed, size, drawn, visited,
                       amiss, digest
                FROM audit.draws ORDER BY id
                """,
                shown=Shown(
                    columns=(
                        Column("id", _NUMBER, width=80),
                        Column("year", spoken(_("Year")), width=80),
                        Column("announced_on", Text("开奖日期", "Value of"), width=110),
                        Column("listed", spoken(_("Listed")), width=100),
                        Column("size", Text("应抽", "To draw"), width=90),
                        Column("drawn", Text("已抽", "Drawn"), width=90),
                        Column("visited", spoken(_("Visited")), width=90),
                        Column("amiss", Text("不符", "Amiss"), width=90),
                        Column("digest", Text("名单摘要（SHA-256）", "Digest of the list")),
                    )
                ),
                size=(FULL, 8),
            ),
        ),
    )
