"""What the dashboards of a count share: which count is meant, and how its links pass that on."""

from functools import partial
from typing import Final

from dashboards.fields import Column, Shown, ValueLink
from dashboards.headings import COUNT_NUMBER, NEVER, NO_COUNT, PLATFORM
from dashboards.layout import Row
from dashboards.panels import STAT_HEIGHT, BarChart, Stat, Table, in_each_language
from dashboards.queries import THE_YEAR
from dashboards.variables import Variable
from dashboards.words import BLUE, GREY, RED, STATE_LABELS, VERDICT_LABELS
from jieru.i18n import Language
from jieru.i18n import marked as _
from jieru.vocabulary import Text, spoken

__all__ = [
    "ENTERPRISE_UID",
    "INTEGRITY_UID",
    "OPERATIONS_UID",
    "OVERVIEW_UID",
    "PLATFORM_UID",
    "SPAN_OF_WINDOW",
    "THE_COUNT",
    "TRUST_UID",
    "month_name",
    "signature",
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
TRUST_UID: Final = "jieru-trust"

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

_DRAFT: Final = STATE_LABELS["draft"].text
_STANDING: Final = Text("有效核定", "Standing count")

THE_COUNT: Final = f"year = {THE_YEAR} AND stage = ${{stage:sqlstring}}"
"""The condition that names one count: a year has at most one that stands and one draft."""


def which_year() -> Variable:
    """The year of the count; one that has a count is what is chosen at first."""
    return Variable(
        "year",
        spoken(_("Year")),
        Text("核定年度（北京时间）。", "Year of the count."),
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


def which_stage() -> Variable:
    """The count of the year that stands, or its draft; the one that stands at first."""
    return Variable(
        "stage",
        COUNT_NUMBER,
        Text("已冻结并有效的核定，或尚未冻结的草案。", "The count that stands, or the draft."),
        in_each_language(_stages),
    )


def _stages(language: Language) -> str:
    standing, draft, none = (each.spoken_in(language) for each in (_STANDING, _DRAFT, NO_COUNT))
    return f"""
        SELECT __text, __value
        FROM (
            SELECT CASE stage WHEN 'standing' THEN '{standing} ' ELSE '{draft} ' END || count_id
                       AS __text,
                   stage AS __value
            FROM audit.counts WHERE year = {THE_YEAR} AND stage IN ('standing', 'draft')
            UNION ALL
            SELECT '{none}', 'draft'
            WHERE NOT EXISTS (SELECT FROM audit.counts
                              WHERE year = {THE_YEAR} AND stage IN ('standing', 'draft'))
        ) AS stages
        ORDER BY __value DESC
    """


_PLATFORMS: Final = """
    SELECT name || '（' || platform || '）' AS __text, platform AS __value
    FROM audit.platforms ORDER BY platform
"""


def which_platform() -> Variable:
    """One platform."""
    return Variable(
        "platform", PLATFORM, Text("所查看的平台。", "The platform to look at."), _PLATFORMS
    )


def which_platforms() -> Variable:
    """Several platforms, at first all."""
    description = Text("工业互联网平台，可多选。", "One or several platforms.")
    return Variable("platform", PLATFORM, description, _PLATFORMS, is_multi=True)


def to_platform() -> ValueLink:
    """From a row that has a `platform` to the dashboard of that platform, in the same count."""
    return ValueLink(
        Text("查看平台", "Show the platform"),
        PLATFORM_UID,
        ("year", "stage"),
        {"platform": "platform"},
    )


def to_enterprise() -> ValueLink:
    """From a row with a `platform`, a `uscc` and the columns of `SPAN_OF_WINDOW` to the evidence.

    It opens on that span of time.
    """
    return ValueLink(
        Text("查看证据", "Show the evidence"),
        ENTERPRISE_UID,
        ("year", "stage"),
        {"platform": "platform", "enterprise": "uscc"},
        ("from_ms", "to_ms"),
    )


def signature(number: int) -> Row:
    """The row that says whether the count is as it was signed: red where it is not.

    Args:
        number: of the row.
    """
    return Row(
        number,
        Text("签名核验", "Signature of the count"),
        (
            Stat(
                90,
                Text("签名核验结论", "Is it as signed?"),
                Text(
                    "以最近一次核验及此后数据有无改动为准；标红时不得据此作出决定或支付。",
                    "As last verified, and whether rows changed since; decide nothing on red.",
                ),
                f"SELECT verdict FROM audit.count_verifications WHERE {THE_COUNT}",
                shown=Shown(words=VERDICT_LABELS, no_value=NO_COUNT),
                size=(6, STAT_HEIGHT),
            ),
            Stat(
                91,
                Text("最近一次核验", "Last verified"),
                Text(
                    "控制台每分钟核验有改动的核定，每小时全部核验一次。",
                    "The console verifies what changed within a minute, and all once an hour.",
                ),
                f"""
                SELECT to_char(verified_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI')
                           AS verified
                FROM audit.count_verifications WHERE {THE_COUNT}
                """,
                shown=Shown(no_value=NEVER),
                size=(6, STAT_HEIGHT),
            ),
            Table(
                92,
                Text("与签名不符之处", "What is not as it was signed"),
                Text(
                    "核验发现的每一处不符；为空即全部一致。",
                    "Everything that the verification found; empty where all is as it was signed.",
                ),
                in_each_language(_findings),
                shown=Shown(
                    colour=RED,
                    columns=(
                        Column("finding", Text("不符之处", "What differs"), cell="color-text"),
                    ),
                ),
                size=(12, STAT_HEIGHT),
            ),
        ),
    )


def _findings(language: Language) -> str:
    return f"""
        SELECT finding_{language} AS finding
        FROM audit.count_findings WHERE {THE_COUNT} ORDER BY place
    """


def month_name(month: str, language: Language) -> str:
    """SQL for the name of a month from its number, which is an integer."""
    if language == "zh":
        return f"{month} || ' 月'"
    return f"to_char(make_date(2000, {month}, 1), 'FMMonth')"


def two_years(number: int, of_platforms: str) -> Row:
    """The row that shows the year's course beside that of the year before.

    Args:
        number: of the row.
        of_platforms: the condition that names the platforms.
    """
    field = Shown(
        columns=(
            Column("this_year", Text("本年度", "This year"), colour=BLUE),
            Column(
                "last_year", Text("上年度（有效核定）", "Last year (standing count)"), colour=GREY
            ),
        )
    )

    def by_month(figure: str, language: Language) -> str:
        return f"""
            SELECT {month_name("extract(month FROM month)::integer", language)} AS month_name,
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
        Text("本年度与上年度", "This year and last year"),
        (
            BarChart(
                20,
                Text("每月新接入企业（家）", "Newly connected by month"),
                Text(
                    "按有效服务窗口归属月份统计的计入企业数，与上年度有效核定对照。",
                    "Counted enterprises by the month of their window, beside the year before.",
                ),
                in_each_language(partial(by_month, "newly_connected")),
                category="month_name",
                shown=field,
            ),
            BarChart(
                21,
                Text("累计新接入企业（家）", "Newly connected, cumulative"),
                Text(
                    "自一月起累计的计入企业数；末月之数即核定的计入企业数。",
                    "The same from January on; the last month's figure is that of the count.",
                ),
                in_each_language(partial(by_month, "cumulative")),
                category="month_name",
                shown=field,
            ),
        ),
    )
