"""Debian's variant of the broker's configuration is the one that the tests run."""

from pathlib import Path

_FOLDER = Path(__file__).parents[3] / "deploy"
_DEBIANS_OWN = frozenset({"pid_file", "persistence", "persistence_location", "log_dest"})
"""What /etc/mosquitto/mosquitto.conf says there; Mosquitto refuses to read some of it twice."""
_OF_EQUIPMENT = frozenset({"use_username_as_clientid", "max_connections"})
"""Of listeners for equipment, which Debian's file leaves to those with TLS."""
_PATHS = frozenset({"password_file", "acl_file"})


def _settings(name: str) -> dict[str, str]:
    lines = (_FOLDER / "mosquitto" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def test_it_sets_what_the_other_sets_but_for_what_debian_sets_itself() -> None:
    """Limits of the queue above all."""
    ours, debians = _settings("mosquitto.conf"), _settings("debian.conf")
    assert debians.keys() == ours.keys() - _DEBIANS_OWN - _OF_EQUIPMENT
    same = debians.keys() - _PATHS - {"listener"}
    assert {key: debians[key] for key in same} == {key: ours[key] for key in same}


def test_every_listener_for_equipment_binds_client_ids_to_usernames() -> None:
    """Else whoever has one credential takes the session of any other client."""
    ours = _settings("mosquitto.conf")
    for name in ("listener-tls.conf", "listener-client-certificates.conf"):
        listener = _settings(name)
        assert {key: listener[key] for key in _OF_EQUIPMENT} == {
            key: ours[key] for key in _OF_EQUIPMENT
        }


def test_its_plain_listener_is_this_machines_only() -> None:
    """Passwords cross it in clear."""
    assert _settings("debian.conf")["listener"] == "1883 127.0.0.1"


def test_the_unit_that_keeps_users_and_rights_has_the_same_paths() -> None:
    """Else the broker would never hear of a credential."""
    unit = (_FOLDER / "systemd/jieru-broker-sync.service").read_text(encoding="utf-8")
    paths = _settings("debian.conf")
    assert f"JIERU_BROKER_PASSWORD_FILE={paths['password_file']}\n" in unit
    assert f"JIERU_BROKER_ACL_FILE={paths['acl_file']}\n" in unit
