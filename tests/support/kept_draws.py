"""Draws of the small city's count in review: one with visits, one that is to be drawn now."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from jieru.audit import changing
from jieru.calendar import civil_date
from tests.support.procedure import MAKER
from verifier.trust.draws.records import (
    Announcement,
    drawn_enterprises,
    publish_list,
    record_draw,
)
from verifier.trust.draws.results import Found
from verifier.trust.draws.visits import VisitReport, record_visit

__all__ = ["keep_draws"]

_SEALED: Final = b"6f1d2b0c 77a0e3\n"
_SEEN: Final = (
    (Found.AS_REGISTERED, "三台数控车床在产，铭牌序列号与登记一致，门牌为该企业。"),
    (Found.NOT_FOUND, "登记地址为空置厂房，门卫称半年前已搬走，未见任何设备。"),
    (Found.DIFFERS, "现场只有一台设备，序列号与登记的三台均不相符。"),
    (Found.REFUSED, "门卫称负责人不在，不允许进入车间。"),
)


def keep_draws(connection: psycopg.Connection) -> None:
    """Publish, draw and visit some days ago; publish once more yesterday but one."""
    now = datetime.now(UTC)
    week_ago, later = now - timedelta(days=9), now - timedelta(days=6)
    connection.commit()
    with changing(connection, MAKER.actor):
        draw = publish_list(
            connection,
            2026,
            size=6,
            announcement=Announcement(
                "中国福利彩票双色球第 2026138 期开奖号码",
                civil_date(later),
                "00 00 00 00 00 00 + 00",
                hashlib.sha256(_SEALED).hexdigest(),
            ),
            by="lin",
            at=week_ago,
        )
        draw = record_draw(
            connection,
            draw,
            public_value="03 07 12 18 25 31 + 09",
            revealed=_SEALED,
            by="lin",
            at=later,
        )
        for entry, (found, notes) in zip(drawn_enterprises(connection, draw), _SEEN, strict=False):
            report = VisitReport(
                2026,
                entry.platform,
                entry.uscc,
                civil_date(later),
                "林晓",
                "陈静",
                found,
                notes,
                (hashlib.sha256(entry.uscc.encode()).hexdigest(),),
            )
            record_visit(connection, report, by="lin", at=later)
        publish_list(
            connection,
            2026,
            size=6,
            announcement=Announcement("上证综合指数收盘点位", civil_date(now), "0000.00", None),
            by="lin",
            at=now - timedelta(days=2),
        )
