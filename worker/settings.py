"""Every setting: its environment variable, default and meaning in one table.

What belongs to the model (input size, labels, thresholds) lives in its artifact, not here.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_network
from math import inf
from pathlib import Path
from typing import Any, Self

from worker.addresses import database_address, queue_address
from worker.errors import SettingsError

MEGABYTE = 1_000_000
DEFAULT_HOME = "~/.local/share/cxr-batch"
# No setting: a supervisor gives each process that it starts a name of its own in this variable.
PROCESS_NAME = "CXR_PROCESS_NAME"
MIN_FILES_KEY = 32  # characters
MAX_PORT = 65_535


def _setting(variable: str, default: Any, help: str, **rule: Any) -> Any:
    return field(default=default, metadata={"variable": variable, "help": help, **rule})


def _number(variable: str, default: int, help: str, least: int = 1) -> Any:
    return _setting(variable, default, help, least=least)


def _secret(variable: str, help: str) -> Any:
    """May also be in a file, which the variable with _FILE at its end names."""
    return _setting(variable, "", help, secret=True)


@dataclass(frozen=True)
class Settings:
    """The settings of one process; durations and sizes name their unit."""

    home: Path = _setting(
        "CXR_HOME", Path(DEFAULT_HOME), "folder of all data: images, database, queue, token"
    )
    redis_url: str = _setting(
        "REDIS_URL",
        "",
        "queue; rediss:// with ssl_ca_certs for TLS; empty: an embedded Valkey server started by "
        "`cxr up`",
    )
    database_url: str = _setting(
        "DATABASE_URL",
        "",
        "SQLAlchemy address; sslmode=verify-full and sslrootcert for TLS; empty: SQLite in the "
        "home folder",
    )
    redis_password: str = _secret(
        "REDIS_PASSWORD", "password of the queue, when REDIS_URL holds none"
    )
    database_password: str = _secret(
        "DATABASE_PASSWORD", "password of the database, when DATABASE_URL holds none"
    )
    host: str = _setting("CXR_HOST", "127.0.0.1", "address that the web server listens on")
    port: int = _setting("CXR_PORT", 8000, "port that the web server listens on")
    web_threads: int = _number(
        "CXR_WEB_THREADS", 8, "requests, other than uploads, that the web server works on at once"
    )
    max_uploads: int = _number(
        "CXR_MAX_UPLOADS", 48, "uploads that the web server takes at once; more are told to wait"
    )
    max_requests_per_minute: int = _number(
        "CXR_MAX_REQUESTS_PER_MINUTE", 30_000, "requests that one token or session may make"
    )
    max_clinic_requests_per_minute: int = _number(
        "CXR_MAX_CLINIC_REQUESTS_PER_MINUTE", 60_000, "the same for all of one clinic together"
    )
    max_upload_mb_per_hour: int = _number(
        "CXR_MAX_UPLOAD_MB_PER_HOUR",
        500_000,
        "what one token or session may send in an hour, in megabytes",
    )
    max_clinic_upload_mb_per_hour: int = _number(
        "CXR_MAX_CLINIC_UPLOAD_MB_PER_HOUR", 1_000_000, "the same for all of one clinic together"
    )
    max_stored_mb: int = _number(
        "CXR_MAX_STORED_MB",
        0,
        "what the X-rays of one clinic may take on the disk, in megabytes; 0: all there is",
        least=0,
    )
    max_waiting_images: int = _number(
        "CXR_MAX_WAITING_IMAGES", 200_000, "images of one clinic that may wait at once"
    )
    token: str = _secret(
        "CXR_TOKEN",
        "the first clinic's access token; another one ends it; empty: created in the home folder",
    )
    secret_key: str = _secret(
        "CXR_SECRET_KEY",
        "protects what a sign-in needs; empty: created on first start in the home folder",
    )
    files_key: str = _secret(
        "CXR_FILES_KEY",
        "encrypts X-rays and pictures on the disk: 32 random characters or more; former keys "
        "follow after commas; empty: not encrypted",
    )
    secure_cookies: bool = _setting(
        "CXR_SECURE_COOKIES", False, "send session cookies over HTTPS only (set it behind TLS)"
    )
    trusted_proxies: str = _setting(
        "CXR_TRUSTED_PROXIES",
        "",
        "proxies (addresses, networks) whose X-Forwarded-For and -Proto are believed",
    )
    oidc_issuer: str = _setting(
        "CXR_OIDC_ISSUER", "", "address of an OpenID Connect provider that people sign in with"
    )
    oidc_client_id: str = _setting("CXR_OIDC_CLIENT_ID", "", "this server's name at that provider")
    oidc_client_secret: str = _secret(
        "CXR_OIDC_CLIENT_SECRET", "this server's secret at that provider"
    )
    require_second_factor: bool = _setting(
        "CXR_REQUIRE_SECOND_FACTOR",
        False,
        "require a second factor of everybody who has a password, in all clinics and of operators",
    )
    leaked_passwords_url: str = _setting(
        "CXR_LEAKED_PASSWORDS_URL",
        "",
        "service that knows leaked passwords, asked when one is chosen, such as "
        "https://api.pwnedpasswords.com/range; empty: none",
    )
    artifact: Path | None = _setting(
        "CXR_ARTIFACT", None, "folder of the model; empty: the released one"
    )
    shadow_artifact: Path | None = _setting(
        "CXR_SHADOW_ARTIFACT",
        None,
        "folder of a second model, which workers run beside it for comparison; empty: none",
    )
    device: str = _setting("CXR_DEVICE", "cpu", "what a worker computes on: cpu or gpu")
    workers: int = _number("CXR_WORKERS", 0, "worker processes; 0: one per core", least=0)
    max_upload_mb: int = _number("CXR_MAX_UPLOAD_MB", 4096, "maximum upload size, in megabytes")
    max_image_mb: int = _number("CXR_MAX_IMAGE_MB", 128, "maximum image size, in megabytes")
    max_job_images: int = _number("CXR_MAX_JOB_IMAGES", 20_000, "maximum number of images per job")
    open_job_s: int = _number(
        "CXR_OPEN_JOB_S", 3600, "seconds without new files after which an open job is closed"
    )
    picture_cache_mb: int = _number(
        "CXR_PICTURE_CACHE_MB", 1024, "large pictures kept to be shown again, in megabytes", least=0
    )
    min_free_mb: int = _number(
        "CXR_MIN_FREE_MB",
        500,
        "free disk space that uploads leave for results, in megabytes; 0: none",
        least=0,
    )
    lease_s: int = _number(
        "CXR_LEASE_S", 20, "seconds after which a silent worker's images go to another"
    )
    max_attempts: int = _number(
        "CXR_MAX_ATTEMPTS", 3, "tries before an image that kills its worker is marked failed"
    )
    image_limit_s: int = _number(
        "CXR_IMAGE_LIMIT_S", 60, "seconds without progress after which a worker is ended"
    )
    sweep_interval_s: float = _setting(
        "CXR_SWEEP_INTERVAL_S", 5.0, "seconds between two rounds of the sweeper"
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Read the environment; `overrides` (the command line's options) win unless None.

        Raises SettingsError naming the variable, what was received and what was expected.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for setting in fields(cls):
            raw = environ.get(setting.metadata["variable"], "").strip()
            if not raw and "secret" in setting.metadata:
                raw = _from_file(environ, f"{setting.metadata['variable']}_FILE")
            if raw:
                values[setting.name] = _parse(setting.metadata["variable"], setting.type, raw)
        values.update({name: value for name, value in overrides.items() if value is not None})
        return cls(**values)

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", Path(self.home).expanduser().resolve())
        self._check()
        embedded = f"sqlite:///{self.home / 'cxr.db'}"
        database = database_address(self.database_url or embedded, self.database_password)
        object.__setattr__(self, "database_url", database)
        queue = queue_address(self.redis_url, self.redis_password)
        object.__setattr__(self, "redis_url", queue)

    def _check(self) -> None:
        """Raises SettingsError."""
        if self.device not in ("cpu", "gpu"):
            raise SettingsError(f"CXR_DEVICE must be cpu or gpu. Received: {self.device!r}")
        for setting in fields(self):
            least, value = setting.metadata.get("least"), getattr(self, setting.name)
            if least is not None and value < least:
                variable = setting.metadata["variable"]
                raise SettingsError(f"{variable} must be {least} or more. Received: {value}")
        if not 0 <= self.port <= MAX_PORT:
            raise SettingsError(f"CXR_PORT must be from 0 to {MAX_PORT}. Received: {self.port}")
        if not 0 < self.sweep_interval_s < inf:
            raise SettingsError(
                f"CXR_SWEEP_INTERVAL_S must be more than 0. Received: {self.sweep_interval_s}"
            )
        for key in self.file_keys:
            if len(key) < MIN_FILES_KEY:
                raise SettingsError(
                    f"CXR_FILES_KEY must have {MIN_FILES_KEY} characters or more, as `openssl rand "
                    f"-hex 32` prints them. Received: one of {len(key)}."
                )
        for proxy in self.proxies:
            try:
                ip_network(proxy)
            except ValueError:
                raise SettingsError(
                    "CXR_TRUSTED_PROXIES must be addresses or networks with commas between them, "
                    f"such as 127.0.0.1,10.0.0.0/8. Received: {proxy!r}"
                ) from None
        if self.leaked_passwords_url and not re.match(r"https?://[^/]", self.leaked_passwords_url):
            raise SettingsError(
                "CXR_LEAKED_PASSWORDS_URL must be an address such as "
                f"https://api.pwnedpasswords.com/range. Received: {self.leaked_passwords_url!r}"
            )
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret):
            raise SettingsError(
                "CXR_OIDC_ISSUER is set: set CXR_OIDC_CLIENT_ID and CXR_OIDC_CLIENT_SECRET too, as "
                "the provider gave them to you."
            )

    @property
    def for_workers(self) -> Self:
        """For processes that decode files, which may be made to take them over: no secrets but
        those without which they could not read them."""
        provider = {"oidc_issuer": "", "oidc_client_id": "", "oidc_client_secret": ""}
        return replace(self, token="", secret_key="", **provider)

    @property
    def without_secrets(self) -> Self:
        return replace(self.for_workers, files_key="")

    @property
    def file_keys(self) -> list[str]:
        """Keys of files on the disk: the first one encrypts, all of them decrypt."""
        return [key.strip() for key in self.files_key.split(",") if key.strip()]

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks of proxies in front of the web server."""
        return [proxy.strip() for proxy in self.trusted_proxies.split(",") if proxy.strip()]

    @property
    def images_dir(self) -> Path:
        return self.home / "images"

    @property
    def token_file(self) -> Path:
        return self.home / "token"

    @property
    def local_address(self) -> str:
        """Where the web server is reached from this machine."""
        own = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
        host = own.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def address_file(self) -> Path:
        """Where `cxr up` says at which address it is."""
        return self.home / "address"

    @property
    def known_address(self) -> str:
        """Where `cxr up` last ran in this home, else where the settings say."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if kept := self.address_file.read_text().strip():
                return kept
        return self.local_address

    @property
    def worker_count(self) -> int:
        """Worker processes on this machine: the setting, or one per usable core."""
        return self.workers or (1 if self.device == "gpu" else len(os.sched_getaffinity(0)))

    def environment(self) -> dict[str, str]:
        """The environment that gives a child process these same settings."""
        values = {
            setting.metadata["variable"]: _format(getattr(self, setting.name))
            for setting in fields(self)
        }
        # What was read from a file is not read again, least of all by those who get none of it.
        files = {
            f"{s.metadata['variable']}_FILE": "" for s in fields(self) if "secret" in s.metadata
        }
        return values | files


def describe() -> list[tuple[str, str, str]]:
    """(variable, default, meaning) of every setting, as the README lists them."""
    return [
        (setting.metadata["variable"], _format(setting.default), setting.metadata["help"])
        for setting in fields(Settings)
    ]


def _from_file(environ: Mapping[str, str], variable: str) -> str:
    path = environ.get(variable, "").strip()
    try:
        return Path(path).read_text().strip() if path else ""
    except OSError as error:
        raise SettingsError(
            f"{variable} must name a file that can be read. Received: {path!r} ({error.strerror})."
        ) from error


def _parse(variable: str, kind: Any, raw: str) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                raw.lower()
            ]
        return Path(raw) if kind in (Path, Path | None) else kind(raw)
    except (ValueError, KeyError):
        wanted = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
        raise SettingsError(f"{variable} must be {wanted}. Received: {raw!r}") from None


def _format(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
