"""Invented identities: unified social credit codes, names of companies, machines.

Every identity follows from a text, so that a scenario gives the same city each time.
"""

from random import Random
from typing import Final, NamedTuple

from stdnum.cn import uscc as uscc_number

__all__ = ["MachineKind", "company_name", "machine_kind", "seeded", "uscc"]

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_REGISTRARS: Final = ("350300", "350302", "350303", "350304", "350305", "350322")
"""Administrative divisions of Putian (GB/T 2260); they say nothing of where a company works."""
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
"""Of the organisation code's check character (GB 11714)."""

_FIRST_SYLLABLES: Final = "鑫恒华盛泰裕隆兴瑞嘉源宏博锦荣凯顺永德昌"
_SECOND_SYLLABLES: Final = "达丰源盛泰隆和祥发利成辉远腾安晟力宇茂邦"
_TRADES: Final = {
    "C13": "食品",
    "C14": "食品",
    "C17": "纺织",
    "C18": "服饰",
    "C19": "鞋业",
    "C20": "木业",
    "C21": "家具",
    "C24": "工艺美术",
    "C26": "新材料",
    "C27": "医药",
    "C29": "塑胶",
    "C30": "玻璃",
    "C33": "五金制品",
    "C34": "机械",
    "C35": "智能装备",
    "C38": "电气",
    "C39": "电子科技",
}
"""A word for the trade of a company, by division of GB/T 4754."""


class MachineKind(NamedTuple):
    """What a company's machines are."""

    prefix: str
    """Of their serials."""
    kind: str
    name: str


_MACHINES: Final = {
    "C13": MachineKind("FIL", "filling-line", "灌装线"),
    "C14": MachineKind("FIL", "filling-line", "灌装线"),
    "C17": MachineKind("LOM", "loom", "织机"),
    "C18": MachineKind("SEW", "sewing-machine", "自动缝纫机"),
    "C19": MachineKind("SHO", "shoe-moulding-machine", "制鞋成型机"),
    "C20": MachineKind("PRS", "hot-press", "热压机"),
    "C21": MachineKind("CUT", "panel-saw", "开料锯"),
    "C29": MachineKind("INJ", "injection-moulder", "注塑机"),
    "C30": MachineKind("FUR", "furnace", "熔窑"),
    "C39": MachineKind("SMT", "pick-and-place-machine", "贴片机"),
}
_ANY_MACHINE: Final = MachineKind("CNC", "cnc-lathe", "数控车床")


def seeded(text: str) -> Random:
    """A source of chance that follows from a text alone."""
    return Random(text)  # noqa: S311 - repeatable on purpose; nothing here is a secret


def uscc(text: str) -> str:
    """The unified social credit code (GB 32100-2015) that belongs to a text, valid in itself."""
    chance = seeded(text)
    organisation = "MA" + "".join(chance.choices(_ALPHABET, k=6))
    total = sum(
        int(character, 36) * weight
        for character, weight in zip(organisation, _ORGANISATION_WEIGHTS, strict=True)
    )
    check = "0123456789X0"[11 - total % 11]
    number = f"91{chance.choice(_REGISTRARS)}{organisation}{check}"
    return number + str(uscc_number.calc_check_digit(number))


def company_name(text: str, industry_code: str) -> str:
    """A plausible name for a company of this trade; two texts may give the same one."""
    chance = seeded(text)
    trade = _TRADES.get(industry_code[:3], "实业")
    first, second = chance.choice(_FIRST_SYLLABLES), chance.choice(_SECOND_SYLLABLES)
    return f"莆田市{first}{second}{trade}有限公司"


def machine_kind(industry_code: str) -> MachineKind:
    """What machines a company of this trade has."""
    return _MACHINES.get(industry_code[:3], _ANY_MACHINE)
