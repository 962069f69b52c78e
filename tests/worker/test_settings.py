import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from redis.connection import parse_url
from sqlalchemy import make_url

from worker.errors import SettingsError
from worker.settings import Settings, describe
from worker.store.database import Database

ROOT = Path(__file__).parents[2]


def test_defaults_keep_everything_in_one_folder():
    settings = Settings.from_env({})
    assert settings.home == Path("~/.local/share/cxr-batch").expanduser()
    assert settings.database_url == f"sqlite:///{settings.home / 'cxr.db'}"
    assert settings.images_dir.parent == settings.token_file.parent == settings.home
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_command_line_wins_over_environment():
    environ = {"CXR_PORT": "9000", "CXR_HOST": "0.0.0.0"}
    settings = Settings.from_env(environ, port=9001, host=None)
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)


def test_a_child_process_gets_the_same_settings(tmp_path):
    settings = Settings(home=tmp_path, secure_cookies=True, lease_s=7, artifact=tmp_path / "model")
    assert Settings.from_env(settings.environment()) == settings


def test_processes_that_decode_files_get_no_secrets(tmp_path):
    provider = {
        "oidc_issuer": "https://id.example",
        "oidc_client_id": "cxr",
        "oidc_client_secret": "the secret",
    }
    secrets = {"token": "the token", "secret_key": "the key"} | provider
    settings = Settings(home=tmp_path, files_key="f" * 32, lease_s=7, **secrets)
    kept = settings.for_workers
    assert not {"the token", "the key", "the secret"} & set(kept.environment().values())
    assert replace(kept, **secrets) == settings
    assert settings.without_secrets == replace(kept, files_key="")


def test_secrets_may_be_in_files(tmp_path):
    file = tmp_path / "password"
    file.write_text("p@ss/word: 100% {strange} and long enough\n")
    names = (
        *("CXR_TOKEN", "CXR_SECRET_KEY", "CXR_FILES_KEY"),
        *("DATABASE_PASSWORD", "REDIS_PASSWORD", "CXR_OIDC_CLIENT_SECRET"),
    )
    addresses = {"DATABASE_URL": "postgresql://cxr@db:5432/cxr", "REDIS_URL": "redis://queue/0"}
    settings = Settings.from_env(addresses | {f"{name}_FILE": str(file) for name in names})
    assert settings.token == settings.secret_key == "p@ss/word: 100% {strange} and long enough"
    assert settings.files_key == settings.oidc_client_secret == settings.token
    assert make_url(settings.database_url).password == "p@ss/word: 100% {strange} and long enough"
    assert make_url(settings.database_url).username == "cxr"
    assert parse_url(settings.redis_url)["password"] == "p@ss/word: 100% {strange} and long enough"
    assert Settings.from_env(settings.environment()) == settings
    kept = {**os.environ, "CXR_TOKEN_FILE": str(file)} | settings.without_secrets.environment()
    assert Settings.from_env(kept).token == ""


def test_a_key_of_files_that_could_be_guessed_is_refused():
    keys = "a" * 32 + ", " + "b" * 32
    assert Settings.from_env({"CXR_FILES_KEY": keys}).file_keys == ["a" * 32, "b" * 32]
    with pytest.raises(SettingsError, match="CXR_FILES_KEY must have 32") as no:
        Settings.from_env({"CXR_FILES_KEY": "a" * 32 + ",secret"})
    assert str(no.value).endswith("Received: one of 6.")


def test_a_password_in_an_address_stays_and_a_missing_file_is_named(tmp_path):
    whole = {"DATABASE_URL": "postgresql://a:b@db/c", "DATABASE_PASSWORD": "other"}
    assert Settings.from_env(whole).database_url == "postgresql+psycopg://a:b@db/c"
    with pytest.raises(SettingsError, match="CXR_TOKEN_FILE must name a file"):
        Settings.from_env({"CXR_TOKEN_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize("address", ["postgres://user@host/db", "postgresql://user@host/db"])
def test_postgresql_gets_the_driver_that_we_install(address):
    settings = Settings.from_env({"DATABASE_URL": address})
    assert settings.database_url == "postgresql+psycopg://user@host/db"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("CXR_PORT", "http", "a whole number"),
        ("CXR_SWEEP_INTERVAL_S", "soon", "a number"),
        ("CXR_SECURE_COOKIES", "maybe", "true or false"),
        ("CXR_DEVICE", "tpu", "cpu or gpu"),
        ("CXR_LEASE_S", "0", "1 or more"),
        ("CXR_WORKERS", "-1", "0 or more"),
        ("CXR_MAX_STORED_MB", "-1", "0 or more"),
        ("CXR_PORT", "65536", "from 0 to 65535"),
        ("CXR_SWEEP_INTERVAL_S", "nan", "more than 0"),
        ("CXR_SWEEP_INTERVAL_S", "inf", "more than 0"),
        ("CXR_SWEEP_INTERVAL_S", "-5", "more than 0"),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_was_received(variable, value, expected):
    with pytest.raises(
        SettingsError, match=rf"{variable} must be {expected}\. Received: '?{value}"
    ):
        Settings.from_env({variable: value})


def test_the_readme_lists_every_setting_as_it_is():
    readme = (ROOT / "README.md").read_text()
    rows = [
        f"| `{variable}` | {f'`{default}`' if default else ''} | {meaning} |"
        for variable, default, meaning in describe()
    ]
    assert not [row for row in rows if row not in readme]


def test_the_readme_knows_every_variable_that_anything_reads():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    kinds = {".py", ".sh", ".yml"}
    read = [ROOT / name for name in tracked if Path(name).suffix in kinds]
    read += [ROOT / "Makefile", ROOT / "Dockerfile", ROOT / ".ci" / "run"]
    variable = re.compile(r"\bCXR_[A-Z0-9_]*[A-Z0-9]\b")
    found = {name for file in read for name in variable.findall(file.read_text())}
    known = set(re.findall(r"`(CXR_\w+)`", (ROOT / "README.md").read_text()))
    secrets = {f"{name}_FILE" for name in known}
    # Set by a parent for its own children.
    inside = {"CXR_PROCESS_NAME", "CXR_TEST_CLOCK"}
    assert found - known - secrets - inside == set()
    assert known <= found


def test_proxies_are_addresses_or_networks():
    settings = Settings.from_env({"CXR_TRUSTED_PROXIES": " 127.0.0.1, 10.0.0.0/8,::1 "})
    assert settings.proxies == ["127.0.0.1", "10.0.0.0/8", "::1"]
    for wrong in ("*", "nginx", "10.0.0.1/8"):
        with pytest.raises(SettingsError, match="CXR_TRUSTED_PROXIES"):
            Settings.from_env({"CXR_TRUSTED_PROXIES": wrong})


@pytest.mark.parametrize("url", ["nonsense", "mysql://user:secret@host/name"])
def test_a_database_of_another_kind_is_refused_without_its_password(url):
    with pytest.raises(SettingsError, match="DATABASE_URL must be") as no:
        Database(url)
    assert "secret" not in str(no.value)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("fe80::2", "http://[fe80::2]:8000"),
        ("clinic.example", "http://clinic.example:8000"),
    ],
)
def test_the_address_of_what_it_listens_on(host, address):
    assert Settings(host=host).local_address == address
