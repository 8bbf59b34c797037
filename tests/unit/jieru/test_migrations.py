"""The files of the migrations: numbered without gaps that nobody explained."""

import re
from collections import Counter
from typing import Final

from jieru.migrating import MIGRATIONS, read_migrations

_NAME: Final = re.compile(r"(\d{4})_[a-z]+(_[a-z]+)*")
_UNUSED: Final = re.compile(r"(\d{4})(?: to (\d{4}))?")


def _numbers() -> list[int]:
    return [int(each.name[:4]) for each in read_migrations()]


def _explained() -> set[int]:
    """The numbers of which the README of the migrations says that they never were."""
    text = (MIGRATIONS / "README.md").read_text(encoding="utf-8")
    named = text.partition("Numbers that never were")[2].partition(".")[0]
    return {
        number
        for first, last in _UNUSED.findall(named)
        for number in range(int(first), int(last or first) + 1)
    }


def test_a_migrations_name_is_a_number_and_words() -> None:
    """Four digits, so that names sort as numbers do."""
    assert [each.name for each in read_migrations() if not _NAME.fullmatch(each.name)] == []


def test_no_two_migrations_have_one_number() -> None:
    """Two people who each take the next one would not know which comes first."""
    assert [number for number, times in Counter(_numbers()).items() if times > 1] == []


def test_every_missing_number_is_explained() -> None:
    """A gap without a reason may be a file that was lost."""
    numbers = set(_numbers())
    assert set(range(1, max(numbers) + 1)) - numbers == _explained()
