"""Passwords of people."""

import pytest
from argon2 import PasswordHasher

from api.access.passwords import (
    hash_password,
    is_outdated,
    is_password,
    random_password,
    require_good_password,
)
from jieru.errors import UserError


def test_a_password_is_kept_as_argon2id_and_recognised() -> None:
    """And no other one is."""
    kept = hash_password("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert is_password(kept, "correct horse battery")
    assert not is_password(kept, "correct horse batterY")
    assert hash_password("correct horse battery") != kept


def test_a_password_is_the_same_however_its_characters_are_composed() -> None:
    """Keyboards of different machines differ."""
    assert is_password(hash_password("mot de passe é"), "mot de passe e\u0301")


def test_nobody_has_a_password() -> None:
    """An account without one, or no account at all, takes the same way."""
    assert not is_password(None, "correct horse battery")


def test_what_is_no_hash_is_nobodys_password() -> None:
    """A damaged row keeps its person out and fails nothing."""
    assert not is_password("damaged", "correct horse battery")


def test_a_hash_made_with_other_parameters_is_outdated() -> None:
    """It is made anew at the next occasion."""
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("x")
    assert is_outdated(weak)
    assert not is_outdated(hash_password("x"))


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("eleven char", "too short"),
        ("x" * 201, "too long"),
        ("Lin.Operator", "name of the account"),
    ],
)
def test_a_bad_password_is_refused_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, password: str, said: str
) -> None:
    """Length counts, not the kinds of characters."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    with pytest.raises(UserError) as caught:
        require_good_password(password, user="lin.operator")
    assert said in str(caught.value)


def test_twelve_characters_of_any_script_are_enough() -> None:
    """One character is one, however many bytes."""
    require_good_password("春眠不觉晓处处闻啼鸟夜来", user="lin")


def test_random_passwords_differ_and_are_good() -> None:
    """And hold no character that is easily taken for another."""
    made = {random_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        require_good_password(password, user="lin")
        assert not set(password) & set("0O1lI")
