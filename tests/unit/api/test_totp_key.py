"""The key under which secrets of the second step are kept."""

from pathlib import Path

import pytest

from api.access.totp_key import TotpKey, totp_key_of
from jieru.errors import UserError
from jieru.settings import Settings

KEY = TotpKey(b"a secret of more than thirty-two bytes")


def test_a_secret_is_read_with_the_key_and_for_the_account_that_it_was_kept_for() -> None:
    """And kept otherwise each time."""
    kept = KEY.encrypted(1, "JBSWY3DP")
    assert "JBSWY3DP" not in kept
    assert KEY.encrypted(1, "JBSWY3DP") != kept
    assert KEY.decrypted(1, kept) == "JBSWY3DP"


@pytest.mark.parametrize(
    ("key", "user_id"), [(KEY, 2), (TotpKey(b"another secret of thirty-two bytes or so"), 1)]
)
def test_no_other_key_and_no_other_account_reads_it(key: TotpKey, user_id: int) -> None:
    """A row that was moved opens nothing."""
    with pytest.raises(UserError):
        key.decrypted(user_id, KEY.encrypted(1, "JBSWY3DP"))


@pytest.mark.parametrize("kept", ["", "AAAA", "no base64!", "A" * 80])
def test_what_is_no_kept_secret_is_said(kept: str) -> None:
    """A damaged row lets nobody in and fails nothing."""
    with pytest.raises(UserError):
        KEY.decrypted(1, kept)


def test_a_file_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    """One that is missing, and one that could be guessed; none is named: there is no key."""
    assert totp_key_of(Settings()) is None
    short = tmp_path / "short"
    short.write_text("password\n", encoding="utf-8")
    for path in (short, tmp_path / "missing", tmp_path):
        with pytest.raises(UserError):
            totp_key_of(Settings(totp_key_file=str(path)))
