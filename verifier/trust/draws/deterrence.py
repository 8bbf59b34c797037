"""How likely a visit must be before inventing enterprises no longer pays. Pure.

An operator invents m enterprises at a cost of c yuan each, and is paid a yuan for each. Each is
visited with probability p, independently, and a visit always sees it.

- *Refund of what was found*: of m a are kept m (1-p) a, so inventing pays until (1-p) a <= c, that
  is p >= 1 - c/a, whatever m is. With a visit short of certain, only its cost deters.
- *Any finding costs all*: with q = (1-p)^m nothing is found and m a are kept; otherwise they are
  lost and `lost` times m a more. Inventing pays until q <= lost (1-q), that is
  p >= 1 - (lost / (1+lost))^(1/m); the cost is left out, which errs on the side of more visits. A
  penalty of the same amount is lost = 1; with a lost year's cap on top, as large again, lost = 2.
"""

__all__ = ["deterring_share", "deterring_share_of_refund"]


def deterring_share_of_refund(*, cost_yuan: int, award_yuan: int) -> float:
    """The probability of a visit at which a refund of what was found alone deters.

    Args:
        cost_yuan: what it costs to invent one enterprise.
        award_yuan: what one enterprise earns.
    """
    return max(0.0, 1 - cost_yuan / award_yuan)


def deterring_share(invented: int, *, lost: float) -> float:
    """The probability of a visit at which inventing so many enterprises no longer pays.

    Args:
        invented: how many, at least one.
        lost: how many times their award is lost when one is found, beside the award itself.
    """
    return float(1 - (lost / (1 + lost)) ** (1 / invented))
