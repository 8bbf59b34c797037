"""Overview: what the year's count says of the city, platform by platform, and what it costs."""

from typing import Final

from dashboards.counts import (
    INTEGRITY_UID,
    OPERATIONS_UID,
    OVERVIEW_UID,
    PLATFORM_UID,
    THE_COUNT,
    signature,
    to_platform,
    two_years,
    which_platforms,
    which_stage,
    which_year,
)
from dashboards.fields import Column, Shown, steps
from dashboards.headings import (
    COUNTED,
    COUNTED_ENTERPRISES,
    DEVICES_ONLINE,
    INTEGRITY,
    NO_BUDGET,
    NO_COUNT,
    ONLINE_MEANS,
    OPERATIONS,
    PENDING_ENTERPRISES,
    PLATFORM,
    RESULTS_OF_THE_COUNT,
)
from dashboards.layout import Dashboard, DashboardLink, Period, Row
from dashboards.panels import FULL, STAT_HEIGHT, BarChart, BarGauge, Stat, Table
from dashboards.queries import THE_PLATFORMS
from dashboards.words import (
    BLUE,
    DEVICE_STATUS_LABELS,
    GREEN,
    GREY,
    NATURE_LABELS,
    ORANGE,
    RED,
    STATE_LABELS,
    YELLOW,
)
from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = ["overview"]

_OF_THE_PLATFORMS: Final = f"platform = {THE_PLATFORMS}"


def overview() -> Dashboard:
    """The dashboard."""
    return Dashboard(
        uid=OVERVIEW_UID,
        title=Text("接入核定总览", "Overview"),
        description=Text(
            "一个年度的核定结果、奖励、预算与设备现状。", "What a year's count says and costs."
        ),
        rows=(
            signature(109),
            _count(),
            _platforms(),
            two_years(102, _OF_THE_PLATFORMS),
            _devices(),
        ),
        variables=(
            which_year(),
            which_stage(),
            which_platforms(),
        ),
        links=(
            DashboardLink(PLATFORM, PLATFORM_UID, ("year", "stage")),
            DashboardLink(INTEGRITY, INTEGRITY_UID, ("year", "stage", "platform")),
            DashboardLink(OPERATIONS, OPERATIONS_UID),
        ),
        period=Period("now-1y", is_hidden=True),
    )


def _count() -> Row:
    return Row(
        100,
        RESULTS_OF_THE_COUNT,
        (
            Stat(
                1,
                Text("核定状态", "State of the count"),
                Text(
                    "本页各项数据所依据的核定处于哪一环节；草案尚未复核，不得作为拨付依据。",
                    "How far the count behind this page is; nothing may be paid on a draft.",
                ),
                f"SELECT state FROM audit.counts WHERE {THE_COUNT}",
                shown=Shown(words=STATE_LABELS, no_value=NO_COUNT),
            ),
            Stat(
                2,
                Text("数据性质", "Nature of the data"),
                Text(
                    "数据库在建立时是否被标记为模拟；模拟数据不得作为奖励依据。",
                    "Whether the database was marked as a simulation; no award may rest on one.",
                ),
                """
                SELECT CASE WHEN is_simulation THEN 'simulation' ELSE 'evidence' END AS nature
                FROM audit.installation
                """,
                shown=Shown(words=NATURE_LABELS),
            ),
            Stat(
                3,
                COUNTED_ENTERPRISES,
                Text(
                    "所选平台本年度计入的企业数，与核定文件一致。",
                    "Enterprises counted on the chosen platforms, as the count's document has it.",
                ),
                f"""
                SELECT sum(counted)::integer AS counted
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                """,
                shown=Shown(colour=GREEN),
            ),
            Stat(
                4,
                PENDING_ENTERPRISES,
                Text(
                    "窗口尚未满期、仍可能计入的企业数；为零之前核定一般不宜冻结。",
                    "Enterprises whose window is not complete yet and could still count.",
                ),
                f"""
                SELECT sum(pending)::integer AS pending
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                """,
                shown=Shown(thresholds=steps(GREEN, (1, YELLOW))),
            ),
            Stat(
                5,
                Text("奖励合计（元）", "Awards (yuan)"),
                Text(
                    "所选平台各条款奖励之和，已按上限封顶。",
                    "What the chosen platforms earn under all clauses, after the cap.",
                ),
                f"""
                SELECT sum(award_yuan)::bigint AS award_yuan
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                """,
                shown=Shown(colour=BLUE),
            ),
            Stat(
                6,
                Text("预算余额（元）", "Budget left (yuan)"),
                Text(
                    "年度预算减去全市全部平台的奖励；为负即超出预算。不受平台选择影响。",
                    "The year's budget less all awards of the city, whatever platform is chosen.",
                ),
                f"SELECT left_yuan FROM audit.budget WHERE {THE_COUNT}",
                shown=Shown(thresholds=steps(RED, (0, GREEN)), no_value=NO_BUDGET),
            ),
        ),
    )


