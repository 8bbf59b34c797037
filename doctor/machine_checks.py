"""How the machine is that examines: its settings' files, folders, keys and certificates.

What is looked at is what this process can see, under its own user: another process of the same
installation may run on another machine and see other files.
"""

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from doctor.check import Area, Check, Sentence, State, moment
from jieru.broker import BrokerAddress
from jieru.calendar import civil_date
from jieru.credentials.broker_files import BrokerFiles
from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _
from jieru.settings import Settings, unknown_settings
from verifier.policy import load_policy
from verifier.procedure.holidays import load_holidays
from verifier.procedure.signing import load_signing_key
from verifier.procedure.trusted_keys import Vouching, trusted_keys_of

__all__ = ["check_broker", "check_machine"]

_SOON: Final = timedelta(days=30)
_CONNECT_S: Final = 1.0
_MEGABYTE: Final = 1_000_000
_LITTLE_MB: Final = 2_000
_TOO_LITTLE_MB: Final = 200
_NEXT_YEAR_FROM_MONTH: Final = 12
"""The State Council announces a year's days in November of the year before."""
_LARGEST_CERTIFICATES: Final = 1_000_000


def check_machine(settings: Settings, now: datetime) -> list[Check]:
    """Every check that needs no database."""
    today = civil_date(now)
    return [
        _unknown_settings(),
        *_secret_files(settings),
        *_folders(settings),
        *_certificates(settings, now),
        _policy(settings, today),
        _holidays(settings, today),
        _signing_key(settings, today),
        check_broker(settings),
        _broker_files(settings),
    ]


def _said(error: UserError | WorldError) -> Sentence:
    return Sentence(error.message, dict(error.values))


def _unknown_settings() -> Check:
    names = sorted({each.name for each in unknown_settings()})
    return Check(
        "settings",
        Area.MACHINE,
        _("Settings"),
        State.YELLOW if names else State.GREEN,
        Sentence(_("Settings that nobody reads: {names}."), {"names": ", ".join(names)})
        if names
        else Sentence(_("Every setting is one that Jieru reads.")),
        Sentence(_("Correct their names, or take them out.")) if names else None,
    )


def _secret_files(settings: Settings) -> Iterator[Check]:
    named = {
        "JIERU_ENV_FILE": os.environ.get("JIERU_ENV_FILE", ""),
        "JIERU_SIGNING_KEY_FILE": settings.signing_key_file,
        "JIERU_CHECKPOINT_KEY_FILE": settings.checkpoint_key_file,
        "JIERU_TOTP_KEY_FILE": settings.totp_key_file,
        "JIERU_PERSONAL_KEY_FILE": settings.personal_key_file,
    }
    for name, path in named.items():
        if path:
            yield _secret_file(name, Path(path))


def _secret_file(name: str, path: Path) -> Check:
    values: dict[str, object] = {"path": path, "name": name}
    state = State.GREEN
    advice = None
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        state = State.RED
        finding = Sentence(
            _("{path} cannot be read: {reason}."), {**values, "reason": error.strerror or "?"}
        )
        advice = Sentence(
            _("Correct {name}, or let the user of this process read the file."), values
        )
    else:
        # Packages give an env file to the group of the processes that read it.
        if mode & stat.S_IRWXO:
            state = State.RED
            finding = Sentence(_("Everybody on this machine may read {path}."), values)
            advice = Sentence(_("Take the right away: chmod o= {path}"), values)
        else:
            finding = Sentence(_("{path} is readable, and not by everybody."), values)
    return Check(f"file:{name}", Area.MACHINE, name, state, finding, advice)


def _folders(settings: Settings) -> Iterator[Check]:
    named = {
        "JIERU_ARCHIVE_DIR": settings.archive_dir,
        "JIERU_CHECKPOINT_DIR": settings.checkpoint_dir,
        "JIERU_DOCUMENT_FOLDER": settings.document_folder,
        "TMPDIR": tempfile.gettempdir(),
    }
    for name, path in named.items():
        if path:
            yield _folder(name, Path(path))


