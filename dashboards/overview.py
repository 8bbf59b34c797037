"""Overview: what the year's count says of the city, platform by platform, and what it costs."""

from typing import Final

from dashboards.counts import (
    INTEGRITY_UID,
    OPERATIONS_UID,
    OVERVIEW_UID,
    PLATFORM_UID,
    THE_COUNT,
    to_platform,
    two_years,
    which_platforms,
    which_stage,
    which_year,
)
from dashboards.fields import column, field_config, steps
from dashboards.layout import Period, Row, dashboard, link
from dashboards.panels import FULL, Proof, bar_chart, bar_gauge, stat, table
from dashboards.queries import THE_PLATFORMS, Json
from dashboards.words import (
    BLUE,
    DEVICE_STATUS_WORDS,
    GREEN,
    GREY,
    ORANGE,
    RED,
    STATE_WORDS,
    YELLOW,
    mapping,
)

__all__ = ["overview"]

_OF_THE_PLATFORMS: Final = f"platform = {THE_PLATFORMS}"


def overview() -> Json:
    """The dashboard."""
    return dashboard(
        OVERVIEW_UID,
        "接入核定总览",
        "一个年度的核定结果、奖励、预算与设备现状。What a year's count says and costs.",
        rows=[_count(), _platforms(), two_years(102, _OF_THE_PLATFORMS), _devices()],
        variables=[which_year(), which_stage(), which_platforms()],
        links=[
            link("平台", PLATFORM_UID, "year", "stage"),
            link("数据可信度", INTEGRITY_UID, "year", "stage", "platform"),
            link("运行状况", OPERATIONS_UID),
        ],
        period=Period("now-1y", is_hidden=True),
    )


def _count() -> Row:
    return Row(
        100,
        "核定结果",
        [
            stat(
                1,
                "核定状态",
                Proof(
                    "本页各项数据所依据的核定处于哪一环节；草案尚未复核，不得作为拨付依据。",
                    "How far the count behind this page is; nothing may be paid on a draft.",
                ),
                f"SELECT state FROM audit.counts WHERE {THE_COUNT}",
                field=field_config(words=mapping(STATE_WORDS), no_value="尚无核定"),
            ),
            stat(
                2,
                "数据性质",
                Proof(
                    "数据库在建立时是否被标记为模拟；模拟数据不得作为奖励依据。",
                    "Whether the database was marked as a simulation; no award may rest on one.",
                ),
                """
                SELECT CASE WHEN is_simulation THEN 'simulation' ELSE 'evidence' END AS nature
                FROM audit.installation
                """,
                field=field_config(
                    words=mapping(
                        {"simulation": ("模拟数据", ORANGE), "evidence": ("实际数据", GREEN)}
                    )
                ),
            ),
            stat(
                3,
                "计入企业（家）",
                Proof(
                    "所选平台本年度计入的企业数，与核定文件一致。",
                    "Enterprises counted on the chosen platforms, as the count's document has it.",
                ),
                f"""
                SELECT sum(counted)::integer AS counted
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                """,
                field=field_config(colour=GREEN),
            ),
            stat(
                4,
                "待满期企业（家）",
                Proof(
                    "窗口尚未满期、仍可能计入的企业数；为零之前核定一般不宜冻结。",
                    "Enterprises whose window is not complete yet and could still count.",
                ),
                f"""
                SELECT sum(pending)::integer AS pending
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                """,
                field=field_config(thresholds=steps(GREEN, (1, YELLOW))),
            ),
            stat(
                5,
                "奖励合计（元）",
                Proof(
                    "所选平台各条款奖励之和，已按上限封顶。",
                    "What the chosen platforms earn under all clauses, after the cap.",
                ),
                f"""
                SELECT sum(award_yuan)::bigint AS award_yuan
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                """,
                field=field_config(colour=BLUE),
            ),
            stat(
                6,
                "预算余额（元）",
                Proof(
                    "年度预算减去全市全部平台的奖励；为负即超出预算。不受平台选择影响。",
                    "The year's budget less all awards of the city, whatever platform is chosen.",
                ),
                f"SELECT left_yuan FROM audit.budget WHERE {THE_COUNT}",
                field=field_config(thresholds=steps(RED, (0, GREEN)), no_value="未设预算"),
            ),
        ],
    )


