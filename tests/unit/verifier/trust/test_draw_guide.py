"""The programs that docs/draw.md gives to everybody draw whom Jieru draws."""

import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.source_tree import ROOT
from verifier.trust.draws.bounds import SHARES_PERCENT, assumed_cheats, sample_size
from verifier.trust.draws.deterrence import deterring_share, deterring_share_of_refund
from verifier.trust.draws.drawing import Listed, draw_sample, list_csv

_GUIDES: Final = ("draw.md", "draw.zh.md")
_PLATFORMS: Final = ("ab", "ab-c", "abc", "a1")


def _program(guide: str, name: str) -> str:
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    found = re.findall(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.mark.parametrize("name", ["draw.py", "draw.sh"])
def test_both_guides_give_the_same_program(name: str) -> None:
    """Of which the one in Python has twenty lines at most."""
    first, second = (_program(guide, name) for guide in _GUIDES)
    assert first == second
    assert name != "draw.py" or len(first.splitlines()) <= 20


@pytest.mark.parametrize("seed", range(6))
def test_anybody_with_python_or_a_shell_draws_the_same(tmp_path: Path, seed: int) -> None:
    """Whatever the list, the size and the values; platforms whose names begin alike too."""
    choose = random.Random(seed)  # noqa: S311 - lists to be tried, no secrets
    rows = [
        Listed(choose.choice(_PLATFORMS), f"9135{number:014d}", choose.choice((1, 2, 3, 11)))
        for number in range(choose.choice((4, 30, 80)))
    ]
    platforms = len({each.platform for each in rows})
    size = choose.randint(platforms, len(rows))
    public = choose.choice(("03 07 12 + 09", "第 50 期：7, '8'", "$HOME `x` \\n %s"))
    sealed = choose.choice((b"", choose.randbytes(40), b"a line\n"))
    (tmp_path / "list.csv").write_bytes(list_csv(rows))
    arguments = ["list.csv", str(size), public]
    if sealed:
        (tmp_path / "sealed").write_bytes(sealed)
        arguments.append("sealed")
    sample = draw_sample(list_csv(rows), size=size, public_value=public, revealed=sealed)
    drawn = sorted(f"{each.listed.platform} {each.listed.uscc}" for each in sample.drawn)
    for interpreter, name in ((sys.executable, "draw.py"), ("bash", "draw.sh")):
        (tmp_path / name).write_text(_program("draw.md", name), encoding="utf-8")
        found = subprocess.run(
            [interpreter, name, *arguments], cwd=tmp_path, capture_output=True, check=True
        )
        assert found.stderr == b""
        assert sorted(found.stdout.decode().splitlines()) == drawn, name


@pytest.mark.parametrize("guide", _GUIDES)
def test_figures_of_the_guide_are_those_of_the_program(guide: str) -> None:
    """Sizes by list and share, and the three probabilities that deter."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    for listed in (60, 150, 300):
        sizes = [sample_size(listed, assumed_cheats(listed, share)) for share in SHARES_PERCENT]
        assert f"| {' | '.join(map(str, (listed, *sizes)))} |" in text
    deterring = [
        deterring_share_of_refund(cost_yuan=800, award_yuan=10_000),
        deterring_share(15, lost=1),
        deterring_share(15, lost=2),
    ]
    shown = re.findall(r"^\| [^|]+ \| (\d+) ?%", text, re.MULTILINE)
    assert shown[-3:] == [f"{each:.0%}".rstrip("%") for each in deterring]
