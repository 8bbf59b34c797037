"""The sample of a draw: of list and values alone, of every platform, of no stratum too many."""

import hashlib
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.errors import UserError
from verifier.trust.draws.drawing import (
    Listed,
    Stratum,
    allocation,
    draw_sample,
    list_csv,
    list_digest,
    read_list,
)


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIERU_LANGUAGE", "en")
        yield


_lists = st.lists(
    st.builds(
        Listed,
        st.sampled_from(["alpha", "beta", "gamma-2"]),
        st.integers(1, 10**6).map(lambda number: f"9135{number:014d}"),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda each: each[:2],
)
_values = st.text(st.characters(codec="utf-8"), max_size=20)


def _size(rows: list[Listed], wanted: int) -> int:
    """A size that may be drawn of them."""
    platforms = len({each.platform for each in rows})
    return platforms + wanted % (len(rows) - platforms + 1)


@given(_lists, st.randoms(), st.integers(0, 100), _values, st.binary(max_size=40))
def test_the_order_of_rows_changes_nothing(
    rows: list[Listed], random: object, wanted: int, public: str, revealed: bytes
) -> None:
    """Neither list nor sample: both are of what is listed."""
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    content = list_csv(rows)
    assert list_csv(shuffled) == content
    size = _size(rows, wanted)
    first = draw_sample(content, size=size, public_value=public, revealed=revealed)
    again = draw_sample(list_csv(shuffled), size=size, public_value=public, revealed=revealed)
    assert first == again


@given(_lists, st.integers(0, 100), _values)
def test_every_platform_is_drawn_and_no_stratum_too_often(
    rows: list[Listed], wanted: int, public: str
) -> None:
    """The sample is as large as was asked, and of a stratum no more than there are."""
    size = _size(rows, wanted)
    drawn = [
        each.listed for each in draw_sample(list_csv(rows), size=size, public_value=public).drawn
    ]
    assert len(drawn) == len(set(drawn)) == size
    assert set(drawn) <= set(rows)
    assert {each.platform for each in drawn} == {each.platform for each in rows}
    sizes = Counter(each.stratum for each in rows)
    assert Counter(each.stratum for each in drawn) == Counter(allocation(sizes, size))
    assert all(number <= sizes[each] for each, number in allocation(sizes, size).items())


@given(
    st.dictionaries(
        st.builds(Stratum, st.just("alpha"), st.integers(1, 9)), st.integers(1, 50), min_size=1
    )
)
def test_shares_are_those_of_the_largest_remainder(sizes: dict[Stratum, int]) -> None:
    """No stratum is a whole seat or more from its share, where no platform is short of one."""
    total = sum(sizes.values())
    size = max(1, total // 3)
    for stratum, number in allocation(sizes, size).items():
        share = size * sizes[stratum] / total
        assert abs(number - share) < 1 or (number == 1 and sizes[stratum] == max(sizes.values()))


def test_bytes_are_those_that_are_written_down() -> None:
    """List, digest, seed and ticket, worked out here once more by hand."""
    rows = [Listed("beta", "91350300000000002X", 2), Listed("alpha", "91350300000000001Y", 1)]
    content = list_csv(rows)
    assert content == (
        b"platform,uscc,stratum\nalpha,91350300000000001Y,1\nbeta,91350300000000002X,2\n"
    )
    assert read_list(content) == sorted(rows)
    digest = hashlib.sha256(content).hexdigest()
    assert list_digest(content) == digest
    found = draw_sample(content, size=2, public_value="07 12 33", revealed=b"\x00seed\n")
    seed = hashlib.sha256(f"{digest}07 12 33".encode() + b"\x00seed\n").hexdigest()
    assert (found.digest, found.seed) == (digest, seed)
    tickets = [each.ticket for each in found.drawn]
    assert tickets == [
        hashlib.sha256(f"draw{seed}{each}".encode()).hexdigest()
        for each in ("alpha/91350300000000001Y", "beta/91350300000000002X")
    ]


def test_another_value_draws_others() -> None:
    """Of sixty enterprises, each of three values draws another ten."""
    content = list_csv(Listed("alpha", f"9135030000{number:08d}", 1) for number in range(60))
    samples = {
        draw_sample(content, size=10, public_value=public, revealed=revealed).drawn
        for public, revealed in (("a", b""), ("b", b""), ("a", b"x"))
    }
    assert len(samples) == 3


def test_no_more_than_all_are_drawn_and_no_fewer_than_platforms() -> None:
    """A size that leaves a platform out is refused, and one beyond the list means all."""
    rows = [Listed(platform, "9135030000000000AB", 1) for platform in ("alpha", "beta")]
    assert len(draw_sample(list_csv(rows), size=99, public_value="1").drawn) == 2
    with pytest.raises(UserError, match="2 are listed"):
        draw_sample(list_csv(rows), size=1, public_value="1")
    with pytest.raises(UserError, match="nobody to draw"):
        draw_sample(list_csv([]), size=1, public_value="1")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"platform,uscc,stratum\nalpha,1,1",
        b"platform,uscc,stratum\r\nalpha,1,1\r\n",
        b"\xef\xbb\xbfplatform,uscc,stratum\nalpha,1,1\n",
        b"platform,uscc,stratum\nbeta,1,1\nalpha,1,1\n",
        b"platform,uscc,stratum\nalpha,1,1\nalpha,1,2\n",
        b"platform,uscc,stratum\nalpha,1,01\n",
        b"platform,uscc\nalpha,1\n",
        b"platform,uscc,stratum\nalpha,\xff,1\n",
    ],
)
def test_what_is_written_otherwise_is_no_list(content: bytes) -> None:
    """Two writings of one list would have two digests."""
    with pytest.raises(UserError, match="no list"):
        read_list(content)


def test_a_list_names_nobody_twice() -> None:
    """Whoever stood in it twice would be drawn twice as often."""
    with pytest.raises(ValueError, match="twice"):
        list_csv([Listed("alpha", "1", 1), Listed("alpha", "1", 2)])