def _platforms() -> Row:
    return Row(
        101,
        "各平台与奖励上限",
        [
            table(
                10,
                "各平台核定结果",
                Proof(
                    "每个平台计入、待满期、列入的企业数与应得奖励；点击平台可查看其企业。",
                    "For each platform what it has counted, pending and listed, and what it earns.",
                ),
                f"""
                SELECT name, platform, counted, pending, listed, award_yuan
                FROM audit.platform_results WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS}
                ORDER BY counted DESC, platform
                """,
                field=field_config(
                    columns=[
                        column("name", "平台", link=to_platform()),
                        column("platform", "代码", link=to_platform(), width=140),
                        column("counted", "计入（家）", width=110),
                        column("pending", "待满期（家）", width=120),
                        column("listed", "列入（家）", width=110),
                        column("award_yuan", "奖励（元）", width=140),
                    ]
                ),
                size=(14, 9),
            ),
            bar_gauge(
                11,
                "接入奖励占上限的比例",
                Proof(
                    "有上限的条款：封顶前金额占上限的比例；达到 100% 即已封顶，超出部分不奖励。",
                    "Of clauses with a cap: the amount before the cap as a share of it.",
                ),
                f"""
                SELECT name, uncapped_yuan::double precision / cap_yuan AS cap_share
                FROM audit.awards
                WHERE {THE_COUNT} AND {_OF_THE_PLATFORMS} AND cap_yuan > 0
                ORDER BY cap_share DESC, platform
                """,
                field=field_config(
                    unit="percentunit",
                    decimals=0,
                    minimum=0,
                    maximum=1,
                    thresholds=steps(GREEN, (0.8, YELLOW), (1, ORANGE)),
                ),
                size=(10, 9),
            ),
            stat(
                12,
                "预算执行（元）",
                Proof(
                    "年度预算、应付奖励、已拨付与应追回的金额。不受平台选择影响。",
                    "The year's budget, what is due, what was paid, what is claimed back.",
                ),
                f"""
                SELECT budget_yuan, total_yuan, paid_yuan, recovery_yuan
                FROM audit.budget WHERE {THE_COUNT}
                """,
                field=field_config(
                    colour=GREY,
                    no_value="未设预算",
                    columns=[
                        column("budget_yuan", "年度预算"),
                        column("total_yuan", "应付奖励", colour=BLUE),
                        column("paid_yuan", "已拨付", colour=GREEN),
                        column("recovery_yuan", "应追回", colour=ORANGE),
                    ],
                ),
                width=FULL,
                has_names=True,
            ),
        ],
    )


def _devices() -> Row:
    return Row(
        103,
        "设备现状",
        [
            bar_chart(
                30,
                "各平台设备状态（台）",
                Proof(
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
                field=field_config(
                    columns=[
                        column(code, chinese, colour=colour)
                        for code, (chinese, colour) in DEVICE_STATUS_WORDS.items()
                    ]
                ),
                style="stacked columns",
                size=(FULL - 4, 9),
            ),
            stat(
                31,
                "当前在线设备（台）",
                Proof(
                    "此刻在线的设备数：静默不超过两个上报间隔。",
                    "Devices online now: silent for no more than two intervals.",
                ),
                f"""
                SELECT coalesce(sum(devices), 0)::integer AS online
                FROM audit.device_statuses WHERE {_OF_THE_PLATFORMS} AND status = 'online'
                """,
                field=field_config(colour=GREEN),
            ),
        ],
    )
