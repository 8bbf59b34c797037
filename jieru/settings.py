"""Settings, from the environment (`JIERU_…`) or from the env file named by `JIERU_ENV_FILE`."""

import os
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from jieru.errors import UserError
from jieru.i18n import Language
from jieru.i18n import gettext as _

__all__ = ["OTHER_NAMES", "Settings", "UnknownSetting", "load_settings", "unknown_settings"]

_ENV_PREFIX = "JIERU_"

OTHER_NAMES: Final = frozenset(
    {
        "JIERU_ENV_FILE",
        # compose.yaml and compose.demo.yaml
        "JIERU_API_BIND",
        "JIERU_DATABASE_PASSWORD",
        "JIERU_GRAFANA_BIND",
        "JIERU_INGEST_POST_BIND",
        "JIERU_GRAFANA_PASSWORD",
        "JIERU_MQTT_BIND",
        "JIERU_MQTT_PASSWORD",
        # tests and benchmarks
        "JIERU_BENCHMARK_BEFORE",
        "JIERU_BENCHMARK_DAY_INTERVAL_S",
        "JIERU_BENCHMARK_DEVICES",
        "JIERU_BENCHMARK_MIXED_S",
        "JIERU_BENCHMARK_PRESENCE_FILLFACTOR",
        "JIERU_BENCHMARK_TURNS",
        "JIERU_CACHE_DIR",
        "JIERU_TEST_DATABASE_URL",
        # README.md and docs/: a caller's own API key
        "JIERU_KEY",
    }
)
"""What somebody else reads under our prefix; a process of ours ignores it rightly."""


