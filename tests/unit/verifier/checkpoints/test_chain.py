"""`verifier.checkpoints.chain`: which statement may follow which."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest

from jieru.errors import UserError
from tests.support.procedure import KEY, TRUSTED
from verifier.checkpoints.chain import StatementChain, archives_sha256, month_sha256
from verifier.checkpoints.statement import (
    AuditHead,
    StatedArchive,
    StatedDay,
    StatedMonth,
    StatedSignals,
    Statement,
    check_signature,
    parse_signed,
    sign,
)

_AT: Final = datetime(2026, 4, 10, tzinfo=UTC)
_DAYS: Final = tuple(
    StatedDay(day=date(2026, 3, day), rows=1, sha256=f"{day:064x}") for day in (1, 2)
)
_NEXT_DAY: Final = StatedDay(day=date(2026, 3, 3), rows=0, sha256=f"{3:064x}")
_ARCHIVE: Final = StatedArchive(file="a", file_sha256="1" * 64, rows_sha256="2" * 64, heartbeats=5)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _month(*days: StatedDay) -> StatedMonth:
    return StatedMonth(month=date(2026, 3, 1), sha256=month_sha256(day.sha256 for day in days))


def _first() -> Statement:
    return Statement(
        installation=_AT,
        is_simulation=False,
        number=1,
        previous_sha256=None,
        at=_AT,
        occasion="day",
        audit=AuditHead(number=7, hash="aa" * 32, before=None),
        closed_through=_DAYS[-1].day,
        days=_DAYS,
        months=(_month(*_DAYS),),
        archives=(_ARCHIVE,),
        archives_sha256=archives_sha256([_ARCHIVE]),
    )


def _second() -> Statement:
    first = _first()
    return msgspec.structs.replace(
        first,
        number=2,
        previous_sha256=first.sha256(),
        at=_AT + timedelta(days=1),
        audit=AuditHead(number=9, hash="bb" * 32, before=first.audit.hash),
        closed_through=_NEXT_DAY.day,
        days=(_NEXT_DAY,),
        months=(_month(*_DAYS, _NEXT_DAY),),
        archives=(),
    )


def _said(second: Statement) -> list[str]:
    chain = StatementChain()
    assert chain.add(_first()) == []
    return [str(each) for each in chain.add(second)]


def test_what_extends_the_last_is_taken() -> None:
    """More entries, a further day, the same archives."""
    assert _said(_second()) == []


_FAULTS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "gap": ({"number": 3}, "number 2 was expected"),
    "other chain": ({"previous_sha256": "0" * 64}, "does not follow the one before it"),
    "other database": ({"installation": _AT + timedelta(1)}, "is of another database"),
    "simulation": ({"is_simulation": True}, "is of another database"),
    "earlier": ({"at": _AT - timedelta(1)}, "is earlier than the one before it"),
    "shorter audit": (
        {"audit": AuditHead(number=6, hash="bb" * 32, before="aa" * 32)},
        "the audit ends with entry 6, and ended with entry 7 before",
    ),
    "other audit": (
        {"audit": AuditHead(number=9, hash="bb" * 32, before="cc" * 32)},
        "entry 7 of the audit is not the one",
    ),
    "entry gone": (
        {"audit": AuditHead(number=9, hash="bb" * 32, before=None)},
        "entry 7 of the audit is not the one",
    ),
    "same number, other hash": (
        {"audit": AuditHead(number=7, hash="bb" * 32, before="aa" * 32)},
        "entry 7 of the audit is not the one",
    ),
    "day anew": ({"days": (_DAYS[0], _NEXT_DAY)}, "states days anew that were closed before"),
    "fewer days": (
        {"closed_through": date(2026, 3, 1), "days": (), "months": (_month(*_DAYS),)},
        "fewer days are closed than before",
    ),
    "month changed": ({"months": (_month(_NEXT_DAY),)}, "presence of 2026-03 was not what"),
    "archive gone": ({"archives_sha256": archives_sha256([])}, "the archive was not the one"),
    "archive anew": ({"archives": (_ARCHIVE,)}, "states the archive file a anew"),
}


@pytest.mark.parametrize("name", _FAULTS)
def test_what_rewrites_is_said(name: str) -> None:
    """Each way in one sentence, with the statement's number and time."""
    changes, expected = _FAULTS[name]
    (said,) = _said(msgspec.structs.replace(_second(), **changes))
    assert said.startswith("Checkpoint ")
    assert expected in said


def test_a_statement_after_a_step_says_nothing_of_presence() -> None:
    """It states no month, and none is missed."""
    step = msgspec.structs.replace(
        _second(), days=(), months=(), closed_through=_DAYS[-1].day, occasion="freeze 2026-1"
    )
    assert _said(step) == []


def test_another_value_is_not_what_was_signed() -> None:
    """Its form is that of a statement, and its signature does not fit."""
    content = sign(_first(), KEY).content()
    assert check_signature(parse_signed(content), TRUSTED) is None
    other = parse_signed(content.replace(b'"number":7', b'"number":8', 1))
    assert "a signature does not fit" in str(check_signature(other, TRUSTED))


@pytest.mark.parametrize(
    "change",
    [lambda content: content + b" ", lambda content: content[:-1], lambda _content: b"[]"],
    ids=["space", "cut", "no statement"],
)
def test_a_statement_has_one_form(change: Callable[[bytes], bytes]) -> None:
    """One byte more or less is none."""
    with pytest.raises(UserError, match="This is no checkpoint"):
        parse_signed(change(sign(_first(), KEY).content()))


_RUN: Final = StatedSignals(run=4, as_of=_NEXT_DAY.day, signals=2, sha256="3" * 64)


def test_a_statement_of_before_there_were_signals_keeps_its_bytes() -> None:
    """What was signed then has no such key; what has one is read in its one form too."""
    assert b"signals" not in _first().content()
    signed = sign(msgspec.structs.replace(_first(), signals=_RUN), KEY)
    assert parse_signed(signed.content()) == signed
    assert parse_signed(sign(_first(), KEY).content()).statement == _first()


@pytest.mark.parametrize(
    ("now", "is_wrong"),
    [
        (_RUN, False),
        (msgspec.structs.replace(_RUN, run=5), False),
        (msgspec.structs.replace(_RUN, run=3), True),
        (msgspec.structs.replace(_RUN, sha256="4" * 64), True),
        (msgspec.UNSET, True),
    ],
    ids=["the same", "a later one", "an earlier one", "rewritten", "gone"],
)
def test_the_run_of_the_signals_is_the_one_before_or_a_later_one(
    now: StatedSignals | msgspec.UnsetType, is_wrong: bool
) -> None:
    """A run that was stated stays what it was."""
    first = msgspec.structs.replace(_first(), signals=_RUN)
    second = msgspec.structs.replace(_second(), previous_sha256=first.sha256(), signals=now)
    chain = StatementChain()
    assert chain.add(first) == []
    said = [str(each) for each in chain.add(second)]
    finding = (
        "Checkpoint 2 (2026-04-11 00:00Z): run 4 of the signals is not the one that the "
        "checkpoint before it states."
    )
    assert said == ([finding] if is_wrong else [])
