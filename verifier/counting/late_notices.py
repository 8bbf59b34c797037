"""What a reader of a count must know of what was recorded late. Pure."""

from collections.abc import Iterator, Sequence

from jieru.i18n import marked
from verifier.counting.count import Notice
from verifier.counting.determination import Determination
from verifier.counting.registry import OpeningStock

__all__ = ["late_record_notices"]


def late_record_notices(
    stocks: Sequence[OpeningStock], found: Sequence[Determination]
) -> Iterator[Notice]:
    """How much was recorded late, and every opening stock by which some of it counts."""
    late = [(each, one) for each in found for one in each.backdated or ()]
    if not late:
        return
    yield Notice(
        "backdated",
        marked(
            "Of {enterprises} enterprises, connections or assignments were recorded later than "
            "they begin. What was heard before they were recorded counts only where two people "
            "answer for it, which is so of {accepted}; the outcome of {decided} depends on it."
        ),
        {
            "enterprises": _number(each for each, _one in late),
            "accepted": _number(each for each, one in late if one.is_accepted),
            "decided": _number(each for each, one in late if one.changes_outcome),
        },
    )
    for stock in stocks:
        covered = _number(each for each, one in late if one.opening_stock == stock.id)
        if covered:
            yield _of_stock(stock, covered)


def _of_stock(stock: OpeningStock, enterprises: int) -> Notice:
    values: dict[str, object] = {
        "id": stock.id,
        "stood_on": stock.stood_on.isoformat(),
        "by": stock.decided_by,
        "second": stock.confirmed_by or stock.decided_by,
        "reason": stock.reason,
        "enterprises": enterprises,
    }
    if stock.platform_code is None:
        message = marked(
            "What was registered by {stood_on} on all platforms counts from its first day, by "
            "opening stock {id} of {by}, confirmed by {second}: {reason}. Enterprises concerned: "
            "{enterprises}."
        )
    else:
        values["platform"] = stock.platform_code
        message = marked(
            "What was registered by {stood_on} on {platform} counts from its first day, by opening "
            "stock {id} of {by}, confirmed by {second}: {reason}. Enterprises concerned: "
            "{enterprises}."
        )
    return Notice("opening_stock", message, values)


def _number(found: Iterator[Determination]) -> int:
    return len({(each.platform.code, each.enterprise.uscc) for each in found})