class Settings(BaseSettings):
    """Everything a process of Jieru can be told; each field is `JIERU_` plus its name."""

    model_config = SettingsConfigDict(env_prefix=_ENV_PREFIX, extra="ignore", frozen=True)

    database_url: str = ""
    """`postgresql://user:password@host:port/database`; needed by every command but `demo`."""

    mqtt_url: str = "mqtt://127.0.0.1:1883"
    """`mqtt://user:password@host:port`, or `mqtts://` for TLS."""
    mqtt_protocol: Literal["5", "3.1.1"] = "5"
    mqtt_ca_file: str = ""
    """Certificate authority for `mqtts://`; empty: the system's own."""

    ingest_client_id: str = Field(default="jieru-ingest-1", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Stable, and another for each ingester: the broker keeps the session under this name."""
    ingest_group: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    """Group of the shared subscription, for several ingesters; empty: a plain subscription."""
    ingest_clock: Literal["receipt", "event"] = "receipt"
    """`event` takes `ts` as the time of receipt; only on a database made with `--simulation`."""
    ingest_batch_size: int = Field(default=5_000, ge=1, le=30_000)
    """Heartbeats to a transaction at most."""
    ingest_batch_age_ms: int = Field(default=200, ge=1, le=60_000)
    """Milliseconds after which a batch is written though it is not full."""
    ingest_receive_maximum: int = Field(default=20_000, ge=2, le=65_535)
    """Messages held unacknowledged at most (MQTT 5 Receive Maximum)."""
    ingest_session_expiry_days: int = Field(default=7, ge=1, le=365)
    """For how long the broker keeps messages for an ingester that is away."""
    ingest_device_rate: int = Field(default=60, ge=0)
    """Heartbeats of one device that an ingester keeps in a minute, for ever; beyond it all are
    counted, and the first of an hour is kept. 0: no limit, as always with the event clock."""
    ingest_device_burst: int = Field(default=10_000, ge=0)
    """Heartbeats that a device may send beyond its rate before that matters: a backlog."""
    ingest_http_host: str = "127.0.0.1"
    ingest_http_port: int = Field(default=9464, ge=0, le=65_535)
    """Where an ingester answers `/metrics` and `/healthz`; 0: any free port."""
    ingest_post_host: str = "127.0.0.1"
    ingest_post_port: int = Field(default=8_001, ge=0, le=65_535)
    """Where `jieru ingest --http` takes heartbeats, in plain HTTP from the proxy that speaks TLS;
    0: any free port."""
    broker_queue_messages: int = Field(default=10_000_000, ge=0)
    """Messages that the broker keeps for one ingester (Mosquitto: `max_queued_messages`), to alarm
    before it drops any; 0: no such limit."""
    broker_queue_bytes: int = Field(default=4_294_967_296, ge=0)
    """Bytes of payload that it keeps for one (Mosquitto: `max_queued_bytes`); 0: no such limit."""
    device_state_interval_s: int = Field(default=30, ge=1, le=3_600)
    """Seconds between two writes of one device's last heartbeat and status."""

    broker_log: str = ""
    """Mosquitto's log file, which `jieru broker follow` reads; empty: none."""
    broker_hook_token: str = Field(default="", repr=False)
    """What EMQX shows that brings events to `jieru broker follow --listen`; empty: nobody may."""
    broker_events_days: int = Field(default=14, ge=1)
    """What the broker told of connections is deleted after so many days."""

    broker_password_file: str = ""
    """Mosquitto's password file, which `jieru broker sync` and `jieru serve` keep; empty: none."""
    broker_acl_file: str = ""
    """Mosquitto's ACL file, kept together with the password file."""
    broker_pid_file: str = ""
    """Where Mosquitto writes its process id, to be told of changes; empty: somebody else does."""
    equipment_mqtt_url: str = ""
    """Where equipment reaches the broker, for examples; empty: as in `mqtt_url`."""
    equipment_https_url: str = Field(
        default="", pattern=r"^(|https?://[^\s?#'\"`$\\]+[^\s?#/'\"`$\\])$"
    )
    """Where equipment reaches `jieru ingest --http`, without a slash at its end; empty: nowhere
    that anybody is told of."""
    equipment_ca_file: str = ""
    """Certificate, without its key, of the authority that equipment shall trust; the console hands
    it out. Empty: the broker's certificate is of an authority that everybody trusts."""

    heartbeat_retention_days: int = Field(default=1_830, ge=30)
    """Raw heartbeats older than this are archived where `archive_dir` is set, and dropped; presence
    is kept for good."""
    rejection_retention_days: int = Field(default=90, ge=1)
    """Rejections older than this are deleted; their numbers by hour stay for good."""
    rejections_kept_per_topic: int = Field(default=20, ge=0)
    """Rejections of one topic and reason that are kept whole in an hour, by each ingester; all are
    counted. 0: all."""
    rejections_kept_per_platform: int = Field(default=1_500, ge=0)
    """Rejections of one platform that are kept whole in an hour, by each ingester. 0: all."""
    heartbeat_compress_after_days: int = Field(default=14, ge=1)
    """Chunks older than this are compressed (TimescaleDB Community edition)."""
    archive_dir: str = ""
    """Folder of archived heartbeats, filled by `jieru archive run`; once that ran, nothing else
    drops them. Empty: they are just dropped."""

    auditor_password: str = Field(default="", repr=False)
    """Of the role jieru_auditor, which Grafana logs in with; `jieru migrate` sets it. Empty: it
    stays as it is, and a new role cannot log in with any."""

    database_password_api: str = Field(default="", repr=False)
    """Of the role jieru_api, which `jieru serve` and commands log in as; `jieru migrate` sets it,
    as those of the four roles below. Empty: it stays as it is, and a new role has none."""
    database_password_ingest: str = Field(default="", repr=False)
    """Of jieru_ingest, for `jieru ingest`."""
    database_password_verifier: str = Field(default="", repr=False)
    """Of jieru_verifier, which reads all that is counted, for `jieru audit verify --record`."""
    database_password_broker: str = Field(default="", repr=False)
    """Of jieru_broker, for `jieru broker sync`."""
    database_password_archive: str = Field(default="", repr=False)
    """Of jieru_archive, for `jieru archive`."""

    database_disk_gb: int = Field(default=100, ge=1)
    """Gigabytes that the database may take; an alert of Grafana comes at four fifths of them."""
    grafana_token: str = Field(default="", repr=False)
    """Of the service account with which `jieru dashboards push` comes to Grafana."""

    policy: str = "putian-2026"
    """Name of a policy that comes with Jieru, or the path of a policy file."""
    language: Language = "zh"

    signing_key_file: str = ""
    """Ed25519 key of frozen counts, made by `jieru signing-key new`; empty: none can be frozen."""
    personal_key: str = Field(default="", repr=False)
    """Stands for the person who runs a command that takes a step of a count; empty: no such key."""
    personal_key_file: str = ""
    """A file with that key, which nobody else may read; empty: name and password are asked for."""
    trusted_keys: str = ""
    """File of the keys whose signatures count, each with its time; empty: the one that this
    installation signs with."""
    checkpoint_dir: str = ""
    """Folder of signed statements about the record, filled each day by `jieru checkpoint` and after
    each step of money; best on another machine's disk. Empty: none are made."""
    checkpoint_key_file: str = ""
    """Ed25519 key of those statements; empty: the one of `signing_key_file`."""
    witnesses: str = ""
    """Addresses of other bodies' `jieru witness serve`, with commas between, to which each
    statement is sent; empty: none."""
    witness_keys: str = ""
    """File of the witnesses' keys, in the form of the file of trusted keys."""
    document_folder: str = ""
    """Folder of the files that are handed in with cases, which belongs into the backup with the
    database; empty: none are taken."""
    document_megabytes_max: int = Field(default=10, ge=1, le=100)
    """How large one of them may be."""
    notice_working_days: int = Field(default=5, ge=1, le=60)
    """How long the public notice of a count lasts, from the day after its publication."""
    holidays_file: str = ""
    """Days off and worked weekends of years that this release does not know, or knows wrongly, in
    the form of its own `holidays.yaml`; empty: none."""
    report_font_path: str = ""
    """Folder with the font of the PDF reports; empty: where Debian's fonts-noto-cjk has it."""

    public_url: str = Field(default="", pattern=r"^(|https?://[^\s?#]+[^\s?#/])$")
    """Where enterprises reach the console, without a slash at its end; the beginning of the links
    that are sent to them. Empty: none are sent."""
    smtp_url: str = Field(default="", repr=False)
    """The mail server: `smtp://user:password@host:587` (STARTTLS, but not on this machine) or
    `smtps://user:password@host:465`; empty: no mail is sent."""
    smtp_password_file: str = ""
    """File with the mail server's password, where `smtp_url` has none."""
    smtp_ca_file: str = ""
    """Certificate authority of the mail server; empty: the system's own."""
    mail_from: str = ""
    """Sender of mail, such as `莆田市工业和信息化局 <jieru@example.cn>`."""
    notify_http_host: str = "127.0.0.1"
    notify_http_port: int = Field(default=9474, ge=0, le=65_535)
    """Where `jieru notify` answers `/metrics`; 0: nowhere."""
    notice_key_file: str = ""
    """Secret of at least 32 bytes, under which the database keeps addresses and secrets of people's
    webhooks; empty: nobody can enter one."""
    webhook_networks: str = ""
    """Inside networks that webhooks may reach, with commas between them; empty: public addresses
    alone, over https."""
    challenges_per_day: int = Field(default=0, ge=0, le=1_000)
    """About how many enterprises `jieru challenge --at-random`, run each hour, challenges on a
    working day. 0: none."""
    confirmation_days: int = Field(default=60, ge=1, le=366)
    """For how long the code of a confirmation can be used."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8_000, ge=0, le=65_535)
    api_metrics_host: str = "127.0.0.1"
    api_metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Where `jieru serve` answers `/metrics`; 0: nowhere."""
    api_trusted_proxies: str = "127.0.0.1"
    """Addresses and networks, with commas between, of the proxies whose `X-Forwarded-For` and
    `X-Forwarded-Proto` are believed: who the client is, and whether it speaks TLS. Empty: none."""

    totp_key_file: str = ""
    """Secret of at least 32 bytes, under which the database keeps the secrets of people's second
    step (TOTP); empty: nobody can set one up."""
    totp_required: bool = False
    """Whether verifiers and administrators must have a second step before they do anything else."""

    access_log_days: int = Field(default=365, ge=180)
    """Entries of the access log older than this are deleted."""
    syslog: str = Field(
        default="",
        pattern=r"^(|unix:/.+|(udp|tcp)://(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+)(:[0-9]{1,5})?)$",
    )
    """Where entries of audit and access log are sent to as they are written (RFC 5424):
    `unix:/dev/log`, `udp://host:514` or `tcp://host:601`. Empty: nowhere."""

    oidc_issuer: str = Field(
        default="", pattern=r"^(|https://.+|http://(127\.0\.0\.1|localhost)(:\d+)?(/.*)?)$"
    )
    """An OpenID provider through which people may sign in besides, as it calls itself; empty: none.
    Its users come in once `jieru user add --oidc-subject` has given them an account."""
    oidc_client_id: str = ""
    oidc_client_secret: str = Field(default="", repr=False)
    """Empty: a public client, which has only PKCE."""
    oidc_name: str = "OpenID Connect"
    """What the button calls the provider."""

    @model_validator(mode="after")
    def _window_holds_two_batches(self) -> Self:
        if self.ingest_receive_maximum < 2 * self.ingest_batch_size:
            raise ValueError(
                f"JIERU_INGEST_RECEIVE_MAXIMUM ({self.ingest_receive_maximum}) must be at least "
                f"twice JIERU_INGEST_BATCH_SIZE ({self.ingest_batch_size}), "
                "or the broker idles while a batch is written"
            )
        return self

    @model_validator(mode="after")
    def _client_of_the_provider(self) -> Self:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("JIERU_OIDC_ISSUER needs JIERU_OIDC_CLIENT_ID beside it")
        return self

    @model_validator(mode="after")
    def _key_of_what_is_required(self) -> Self:
        if self.totp_required and not self.totp_key_file:
            raise ValueError("JIERU_TOTP_REQUIRED needs JIERU_TOTP_KEY_FILE beside it")
        return self

    @field_validator("syslog")
    @classmethod
    def _possible_port(cls, value: str) -> str:
        if value.startswith(("udp:", "tcp:")) and urlsplit(value).port == 0:  # it checks the rest
            raise ValueError("port 0 is none")
        return value

    @field_validator("api_trusted_proxies")
    @classmethod
    def _addresses_and_networks(cls, value: str) -> str:
        for each in filter(None, value.split(",")):
            ip_network(each.strip())  # uvicorn itself would take any text, and never match it
        return value

    @property
    def role_passwords(self) -> dict[str, str]:
        """The passwords that `jieru migrate` sets, by role; those that are empty are not there."""
        passwords = {
            "jieru_auditor": self.auditor_password,
            "jieru_api": self.database_password_api,
            "jieru_ingest": self.database_password_ingest,
            "jieru_verifier": self.database_password_verifier,
            "jieru_broker": self.database_password_broker,
            "jieru_archive": self.database_password_archive,
        }
        return {role: password for role, password in passwords.items() if password}

    def require_database_url(self) -> str:
        """The database's address.

        Raises:
            UserError: none is set.
        """
        if not self.database_url:
            raise UserError(
                "No database is named: set JIERU_DATABASE_URL, for instance to "
                "postgresql://jieru:password@127.0.0.1:5432/jieru"
            )
        return self.database_url


class UnknownSetting(NamedTuple):
    """A name under our prefix that nobody reads."""

    name: str
    env_file: str | None
    """Where it is set; None: in the environment."""
    meant: str | None
    """A name that is close to it."""


def unknown_settings() -> list[UnknownSetting]:
    """What is set and nobody reads, in the environment and in the env file: misspelt, mostly.

    To be warned of, and not refused: an env file outlives the release that it was written for, and
    after a way back to an older one an ingester must start, for the broker keeps heartbeats only
    for so long. What a misspelt name changes for money shows elsewhere, since a count names its
    policy.
    """
    found = _unknown(os.environ, None)
    env_file = os.environ.get("JIERU_ENV_FILE")
    if env_file:
        # One that cannot be read is `load_settings`' to say, and some commands need no settings.
        with suppress(OSError, UnicodeDecodeError):
            found += _unknown(DotEnvSettingsSource(Settings, env_file=env_file).env_vars, env_file)
    return found


def _unknown(names: Iterable[str], env_file: str | None) -> list[UnknownSetting]:
    fields = [field.upper() for field in Settings.model_fields]
    ours = {name.upper() for name in names if name.upper().startswith(_ENV_PREFIX)}
    unknown = ours - OTHER_NAMES - {_ENV_PREFIX + field for field in fields}
    return [UnknownSetting(name, env_file, _nearest(name, fields)) for name in sorted(unknown)]


def _nearest(name: str, fields: list[str]) -> str | None:
    near = get_close_matches(name.removeprefix(_ENV_PREFIX), fields, n=1)
    return _ENV_PREFIX + near[0] if near else None


def load_settings() -> Settings:
    """Read the settings of this process.

    Raises:
        UserError: a setting is wrong, or the env file cannot be read; the message names it.
    """
    env_file = os.environ.get("JIERU_ENV_FILE")
    if env_file and not Path(env_file).is_file():
        raise UserError(
            "The env file {path} named by JIERU_ENV_FILE does not exist.", path=env_file
        )
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "The env file {path} named by JIERU_ENV_FILE cannot be read: {reason}",
            path=env_file,
            reason=error.strerror if isinstance(error, OSError) else _("it is not UTF-8 text"),
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        name = "".join(_ENV_PREFIX + str(part).upper() + ": " for part in first["loc"])
        raise UserError(
            "A setting is wrong: {detail}",
            detail=name + first["msg"].removeprefix("Value error, "),
        ) from None
