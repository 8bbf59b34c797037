"""A small city in the database: three platforms, and enterprises with every kind of history.

As of 2027-03-15 the platform `xielian` has 17 counted enterprises, two more than its cap pays for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import psycopg
from stdnum.cn import uscc as uscc_number

from jieru.calendar import days_in_month, months_between
from jieru.presence import BITS_PER_MONTH, bit_index

__all__ = [
    "AS_OF",
    "COUNTED_ON_XIELIAN",
    "HELD",
    "PENDING",
    "Member",
    "build_small_city",
    "uscc_of",
]

AS_OF: Final = date(2027, 3, 15)
COUNTED_ON_XIELIAN: Final = 17

_INSERT_PLATFORM = "INSERT INTO platforms (code, name) VALUES (%s, %s) RETURNING id"
_INSERT_RECOGNITION = """
    INSERT INTO recognitions (platform_id, level, recognised_on) VALUES (%s, %s, %s)
"""
_INSERT_ENTERPRISE = """
    INSERT INTO enterprises (uscc, name, district, industry_code) VALUES (%s, %s, %s, %s)
    RETURNING id
"""
_INSERT_CONNECTION = """
    INSERT INTO connections (platform_id, enterprise_id, contract_no, signed_on, from_date)
    VALUES (%s, %s, %s, %s, %s)
"""
_INSERT_DEVICE = """
    INSERT INTO devices (platform_id, serial, kind) VALUES (%s, %s, 'cnc') RETURNING id
"""
_INSERT_ASSIGNMENT = """
    INSERT INTO assignments (device_id, enterprise_id, from_date) VALUES (%s, %s, %s)
"""
_INSERT_PRESENCE = """
    INSERT INTO presence (device_id, month, hours) VALUES (%s, %s, %s::bit(744))
"""
_INSERT_DECISION = """
    INSERT INTO decisions (kind, platform_id, enterprise_id, reason, decided_by)
    SELECT %s, p.id, e.id, %s, '林核验' FROM platforms p, enterprises e
    WHERE p.code = %s AND e.uscc = %s
"""

_HOURS: Final = range(8, 13)
_SUNDAY: Final = 6
_DEVICES: Final = 3
_RECOGNITIONS: Final = {
    ("xielian", "协联工业互联网平台"): [("municipal", date(2025, 6, 1))],
    ("guolian", "国联智造平台"): [
        ("municipal", date(2025, 1, 1)),
        ("national", date(2026, 5, 20)),
    ],
    ("wuming", "未名云平台"): [],
}


def uscc_of(number: int) -> str:
    """A unified social credit code with a true check character."""
    body = f"91350300MA{number:07d}"
    return body + str(uscc_number.calc_check_digit(body))


@dataclass(frozen=True, slots=True)
class Member:
    """An enterprise on a platform, heard 08:00-12:59 except on Sundays from `first` to `last`."""

    number: int
    name: str
    platform: str = "xielian"
    first: date = date(2026, 3, 2)
    last: date = date(2026, 9, 30)
    district: str = "licheng"
    industry_code: str = "C3311"

    @property
    def uscc(self) -> str:
        """Its unified social credit code."""
        return uscc_of(self.number)


HELD: Final = Member(21, "莆田市暂缓机械有限公司")
EXCLUDED: Final = Member(22, "莆田市排除机械有限公司")
PENDING: Final = Member(23, "莆田市待定食品有限公司", first=date(2026, 12, 21), last=AS_OF)

_MEMBERS: Final = (
    *(
        Member(number, f"莆田市计入{number:02d}号鞋业有限公司")
        for number in range(1, COUNTED_ON_XIELIAN + 1)
    ),
    HELD,
    EXCLUDED,
    PENDING,
    Member(24, "莆田市早接电子有限公司", first=date(2025, 9, 1), last=date(2026, 3, 1)),
    Member(25, "外市服饰有限公司", district="other"),
    Member(26, "莆田市某某商贸有限公司", industry_code="F5110"),
    Member(31, "莆田市国联一号有限公司", platform="guolian"),
    Member(32, "莆田市国联二号有限公司", platform="guolian", first=date(2026, 6, 1)),
    Member(41, "莆田市未名机械有限公司", platform="wuming"),
    # Enough of them for a second page.
    *(
        Member(number, f"莆田市短期{number}号有限公司", last=date(2026, 3, 20))
        for number in range(100, 140)
    ),
)


def build_small_city(connection: psycopg.Connection) -> None:
    """Fill a database that has our schema and nothing in it."""
    platforms = {}
    for (code, name), recognitions in _RECOGNITIONS.items():
        row = connection.execute(_INSERT_PLATFORM, (code, name)).fetchone()
        assert row is not None
        platforms[code] = row[0]
        for level, day in recognitions:
            connection.execute(_INSERT_RECOGNITION, (row[0], level, day))
    for member in _MEMBERS:
        _add(connection, member, platforms[member.platform])
    for kind, member in (("hold", HELD), ("exclude", EXCLUDED)):
        reason = f"现场核查（{member.name}）"
        connection.execute(_INSERT_DECISION, (kind, reason, member.platform, member.uscc))
    connection.commit()


def _add(connection: psycopg.Connection, member: Member, platform_id: int) -> None:
    row = connection.execute(
        _INSERT_ENTERPRISE, (member.uscc, member.name, member.district, member.industry_code)
    ).fetchone()
    assert row is not None
    signed_on = member.first - timedelta(days=10)
    contract = f"HT-{member.number:03d}"
    connection.execute(_INSERT_CONNECTION, (platform_id, row[0], contract, signed_on, member.first))
    for index in range(_DEVICES):
        serial = f"SN-{member.number:03d}-{index + 1}"
        device = connection.execute(_INSERT_DEVICE, (platform_id, serial)).fetchone()
        assert device is not None
        connection.execute(_INSERT_ASSIGNMENT, (device[0], row[0], member.first))
        with connection.cursor() as cursor:
            cursor.executemany(
                _INSERT_PRESENCE, [(device[0], *month) for month in _presence(member)]
            )


def _presence(member: Member) -> Iterable[tuple[date, str]]:
    for month in months_between(member.first, member.last):
        bits = ["0"] * BITS_PER_MONTH
        for offset in range(days_in_month(month)):
            day = month + timedelta(days=offset)
            if member.first <= day <= member.last and day.weekday() != _SUNDAY:
                for hour in _HOURS:
                    bits[bit_index(day, hour)] = "1"
        yield month, "".join(bits)
