"""What the dashboards of a count share: which count is meant, and how its links pass that on."""

from typing import Final

from dashboards.fields import column, data_link, field_config
from dashboards.layout import Row
from dashboards.panels import Proof, bar_chart
from dashboards.queries import THE_YEAR, Json
from dashboards.variables import choice
from dashboards.words import BLUE, GREY

__all__ = [
    "ENTERPRISE_UID",
    "INTEGRITY_UID",
    "OPERATIONS_UID",
    "OVERVIEW_UID",
    "PLATFORM_UID",
    "SPAN_OF_WINDOW",
    "THE_COUNT",
    "to_enterprise",
    "to_platform",
    "two_years",
    "which_platform",
    "which_platforms",
    "which_stage",
    "which_year",
]

OVERVIEW_UID: Final = "jieru-overview"
PLATFORM_UID: Final = "jieru-platform"
ENTERPRISE_UID: Final = "jieru-enterprise"
INTEGRITY_UID: Final = "jieru-integrity"
OPERATIONS_UID: Final = "jieru-operations"

_MILLISECONDS: Final = (
    "(extract(epoch FROM {}::timestamp AT TIME ZONE 'Asia/Shanghai') * 1000)::bigint"
)
SPAN_OF_WINDOW: Final = (
    _MILLISECONDS.format("coalesce(connected_on - 7, make_date(year, 1, 1))")
    + " AS from_ms, "
    + _MILLISECONDS.format("coalesce(window_last_on + 8, make_date(year + 1, 1, 1))")
    + " AS to_ms"
)
"""Columns of `determinations` in milliseconds: the effective window with a week around it, or the
year where there is none."""

THE_COUNT: Final = f"year = {THE_YEAR} AND stage = ${{stage:sqlstring}}"
"""The condition that names one count: a year has at most one that stands and one draft."""


def which_year() -> Json:
    """The year of the count; one that has a count is what is chosen at first."""
    return choice(
        "year",
        "年度",
        "核定年度（北京时间）。Year of the count.",
        """
        SELECT year::text AS __text, year::text AS __value
        FROM (
            SELECT year FROM audit.years
            UNION ALL
            SELECT extract(year FROM now() AT TIME ZONE 'Asia/Shanghai')::integer
            WHERE NOT EXISTS (SELECT FROM audit.years)
        ) AS known
        ORDER BY EXISTS (SELECT FROM audit.counts AS c WHERE c.year = known.year) DESC, year DESC
        """,
    )


def which_stage() -> Json:
    """The count of the year that stands, or its draft; the one that stands at first."""
    return choice(
        "stage",
        "核定",
        "已冻结并有效的核定，或尚未冻结的草案。The count that stands, or the draft.",
        f"""
        SELECT __text, __value
        FROM (
            SELECT CASE stage WHEN 'standing' THEN '有效核定 ' ELSE '草案 ' END || count_id
                       AS __text,
                   stage AS __value
            FROM audit.counts WHERE year = {THE_YEAR} AND stage <> 'superseded'
            UNION ALL
            SELECT '尚无核定', 'draft'
            WHERE NOT EXISTS (SELECT FROM audit.counts
                              WHERE year = {THE_YEAR} AND stage <> 'superseded')
        ) AS stages
        ORDER BY __value DESC
        """,
    )


_PLATFORMS: Final = """
    SELECT name || '（' || platform || '）' AS __text, platform AS __value
    FROM audit.platforms ORDER BY platform
"""


def which_platform() -> Json:
    """One platform."""
    return choice("platform", "平台", "所查看的平台。The platform to look at.", _PLATFORMS)


def which_platforms() -> Json:
    """Several platforms, at first all."""
    description = "工业互联网平台，可多选。One or several platforms."
    return choice("platform", "平台", description, _PLATFORMS, many="many")


def to_platform() -> Json:
    """From a row that has a `platform` to the dashboard of that platform, in the same count."""
    return data_link(
        "查看平台",
        PLATFORM_UID,
        {
            "year": "${year:percentencode}",
            "stage": "${stage:percentencode}",
            "platform": "${__data.fields.platform:percentencode}",
        },
    )


def to_enterprise() -> Json:
    """From a row with a `platform`, a `uscc` and the columns of `SPAN_OF_WINDOW` to the evidence.

    It opens on that span of time.
    """
    return data_link(
        "查看证据",
        ENTERPRISE_UID,
        {
            "year": "${year:percentencode}",
            "stage": "${stage:percentencode}",
            "platform": "${__data.fields.platform:percentencode}",
            "enterprise": "${__data.fields.uscc:percentencode}",
            "from": "${__data.fields.from_ms.numeric}",
            "to": "${__data.fields.to_ms.numeric}",
        },
    )


def two_years(number: int, of_platforms: str) -> Row:
    """The row that shows the year's course beside that of the year before.

    Args:
        number: of the row.
        of_platforms: the condition that names the platforms.
    """
    field = field_config(
        columns=[
            column("this_year", "本年度", colour=BLUE),
            column("last_year", "上年度（有效核定）", colour=GREY),
        ]
    )

    def by_month(figure: str) -> str:
        return f"""
            SELECT extract(month FROM month)::integer || ' 月' AS month_name,
                   (sum({figure}) FILTER (WHERE {THE_COUNT}))::integer AS this_year,
                   (sum({figure}) FILTER (
                       WHERE year = {THE_YEAR} - 1 AND stage = 'standing'))::integer AS last_year
            FROM audit.platform_months
            WHERE year IN ({THE_YEAR} - 1, {THE_YEAR}) AND {of_platforms}
            GROUP BY extract(month FROM month)
            ORDER BY extract(month FROM month)
        """

    return Row(
        number,
        "本年度与上年度",
        [
            bar_chart(
                20,
                "每月新接入企业（家）",
                Proof(
                    "按有效服务窗口归属月份统计的计入企业数，与上年度有效核定对照。",
                    "Counted enterprises by the month of their window, beside the year before.",
                ),
                by_month("newly_connected"),
                category="month_name",
                field=field,
            ),
            bar_chart(
                21,
                "累计新接入企业（家）",
                Proof(
                    "自一月起累计的计入企业数；末月之数即核定的计入企业数。",
                    "The same from January on; the last month's figure is that of the count.",
                ),
                by_month("cumulative"),
                category="month_name",
                field=field,
            ),
        ],
    )