def _folder(name: str, path: Path) -> Check:
    values: dict[str, object] = {"path": path, "name": name}
    try:
        is_there = path.is_dir()
        free_mb = shutil.disk_usage(path).free // _MEGABYTE if is_there else 0
    except OSError:
        is_there, free_mb = False, 0
    if not is_there:
        return Check(
            f"folder:{name}",
            Area.MACHINE,
            name,
            State.RED,
            Sentence(_("The folder {path} is not there, or may not be opened."), values),
            Sentence(_("Create it, or mount its disk, or correct {name}."), values),
        )
    state = (
        State.RED
        if free_mb < _TOO_LITTLE_MB
        else State.YELLOW
        if free_mb < _LITTLE_MB
        else State.GREEN
    )
    return Check(
        f"folder:{name}",
        Area.MACHINE,
        name,
        state,
        Sentence(_("{free} MB are free in {path}."), {**values, "free": free_mb}),
        None if state is State.GREEN else Sentence(_("Make room on the disk of {path}."), values),
    )


def _certificates(settings: Settings, now: datetime) -> Iterator[Check]:
    named = {
        "JIERU_MQTT_CA_FILE": settings.mqtt_ca_file,
        "JIERU_EQUIPMENT_CA_FILE": settings.equipment_ca_file,
        "JIERU_SMTP_CA_FILE": settings.smtp_ca_file,
    }
    for name, path in named.items():
        if path:
            yield _certificate(name, Path(path), now)


def _certificate(name: str, path: Path, now: datetime) -> Check:
    values: dict[str, object] = {"path": path, "name": name}
    try:
        with path.open("rb") as file:
            found = x509.load_pem_x509_certificates(file.read(_LARGEST_CERTIFICATES))
        ends = min(each.not_valid_after_utc for each in found)
    except (OSError, ValueError):
        return Check(
            f"certificate:{name}",
            Area.MACHINE,
            name,
            State.RED,
            Sentence(_("{path} holds no certificate that can be read."), values),
            Sentence(_("Correct {name}, or put the certificate into the file."), values),
        )
    values["at"] = moment(ends)
    state = State.RED if ends <= now else State.YELLOW if ends <= now + _SOON else State.GREEN
    return Check(
        f"certificate:{name}",
        Area.MACHINE,
        name,
        state,
        Sentence(_("The certificate in {path} is valid until {at}."), values),
        None
        if state is State.GREEN
        else Sentence(
            _("Put a new certificate into {path}, before equipment refuses the old."), values
        ),
    )


def _policy(settings: Settings, today: date) -> Check:
    title, name = _("Policy"), "policy"
    try:
        policy = load_policy(settings.policy)
    except UserError as error:
        return Check(
            name,
            Area.COUNTING,
            title,
            State.RED,
            _said(error),
            Sentence(_("Correct JIERU_POLICY, or the file that it names.")),
        )
    values: dict[str, object] = {
        "name": policy.name,
        "since": policy.in_force_from.value,
        "until": policy.in_force_to.value,
    }
    is_in_force = policy.in_force_from.value <= today <= policy.in_force_to.value
    return Check(
        name,
        Area.COUNTING,
        title,
        State.GREEN if is_in_force else State.YELLOW,
        Sentence(_("{name}, in force from {since} to {until}."), values),
        None
        if is_in_force
        else Sentence(_("Today is outside of its time: name the policy in force.")),
    )


def _holidays(settings: Settings, today: date) -> Check:
    title, name = _("Holidays"), "holidays"
    try:
        known = load_holidays(settings.holidays_file).years.keys()
    except UserError as error:
        return Check(
            name,
            Area.COUNTING,
            title,
            State.RED,
            _said(error),
            Sentence(_("Correct the file of JIERU_HOLIDAYS_FILE.")),
        )
    needed = [today.year] + [today.year + 1] * (today.month >= _NEXT_YEAR_FROM_MONTH)
    missing = [str(year) for year in needed if year not in known]
    return Check(
        name,
        Area.COUNTING,
        title,
        State.YELLOW if missing else State.GREEN,
        Sentence(
            _("Years that are not known: {years}; a notice that reaches into one cannot end."),
            {"years": ", ".join(missing)},
        )
        if missing
        else Sentence(_("Known up to {year}."), {"year": str(max(known))}),
        Sentence(_("Enter the State Council's notice into the file of JIERU_HOLIDAYS_FILE."))
        if missing
        else None,
    )


