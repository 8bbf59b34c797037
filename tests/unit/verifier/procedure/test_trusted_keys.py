"""Whose signatures count, and when."""

import base64
from datetime import date
from pathlib import Path

import pytest

from jieru.errors import UserError
from jieru.settings import Settings
from verifier.procedure.signing import new_signing_key
from verifier.procedure.trusted_keys import (
    TrustedKey,
    TrustedKeys,
    Vouching,
    load_trusted_keys,
    trusted_keys_of,
    vouching_of,
)

_OURS, _OTHER = b"a" * 32, b"b" * 32


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


_ENDS_FIRST = f"""
[[keys]]
name = "a"
key = "{_text(_OURS)}"
valid_from = 2026-01-02
valid_until = 2026-01-01
"""


def _trusted(**times: date) -> TrustedKeys:
    kept = {"valid_from": date(2026, 1, 1), **times}
    return TrustedKeys((TrustedKey(name="工信局", key=_text(_OURS), **kept),))


@pytest.mark.parametrize(
    ("times", "day", "vouching"),
    [
        ({}, date(2025, 12, 31), Vouching.NOT_ITS_TIME),
        ({}, date(2026, 1, 1), Vouching.TRUSTED),
        ({"valid_until": date(2027, 6, 1)}, date(2027, 6, 1), Vouching.TRUSTED),
        ({"valid_until": date(2027, 6, 1)}, date(2027, 6, 2), Vouching.NOT_ITS_TIME),
        ({"revoked_on": date(2027, 6, 1)}, date(2027, 5, 31), Vouching.TRUSTED),
        ({"revoked_on": date(2027, 6, 1)}, date(2027, 6, 1), Vouching.REVOKED),
    ],
)
def test_a_key_signs_in_its_time(times: dict[str, date], day: date, vouching: Vouching) -> None:
    """What it signed then stays trusted, whatever day it is now."""
    assert _trusted(**times).judge(_OURS, day) is vouching
    assert _trusted(**times).judge(_OTHER, day) is Vouching.UNKNOWN


def test_a_key_that_is_listed_again_signs_in_both_times() -> None:
    """As after a renewal; in between it does not."""
    before = _trusted(valid_until=date(2026, 6, 30)).keys
    again = _trusted(valid_from=date(2027, 1, 1)).keys
    keys = TrustedKeys(before + again)
    days = (date(2026, 6, 30), date(2026, 7, 1), date(2027, 1, 1))
    assert [keys.judge(_OURS, day) for day in days] == [
        Vouching.TRUSTED,
        Vouching.NOT_ITS_TIME,
        Vouching.TRUSTED,
    ]


@pytest.mark.parametrize(
    ("frozen_at", "vouching"),
    [
        ("2025-12-31T15:59:59+00:00", Vouching.NOT_ITS_TIME),
        ("2025-12-31T16:00:00+00:00", Vouching.TRUSTED),
        ("yesterday", Vouching.UNKNOWN),
        (None, Vouching.UNKNOWN),
    ],
)
def test_a_signature_is_of_the_civil_day_of_freezing(frozen_at: object, vouching: Vouching) -> None:
    """In Asia/Shanghai; a document that says no moment is vouched for by nobody."""
    assert vouching_of({"frozen_at": frozen_at}, _OURS, _trusted()) is vouching
    assert vouching_of({}, _OURS, _trusted()) is Vouching.UNKNOWN


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("", "keys"),
        ("[[keys]]\nname = 'a'\nvalid_from = 2026-01-01", "key"),
        ("[[keys]]\nname = 'a'\nkey = 'abc'\nvalid_from = 2026-01-01", "32 bytes"),
        (f"[[keys]]\nname = ' '\nkey = '{_text(_OURS)}'\nvalid_from = 2026-01-01", "name"),
        (f"[[keys]]\nname = 'a'\nkey = '{_text(_OURS)}'\nvalid_from = 'May'", "valid_from"),
        (_ENDS_FIRST, "valid_until"),
        ("[[keys]", "line 1"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(entry: str, said: str, tmp_path: Path) -> None:
    """One sentence with the place."""
    path = tmp_path / "trusted.toml"
    path.write_text(entry, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        load_trusted_keys(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It is not taken for an empty one."""
    with pytest.raises(UserError, match="nowhere"):
        load_trusted_keys(tmp_path / "nowhere")


def test_an_installation_trusts_its_own_key_until_a_file_says_whom(tmp_path: Path) -> None:
    """And then only the file."""
    key = new_signing_key(tmp_path / "own.pem").public_key
    day = date(2026, 1, 1)
    own = Settings(signing_key_file=str(tmp_path / "own.pem"))
    assert trusted_keys_of(own).judge(key, day) is Vouching.TRUSTED
    assert trusted_keys_of(Settings()).judge(key, day) is Vouching.UNKNOWN
    path = tmp_path / "trusted.toml"
    path.write_text(f"[[keys]]\nname = '局'\nkey = '{_text(_OURS)}'\nvalid_from = 2020-01-01\n")
    named = own.model_copy(update={"trusted_keys": str(path)})
    assert trusted_keys_of(named).judge(key, day) is Vouching.UNKNOWN
    assert trusted_keys_of(named).judge(_OURS, day) is Vouching.TRUSTED
    assert trusted_keys_of(named).name_of(_OURS) == "局"
