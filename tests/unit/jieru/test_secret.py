"""Secrets of equipment, and the form in which both brokers read them."""

import re

from jieru.credentials.secret import hash_secret, new_secret, password_entry


def test_a_secret_is_32_letters_and_digits() -> None:
    """Nothing that an address or a shell reads as anything else; never the same twice."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", secret) for secret in secrets)


def test_each_hash_has_a_salt_of_its_own() -> None:
    """Of exactly 12 ASCII characters, for Mosquitto takes no other number."""
    first, second = hash_secret("the same"), hash_secret("the same")
    assert first.salt != second.salt
    assert re.fullmatch(r"[A-Za-z0-9]{12}", first.salt)


def test_the_hash_is_pbkdf2_with_sha512() -> None:
    """Worked out with OpenSSL: 101 iterations, 64 bytes, the salt's characters as bytes."""
    hashed = hash_secret("h7Qm2vXw9LrT4bKc8NsZ1dYf6GpJ3aEu", "Aa0Bb1Cc2Dd3")
    assert hashed.password_hash.hex() == (
        "1e2bb8e7859022413c51ec6fd9c21a451fc803a934281db0239c86f2e5702006"
        "57cd4db18cb5c2505d3f099c79488eafd20a87bdf5a5f8d4f89ee0d4a20233d8"
    )


def test_the_entry_is_the_one_that_mosquitto_reads() -> None:
    """Version 7, iterations, salt and hash in base64."""
    entry = password_entry("xielian/cnc-1", hash_secret("secret", "Aa0Bb1Cc2Dd3"))
    assert re.fullmatch(r"xielian/cnc-1:\$7\$101\$QWEwQmIxQ2MyRGQz\$[A-Za-z0-9+/]{86}==\n", entry)