def _signing_key(settings: Settings, today: date) -> Check:
    title, name = _("Signing key"), "signing-key"
    if not settings.signing_key_file:
        return Check(
            name,
            Area.COUNTING,
            title,
            State.YELLOW,
            Sentence(_("This process has none, so it can freeze no count.")),
            Sentence(_("Make one with “jieru signing-key new”, and set JIERU_SIGNING_KEY_FILE.")),
        )
    try:
        key = load_signing_key(settings.signing_key_file)
        trusted = trusted_keys_of(settings)
    except UserError as error:
        return Check(
            name,
            Area.COUNTING,
            title,
            State.RED,
            _said(error),
            Sentence(_("Correct JIERU_SIGNING_KEY_FILE and JIERU_TRUSTED_KEYS.")),
        )
    now, later = (trusted.judge(key.public_key, day) for day in (today, today + _SOON))
    is_trusted = now is Vouching.TRUSTED
    finding = (
        Sentence(_("It is trusted today, and in thirty days."))
        if is_trusted and later is Vouching.TRUSTED
        else Sentence(_("It is trusted today, and no longer in thirty days."))
        if is_trusted
        else Sentence(_("Nobody vouches for it today: no count can be frozen."))
    )
    return Check(
        name,
        Area.COUNTING,
        title,
        State.RED if not is_trusted else State.GREEN if later is Vouching.TRUSTED else State.YELLOW,
        finding,
        None
        if is_trusted and later is Vouching.TRUSTED
        else Sentence(_("Enter a key for the time to come into the file of JIERU_TRUSTED_KEYS.")),
    )


def check_broker(settings: Settings) -> Check:
    """Whether the broker takes connections; nobody signs in."""
    title, name = _("Broker"), "broker"
    try:
        address = BrokerAddress.of_url(settings.mqtt_url, settings.mqtt_ca_file)
    except UserError:
        # Its own sentence would repeat the address, with the password in it.
        return Check(
            name,
            Area.INTAKE,
            title,
            State.RED,
            Sentence(_("JIERU_MQTT_URL is no address of a broker.")),
            Sentence(_("Write it as mqtt://user:password@host:port, or mqtts:// for TLS.")),
        )
    values: dict[str, object] = {"address": f"{address.host}:{address.port}"}
    try:
        with socket.create_connection((address.host, address.port), timeout=_CONNECT_S):
            pass
    except OSError as error:
        return Check(
            name,
            Area.INTAKE,
            title,
            State.RED,
            Sentence(
                _("{address} takes no connection from here: {reason}."),
                {**values, "reason": error.strerror or Sentence(_("it does not answer"))},
            ),
            Sentence(_("Start the broker, or correct JIERU_MQTT_URL.")),
        )
    return Check(
        name,
        Area.INTAKE,
        title,
        State.GREEN,
        Sentence(_("{address} takes connections."), values),
    )


def _broker_files(settings: Settings) -> Check:
    title, name = _("Broker's files"), "broker-files"
    try:
        files = BrokerFiles.of_settings(settings)
    except UserError as error:
        return Check(name, Area.INTAKE, title, State.RED, _said(error))
    if files is None:
        return Check(
            name,
            Area.INTAKE,
            title,
            State.UNUSED,
            Sentence(_("This process keeps none; another one may.")),
        )
    missing = [str(each) for each in (files.password_file, files.acl_file) if not each.is_file()]
    return Check(
        name,
        Area.INTAKE,
        title,
        State.RED if missing else State.GREEN,
        Sentence(_("Files that are not there: {files}."), {"files": ", ".join(missing)})
        if missing
        else Sentence(_("The broker's password file and its ACL file are there.")),
        Sentence(_("Run “jieru broker sync --anew”, once you know who took them away."))
        if missing
        else None,
    )