def _platforms() -> Row:
    return Row(
        101,
        Text("各平台与奖励上限", "Platforms and the cap"),
        (
            Table(
                10,
                Text("各平台核定结果", "Results by platform"),
                Text(
                    "每个平台计入、待满期、列入的企业数与应得奖励；点击平台可查看其企业。",
                    "For each platform what it has counted, pending and listed, and what it earns.",
                ),
                f"""
                SELECT name, platform, counted, pending, listed, award_yuan
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                ORDER BY counted DESC, platform
                """,
                shown=Shown(
                    columns=(
                        Column("name", PLATFORM, link=to_platform()),
                        Column(
                            "platform", spoken(_("Platform code")), link=to_platform(), width=140
                        ),
                        Column("counted", COUNTED, width=110),
                        Column("pending", Text("待满期（家）", "Pending"), width=120),
                        Column("listed", Text("列入（家）", "Listed"), width=110),
                        Column("award_yuan", spoken(_("Awards (yuan)")), width=140),
                    )
                ),
                size=(14, 9),
            ),
            BarGauge(
                11,
                Text("接入奖励占上限的比例", "Award against the cap"),
                Text(
                    "有上限的条款：封顶前金额占上限的比例；达到 100% 即已封顶，超出部分不奖励。",
                    "Of clauses with a cap: the amount before the cap as a share of it.",
                ),
                f"""
                SELECT name, uncapped_yuan::double precision / cap_yuan AS cap_share
                FROM audit.awards
                WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS} AND cap_yuan > 0
                ORDER BY cap_share DESC, platform
                """,
                shown=Shown(
                    unit="percentunit",
                    decimals=0,
                    minimum=0,
                    maximum=1,
                    thresholds=steps(GREEN, (0.8, YELLOW), (1, ORANGE)),
                ),
                size=(10, 9),
            ),
            Stat(
                12,
                Text("预算执行（元）", "Budget (yuan)"),
                Text(
                    "年度预算、应付奖励、已拨付与应追回的金额。不受平台选择影响。",
                    "The year's budget, what is due, what was paid, what is claimed back.",
                ),
                f"""
                SELECT budget_yuan, total_yuan, paid_yuan, recovery_yuan
                FROM audit.budget WHERE {THE_COUNT}
                """,
                shown=Shown(
                    colour=GREY,
                    no_value=NO_BUDGET,
                    columns=(
                        Column("budget_yuan", Text("年度预算", "Year's budget")),
                        Column("total_yuan", Text("应付奖励", "Awards due"), colour=BLUE),
                        Column("paid_yuan", spoken(_("Paid")), colour=GREEN),
                        Column("recovery_yuan", Text("应追回", "To be recovered"), colour=ORANGE),
                    ),
                ),
                size=(FULL, STAT_HEIGHT),
                has_names=True,
            ),
        ),
    )


def _devices() -> Row:
    return Row(
        103,
        Text("设备现状", "Devices now"),
        (
            BarChart(
                30,
                Text("各平台设备状态（台）", "Devices by status"),
                Text(
                    "各平台未终止的设备此刻在线、迟报、离线与从未上线的台数；与年度选择无关。",
                    "Devices of each platform by their status at this moment, whatever the year.",
                ),
                f"""
                SELECT platform,
                       (sum(devices) FILTER (WHERE status = 'online'))::integer AS online,
                       (sum(devices) FILTER (WHERE status = 'late'))::integer AS late,
                       (sum(devices) FILTER (WHERE status = 'offline'))::integer AS offline,
                       (sum(devices) FILTER (WHERE status = 'never'))::integer AS never
                FROM audit.device_statuses WHERE {_OF_THE_PLATFORMS}
                GROUP BY platform ORDER BY platform
                """,
                category="platform",
                shown=Shown(
                    columns=tuple(
                        Column(code, label.text, colour=label.colour)
                        for code, label in DEVICE_STATUS_LABELS.items()
                    )
                ),
                style="stacked columns",
                size=(FULL - 4, 9),
            ),
            Stat(
                31,
                DEVICES_ONLINE,
                ONLINE_MEANS,
                f"""
                SELECT coalesce(sum(devices), 0)::integer AS online
                FROM audit.device_statuses WHERE {_OF_THE_PLATFORMS} AND status = 'online'
                """,
                shown=Shown(colour=GREEN),
            ),
        ),
    )
